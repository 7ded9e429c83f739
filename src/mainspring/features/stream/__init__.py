"""Online state materialized continuously: the loop of `mainspring stream` and of the server.

Owns opening a view's state, the loop, and what it measures.  What a fact changes belongs to
`state`, how work is shared to `flow`.
"""

__all__: list[str] = []
