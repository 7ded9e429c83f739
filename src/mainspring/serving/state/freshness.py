"""How new what a reader answers from is, and what that costs.

Whether a map has moved and whether a log has grown is known to their stores, and asking them takes
longer than a read of features.  So a reader asks when there is a reason to:

- its own process has written to one of them, which is counted where it is done and compared in
  nanoseconds: a push, an ingest or an `apply` by this workspace is seen by its next read;
- the last look is ten milliseconds old: so long, at most, what another process has written may go
  unseen.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from mainspring.ports.written import CountsWrites

__all__ = ["LOOK_S", "Freshness", "Look"]

LOOK_S = 0.01
"""A look takes 0.1 ms: a hundredth of the time, for who reads without a pause."""


class Look(NamedTuple):
    """A look that has begun: when, and how often this process had written by then."""

    at_s: float
    log_writes: int
    state_writes: int


class Freshness:
    """Says when a reader has to look again.

    Args:
        log, state: what it looks at, where they count what this process writes; without one of
            them there is a reason before every read.
        steady: seconds that only go forward.
    """

    def __init__(
        self,
        log: object = None,
        state: object = None,
        *,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log if isinstance(log, CountsWrites) else _Uncounted()
        self._state = state if isinstance(state, CountsWrites) else _Uncounted()
        is_counted = isinstance(log, CountsWrites) and isinstance(state, CountsWrites)
        self._length_s = LOOK_S if is_counted else 0.0
        self._steady = steady
        self._until, self._log_seen, self._state_seen = float("-inf"), -1, -1

    def is_due(self) -> bool:
        """Whether there is a reason to look.  Cost: 0.2 µs."""
        return (
            self._log.writes != self._log_seen
            or self._state.writes != self._state_seen
            or self._steady() >= self._until
        )

    def begin(self) -> Look:
        """A look begins: what is written from here on is a reason for another."""
        return Look(self._steady(), self._log.writes, self._state.writes)

    def end(self, look: Look) -> None:
        """All was seen that there was when this look began; one that fails never ends."""
        self._until = look.at_s + self._length_s
        self._log_seen, self._state_seen = look.log_writes, look.state_writes


class _Uncounted:
    """A store of which nobody knows how often it was written to."""

    writes = 0
