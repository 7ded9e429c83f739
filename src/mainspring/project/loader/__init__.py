"""What the project's modules declare: found by type, checked as a whole, fingerprinted, and joined
to the graph of assets.

Owns the way from Python modules to a `Project`.  Importing them touches no disk and no network;
what an environment holds of it is left to `planned`.
"""

__all__: list[str] = []
