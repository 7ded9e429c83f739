"""Group commit: pushes that arrive while one is written go into the next transaction together.

Whoever gets the lock writes what waits, for all who wait; nobody waits for a timer, so a push that
comes alone is written at once.  A thread of its own for this was rejected: it would have to be
started, fed and stopped by whoever opens a source, and a process that forks has none.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.sources.append_group import Appended, PlacedPush, append_group
from mainspring.sources.append_push import Push
from mainspring.sources.generation import Generation
from mainspring.sources.raw.segment import RawSegment
from mainspring.sources.record import IngestJournal, JournaledCall, record_ingestions
from mainspring.sources.report import IngestReport

__all__ = ["GroupCommit", "PushOutcome", "PushRequest"]

PushOutcome = IngestReport | Exception
"""What came of a push, or why it was refused."""

_ATTEMPTS = 20
_MOST_PUSHES = 512
_MOST_ROWS = 100_000
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, eq=False, kw_only=True)
class PushRequest:
    """A push as it waits.

    Args:
        history, ahead: as of `SourceWriter.write_rows`.
        journal: where it is recorded, and who brings it; None for no journal.
        ignored: columns that its rows have and the source has not.
    """

    push: Push
    history: bool = False
    ahead: Micros = 0
    journal: IngestJournal | None = None
    ignored: tuple[str, ...] = ()


@dataclass(eq=False)
class _Waiting:
    request: PushRequest
    outcome: PushOutcome | None = None


class GroupCommit:
    """Writes the pushes of one source, in the order in which they come; any thread may call it.

    What one push meets, such as rows that cannot be read, ends no other.  What the log or the
    journal refuses, it refuses all of a group: then none of them is acknowledged.
    """

    def __init__(self, generation: Generation, *, log: LogWriter, clock: Clock) -> None:
        self._generation, self._log, self._clock = generation, log, clock
        self._lock = threading.Lock()
        self._queue = deque[_Waiting]()

    def write(self, requests: Sequence[PushRequest]) -> list[PushOutcome]:
        """Write pushes, perhaps together with those of other threads; what came of each, when all
        that was accepted is durable and in the journal.
        """
        mine = [_Waiting(request) for request in requests]
        self._queue.extend(mine)
        with self._lock:
            while any(each.outcome is None for each in mine):
                self._write_next()
        return [each.outcome for each in mine if each.outcome is not None]

    def _write_next(self) -> None:
        group = list(self._take())
        with _ending(group):
            self._write_group(group)

    def _take(self) -> Iterator[_Waiting]:
        """The first that wait, as many as one transaction should have."""
        rows = size_bytes = 0
        for count in range(_MOST_PUSHES):
            if not self._queue:
                return
            push = self._queue[0].request.push
            rows, size_bytes = rows + push.height, size_bytes + len(push.body)
            if count and (rows > _MOST_ROWS or size_bytes > _MOST_BYTES):
                return
            yield self._queue.popleft()

    def _write_group(self, group: Sequence[_Waiting]) -> None:
        """One after the other where writing them together meets a bug: whose rows have it ends
        alone.
        """
        try:
            self._write_together(group)
        except MainspringError:
            raise
        # the edge of a push: what only one of them is to blame for must not end the others
        except Exception:
            if len(group) == 1:
                raise
            for each in group:
                self._write_alone(each)

    def _write_alone(self, each: _Waiting) -> None:
        with _ending([each]):
            self._write_together([each])

    def _write_together(self, group: Sequence[_Waiting]) -> None:
        now = self._clock.now()
        pushes = [PlacedPush(each.request.push, _template(each.request, now)) for each in group]
        calls = list[tuple[_Waiting, IngestReport, JournaledCall | None]]()
        for each, found in zip(group, self._append(pushes), strict=True):
            if isinstance(found, Appended):
                report = replace(found.report, ignored=each.request.ignored)
                calls.append((each, report, _journaled(each.request, report, found.segment)))
            else:
                each.outcome = found
        # After the rows, in another store: a crash in between leaves rows without an entry, which
        # the next call finds.
        record_ingestions(
            [call for _, _, call in calls if call], generation=self._generation, log=self._log
        )
        for each, report, _ in calls:
            each.outcome = report

    def _append(self, pushes: Sequence[PlacedPush]) -> list[Appended | MainspringError]:
        for attempt in range(_ATTEMPTS):
            try:
                return append_group(pushes, generation=self._generation, log=self._log)
            except StaleWrite:
                # Optimistic: no lock of the log is held while a group is judged.  Twenty in a row
                # is no bad luck any more, and the callers hear of it.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")


@contextmanager
def _ending(group: Sequence[_Waiting]) -> Iterator[None]:
    """Tell those of the group who were not answered what ended it."""
    try:
        yield
    # told to all who wait: each raises it in the thread that asked
    except BaseException as error:
        for each in group:
            each.outcome = each.outcome or _told(error)
        if not isinstance(error, Exception):
            raise


def _told(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _template(request: PushRequest, now: Micros) -> RawSegment:
    journal = request.journal
    return RawSegment(
        kind="rows",
        start=0,
        rows=0,
        appended_at=now,
        actor=journal.actor if journal else Actor(""),
        environment=journal.environment if journal else "",
        history=request.history,
        ahead=request.ahead,
    )


def _journaled(
    request: PushRequest, report: IngestReport, segment: int | None
) -> JournaledCall | None:
    if request.journal is None:
        return None
    segments = frozenset() if segment is None else frozenset({segment})
    return JournaledCall(report, request.journal, segments, is_retry=report.duplicates > 0)
