"""Where and how the models of a server compute: what an endpoint, an environment or an option
declares of it, and what each model has done before it is ready.

Owns the declaration and the warm-up.  Opening a model on a provider is an engine's.
"""

__all__: list[str] = []
