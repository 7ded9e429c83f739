"""Whether a log is still the one that the state knows, and as long as the journal has seen it.

A log that was lost and made anew answers every question: with nothing.  Whatever is folded from it
would begin from nothing too, and nobody would notice but by its numbers.  So two stores must agree
before either is believed: the state notes which log it works with (`LogBinding`) and how far each
source has come (`sources.record`), and a log that falls short of that is not read at all.

The look costs a few reads and is taken at most once a second, by whoever uses the log: there is no
way past it, and a log that is put back is used again at once.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from mainspring.elements.errors import EngineError
from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.ports.backup import BackupPart, BackupSource, CopiedPart
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import (
    IdentifiedLog,
    Identity,
    LogReader,
    LogWriter,
    PackedRecord,
)
from mainspring.ports.state import Change, StateReader, StateWriter
from mainspring.sources.errors import LogReplaced, LogShorter, StateForgotten
from mainspring.sources.journaled import identity_of, iter_begun, iter_journaled

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LogBinding", "LogWatch", "WatchedLog", "find_log_fault", "unwatched"]

_BINDING = "log_binding"
_PERIOD_S = 1.0
_PARTS = {"facts": "the log", "predictions": "the inference log"}


class LogBinding(StoredRecord, frozen=True, kw_only=True):
    """Which log a state works with.  Document kind `log_binding`, key: what names the engine.

    Args:
        identities: of its parts, as the log gives them.
    """

    title = "the binding of a log"
    document = _BINDING

    identities: dict[str, str]


def find_log_fault(log: LogReader, state: StateReader, store: str) -> EngineError | None:
    """What is wrong with a log by what the state knows of it; None where they agree.

    Args:
        store: what names the engine of the log: environments may have several.

    Cost: a read for each topic that the journal has seen.
    """
    document = state.get(_BINDING, store)
    found = log.identities() if isinstance(log, IdentifiedLog) else {}
    if document is None:
        return _forgotten(log) if state.journal_head() == 0 else None
    known = parse_document(document, LogBinding).identities
    for part, identity in known.items():
        if found.get(part, identity) != identity:
            return LogReplaced(
                store=_PARTS.get(part, part), known=identity[-12:], found=found[part][-12:]
            )
    return next(_iter_shorter(log, state), None)


def _iter_shorter(log: LogReader, state: StateReader) -> Iterator[LogShorter]:
    for journaled in iter_journaled(state, identity_of(log)):
        for topic, seen in journaled.heads.items():
            if (head := log.head(topic)) < seen:
                yield LogShorter(topic=topic, head=head, seen=seen)


def _forgotten(log: LogReader) -> StateForgotten | None:
    heads = [log.head(topic) for topic in log.topics()]
    return StateForgotten(records=sum(heads), topics=len(heads)) if any(heads) else None


class LogWatch:
    """Looks whether a log and a state agree.

    Args:
        store: what names the engine of the log.
    """

    def __init__(self, log: LogReader, state: StateWriter, store: str) -> None:
        self._log, self._state, self._store = log, state, store
        self._checked_s = float("-inf")
        self._fault: EngineError | None = None

    def bind(self) -> None:
        """Note which log this is, where that was never noted and nothing is wrong."""
        is_known = self._state.get(_BINDING, self._store) is not None
        if not is_known and self.check() is None:
            self._write(expected=0)

    def accept(self) -> None:
        """Take what the log holds now for the whole."""
        self._write(expected=None)
        self._checked_s = float("-inf")

    def require(self) -> None:
        """Return while they agree; what was found stands for a second.  Raises: LogReplaced
        ENG-040, LogShorter ENG-041, StateForgotten ENG-042.
        """
        if time.monotonic() - self._checked_s >= _PERIOD_S:
            self.check()
        if self._fault is not None:
            raise self._fault.with_traceback(None)

    def check(self) -> EngineError | None:
        """Look now; what is wrong."""
        self._fault = find_log_fault(self._log, self._state, self._store)
        self._checked_s = time.monotonic()
        return self._fault

    def _write(self, *, expected: int | None) -> None:
        log, state = self._log, self._state
        found = log.identities() if isinstance(log, IdentifiedLog) else {}
        binding = LogBinding(identities={**found})
        changes = [Change(_BINDING, self._store, render_stored(binding), expected)]
        known = list(iter_journaled(state, identity_of(log)))
        if expected is None:
            changes += [journaled.cut_to(log).change() for journaled in known]
        # What was there before anybody noted anything counts as journaled.
        changes += iter_begun(log, but={journaled.key for journaled in known})
        try:
            state.commit(changes, [])
        except StaleWrite:
            # Another process opened the workspace at the same moment and has noted it.
            self._checked_s = float("-inf")


class WatchedLog:
    """A log that is used only while its watch finds nothing wrong with it.

    Args:
        unwatched: the log itself.
    """

    def __init__(self, unwatched: LogWriter, watch: LogWatch) -> None:
        self.unwatched, self.watch = unwatched, watch
        self._counter = count(1)
        self.writes = 0
        """How often this process has appended: see `CountsWrites`."""

    def identities(self) -> Mapping[str, str]:
        """As the log says."""
        log = self.unwatched
        return log.identities() if isinstance(log, IdentifiedLog) else {}

    def topics(self) -> Sequence[str]:
        """As the log says."""
        self.watch.require()
        return self.unwatched.topics()

    def first(self, topic: str) -> int:
        """As the log says."""
        self.watch.require()
        return self.unwatched.first(topic)

    def head(self, topic: str) -> int:
        """As the log says."""
        self.watch.require()
        return self.unwatched.head(topic)

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> "Iterator[pl.DataFrame]":
        """As the log says."""
        self.watch.require()
        return self.unwatched.read(topic, start=start, stop=stop)

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """As the log says."""
        self.watch.require()
        return self.unwatched.find(topic, ids)

    def append(
        self, batches: "Mapping[str, pl.DataFrame]", *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append to the log."""
        self.watch.require()
        try:
            return self.unwatched.append(batches, expected=expected)
        finally:
            # Also of an append that failed: whether it is in the log is for a look to say.
            self.writes = next(self._counter)

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Append packed records to the log."""
        self.watch.require()
        try:
            return self.unwatched.append_packed(topic, records, on_disk=on_disk)
        finally:
            self.writes = next(self._counter)

    def trim(self, topic: str, before: int) -> int:
        """Trim the log."""
        self.watch.require()
        return self.unwatched.trim(topic, before)

    def compact(self, topic: str) -> int:
        """Compact the log."""
        self.watch.require()
        return self.unwatched.compact(topic)

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy."""
        self.watch.require()
        return self.unwatched.backup_parts() if isinstance(self.unwatched, BackupSource) else ()

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Copy one of them."""
        assert isinstance(self.unwatched, BackupSource), part
        return self.unwatched.copy_part(part, folder)


def unwatched(log: LogWriter) -> LogWriter:
    """The log itself, once its watch has found nothing wrong.  Raises: as `LogWatch.require`."""
    if not isinstance(log, WatchedLog):
        return log
    log.watch.require()
    return log.unwatched
