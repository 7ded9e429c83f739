"""The lease of maintenance: `gc` and `backup` never run at once, for one removes what the other is
about to read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mainspring.elements.time import HOUR
from mainspring.ports.state import Leases

__all__ = ["maintenance_lease"]

_RESOURCE = "maintenance"


@contextmanager
def maintenance_lease(leases: Leases, holder: str) -> Iterator[None]:
    """Hold it.  Raises: LeaseHeld FLO-001 while another process does."""
    lease = leases.acquire(_RESOURCE, holder, ttl=12 * HOUR)
    try:
        yield
    finally:
        leases.release(lease)
