"""Predictions that have been answered and not been logged yet, where an endpoint declares that it
logs asynchronously.

They wait in the memory of the process, so a kill loses them: that is what is declared.  Nothing
else may: they are logged in their order, all that came in between two writes in one, and once more
where a write fails.  So many may wait; beyond it nothing is dropped behind anybody's back, but what
is answered then says that it is not logged.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple, Protocol

from mainspring.elements.errors import MainspringError
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.inference.policy import LogPolicy

__all__ = ["MOST_PENDING", "PendingPredictions"]

MOST_PENDING = 10_000
_MOST_AT_ONCE = 512
_LOG = logging.getLogger("mainspring.server")


class Keeper(Protocol):
    """What logs predictions."""

    def keep(self, answered: Sequence[AnsweredRows], *, topic: str, log: LogPolicy) -> None:
        """Log these groups, all or none.  Raises: errors of the log."""
        ...

    def has_kept(self, answered: AnsweredRows, *, topic: str) -> bool:
        """Whether the log has this group."""
        ...


class _Pending(NamedTuple):
    topic: str
    log: LogPolicy
    group: AnsweredRows


class PendingPredictions:
    """Takes predictions from whoever answers, and logs them when it is told to.  Any thread may do
    either.

    Args:
        limit: how many predictions may wait; those of one turn may come on top.
    """

    def __init__(self, keeper: Keeper, *, limit: int = MOST_PENDING) -> None:
        self._keeper, self._limit = keeper, limit
        self._waiting = deque[_Pending]()
        self._rows = 0
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._has_failed = False

    @property
    def has_room(self) -> bool:
        """Whether more may wait."""
        return self._rows < self._limit

    def __len__(self) -> int:
        return self._rows

    def put(self, groups: Sequence[AnsweredRows], *, topic: str, log: LogPolicy) -> None:
        """Have these groups logged soon; of each the rows that are to be logged."""
        chosen = [logged for group in groups if (logged := group.logged())]
        with self._lock:
            self._waiting.extend(_Pending(topic, log, group) for group in chosen)
            self._rows += sum(len(group.scores) for group in chosen)

    def flush(self) -> None:
        """Log what waits.  Raises: errors of the log, and then what was not logged goes on waiting.

        Cost: one append for what waits of an endpoint, at most 512 groups.
        """
        with self._flushing:
            while batch := self._next():
                self._keep(batch)
                self._forget(batch)

    def drain(self) -> int:
        """Log what waits, as the process is about to end; how many predictions are lost because
        they could not be logged.
        """
        try:
            self.flush()
        except MainspringError as error:
            _LOG.error("%d predictions are lost, not logged: %s", self._rows, error)
        return self._rows

    def _next(self) -> list[_Pending]:
        """The oldest that go into one append; only `flush` takes them away."""
        with self._lock:
            if not self._waiting:
                return []
            topic, log, _ = self._waiting[0]
            alike = takewhile(lambda each: (each.topic, each.log) == (topic, log), self._waiting)
            return [each for each, _ in zip(alike, range(_MOST_AT_ONCE), strict=False)]

    def _forget(self, batch: Sequence[_Pending]) -> None:
        with self._lock:
            for each in batch:
                self._waiting.popleft()
                self._rows -= len(each.group.scores)

    def _keep(self, batch: Sequence[_Pending]) -> None:
        topic, log, first = batch[0]
        # A write that failed may have been one that failed behind its commit.
        if self._has_failed and self._keeper.has_kept(first, topic=topic):
            groups = [
                each.group for each in batch if not self._keeper.has_kept(each.group, topic=topic)
            ]
        else:
            groups = [each.group for each in batch]
        self._has_failed = True
        self._keeper.keep(groups, topic=topic, log=log)
        self._has_failed = False
