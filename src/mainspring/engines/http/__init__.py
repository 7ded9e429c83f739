"""HTTP by Starlette and uvicorn: calls and replies of the port, translated to and from ASGI.

What is answered belongs to the routes, who may call to `access`, and which error is which status to
the composition.
"""

__all__: list[str] = []
