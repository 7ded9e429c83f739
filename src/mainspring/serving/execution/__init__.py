"""Where the models of a server compute, as it is declared.

Owns the declaration.  Opening a model on a provider is an engine's.
"""

__all__: list[str] = []
