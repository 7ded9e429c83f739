"""Until when the work for a request may go on.

A server says so in the thread, or the turn of its event loop, in which the work is done.  What
computes for long and can be ended asks here, and ends with DeadlinePassed: most of all the scorer
of a model, whose time nobody can foresee.  Where nobody has said anything there is no deadline.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import NamedTuple

__all__ = ["Deadline", "present_deadline", "working_at_most"]


class Deadline(NamedTuple):
    """An instant of the monotonic clock, in seconds, and how long it was away when it was set."""

    at: float
    limit_s: float


_DEADLINE: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def present_deadline() -> Deadline | None:
    """The deadline of this thread or task, if it has one."""
    return _DEADLINE.get()


@contextmanager
def working_at_most(limit_s: float) -> Iterator[None]:
    """Within the block, in this thread or task, work ends after so long."""
    token = _DEADLINE.set(Deadline(monotonic() + limit_s, limit_s))
    try:
        yield
    finally:
        _DEADLINE.reset(token)
