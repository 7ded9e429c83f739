"""The HTTP edge: routes, problem details, metrics, and the server process with its background work.

A route reads the request, asks for a permission, calls one thing and renders its record.  What is
answered and why is decided in `serving`.
"""

__all__: list[str] = []
