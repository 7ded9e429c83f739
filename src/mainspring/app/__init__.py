"""The edges: the workspace that puts everything together, the command line, the HTTP server, the
simulator and the demonstration.

This is the only package that chooses engines, reads configuration and talks to people.  Nothing
imports it.
"""

__all__: list[str] = []
