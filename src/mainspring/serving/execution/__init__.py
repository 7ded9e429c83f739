"""Where the models of a server compute, as it is declared, and their warm-up.

Owns the declaration and the first runs.  Opening a model on a provider is an engine's.
"""

__all__: list[str] = []
