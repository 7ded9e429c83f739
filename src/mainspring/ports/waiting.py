"""How long a store may wait here: for a lock, for a server.

In the event loop of a server nobody may wait, since all connections would wait with them.  There a
store that cannot answer within some milliseconds raises StoreBusy, and the server asks again in a
thread, where it may wait for some seconds, since a caller waits too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mainspring.ports.errors import StoreBusy

__all__ = ["SHORT_WAIT_S", "may_wait", "patience_s", "require_may_wait", "waiting_at_most"]

SHORT_WAIT_S = 0.005
"""What counts as not waiting."""

_PATIENCE_S: ContextVar[float | None] = ContextVar("patience_s", default=None)


def patience_s(default_s: float) -> float:
    """How long the caller has time; `default_s` where nothing is said."""
    patience = _PATIENCE_S.get()
    return default_s if patience is None else patience


def may_wait() -> bool:
    """Whether the caller has more time than none."""
    return patience_s(1.0) > SHORT_WAIT_S


@contextmanager
def waiting_at_most(timeout_s: float) -> Iterator[None]:
    """Within the block no store waits longer for a lock, in this thread or task."""
    token = _PATIENCE_S.set(timeout_s)
    try:
        yield
    finally:
        _PATIENCE_S.reset(token)


def require_may_wait(store: str, operation: str) -> None:
    """For a store that always waits, such as one behind a network.  Raises: StoreBusy ENG-009 where
    nobody may.
    """
    if not may_wait():
        raise StoreBusy(store=store, operation=operation)
