"""The feature views that an environment serves: which they are, whether their online state is
ready, and reads of them.

Owns the reading of views from the environment's version and stored definitions.  How a view is
materialized is left to `mainspring.features`.
"""

__all__: list[str] = []
