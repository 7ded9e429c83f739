"""HTTP by a server of our own, and by Starlette and uvicorn: calls and replies of the port.

What is answered belongs to the routes, and who may call to `access`.  Here it is decided within
which limits, where it is computed, and which error is which status.
"""

__all__: list[str] = []
