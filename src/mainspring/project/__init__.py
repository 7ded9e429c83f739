"""Declarations of a project are discovered, checked, fingerprinted, compared with an environment,
planned and applied.

A plan is a list of frozen stage records with two readers: `apply` performs them, `explain` prints
them.  What a stage does is left to the package of its noun (features, datasets, training, gates);
when a plan is made and applied is left to the workspace.
"""

from mainspring.project.errors import ProjectErrors

__all__ = ["ProjectErrors"]
