"""Where the models of a server compute, as it is declared, their warm-up, and how long requests
wait to be computed together.

Owns the declaration, the first runs and the rule.  Opening a model on a provider is an engine's.
"""

__all__: list[str] = []
