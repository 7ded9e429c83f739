"""Whether a store may wait here: for a lock, for a server.

In the event loop of a server nobody may wait, since all connections would wait with them.  There a
store that cannot answer within some milliseconds raises StoreBusy, and the server asks again in a
thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mainspring.ports.errors import StoreBusy

__all__ = ["SHORT_WAIT_S", "may_wait", "nowait", "require_may_wait"]

SHORT_WAIT_S = 0.005
"""What counts as not waiting."""

_MAY_WAIT: ContextVar[bool] = ContextVar("may_wait", default=True)


def may_wait() -> bool:
    """Whether the caller has time."""
    return _MAY_WAIT.get()


@contextmanager
def nowait() -> Iterator[None]:
    """Within the block no store waits, in this thread or task."""
    token = _MAY_WAIT.set(False)
    try:
        yield
    finally:
        _MAY_WAIT.reset(token)


def require_may_wait(store: str, operation: str) -> None:
    """For a store that always waits, such as one behind a network.  Raises: StoreBusy ENG-009 where
    nobody may.
    """
    if not may_wait():
        raise StoreBusy(store=store, operation=operation)
