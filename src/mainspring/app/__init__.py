"""The edges: the composition root, the command line, the composition of the HTTP server, and the
demonstration.

This is the only package that chooses engines, reads configuration and prints.  Nothing imports it.
"""

__all__: list[str] = []
