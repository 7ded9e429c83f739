"""The right to tidy up or to copy: `gc` and `backup` never run at once, for one removes what the
other is about to read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mainspring.elements.time import HOUR
from mainspring.project.kinds.evaluation import Runtime

__all__ = ["maintenance_lease"]

_RESOURCE = "maintenance"


@contextmanager
def maintenance_lease(tools: Runtime) -> Iterator[None]:
    """Hold it.  Raises: FLO-001 while another process does."""
    lease = tools.state.acquire(_RESOURCE, tools.actor, ttl=12 * HOUR)
    try:
        yield
    finally:
        tools.state.release(lease)
