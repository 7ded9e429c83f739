"""Where a model computes: the provider that is declared for it, and the one that it was opened on.

Owns the records and what is refused where they differ.  Opening a model is an engine's; what is
declared is `serving.execution`'s.
"""

from mainspring.ports.placement.errors import (
    PLACEMENT_ERRORS,
    NodesElsewhere,
    ProviderFailed,
    ProviderMissing,
)
from mainspring.ports.placement.spec import ON_CPU, PROVIDERS, Placed, Placement, Provider

__all__ = [
    "ON_CPU",
    "PLACEMENT_ERRORS",
    "PROVIDERS",
    "NodesElsewhere",
    "Placed",
    "Placement",
    "Provider",
    "ProviderFailed",
    "ProviderMissing",
]
