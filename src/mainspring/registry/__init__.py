"""Which models exist: immutable versions named by the digest of their manifest, with readable
ordinals, and who made them when and why.

Which version is in charge is a pointer of an environment and belongs to `project`; whether one may
be is for `gates` to prove.  Nothing is ever deleted or renumbered here, so a version that a
prediction names can always be read.
"""

from mainspring.registry.errors import ArtifactChanged, BusyRegistry, UnknownVersion

__all__ = ["ArtifactChanged", "BusyRegistry", "UnknownVersion"]
