"""Online state kept current: which views an environment keeps, which part of them this process
folds, and the loop that does it.

What a fold is belongs to `features`, how work is shared to `flow`; `mainspring stream` and the
server run the same loop.
"""

__all__: list[str] = []
