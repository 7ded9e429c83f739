"""How programs call a server: the OpenAPI document, and what is generated from it.

Nothing here answers or asks anything: records in, text out.  What is answered belongs to the
packages whose routes these are; the client in Python is `mainspring.client`.
"""

__all__: list[str] = []
