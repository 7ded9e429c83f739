"""Engines whose writes fail: every n-th, before it happened or after, as when the acknowledgement
is lost.

Wrapped around a real engine, they show whether what writes to it loses or doubles something when it
is done again.  Reads are passed on as they are.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from mainspring.elements.events import Event, Recorded
from mainspring.elements.time import Micros
from mainspring.ports.errors import StoreFailed
from mainspring.ports.log import Identity, LogWriter, PackedRecord
from mainspring.ports.online import NOTHING_APPENDED, OnlineWriter, Position, ShardCommit
from mainspring.ports.state import Change, Document, Lease, StateWriter
from mainspring.ports.tables import TableWriter

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FailingLog", "FailingOnline", "FailingState", "FailingTables", "Failures"]

T = TypeVar("T")


@dataclass
class Failures:
    """Which writes fail; several engines may share one, and are then counted together.

    Args:
        every: the n-th, 2n-th, … write fails; 0 lets all succeed.
        when: `before` leaves nothing behind, `after` has written and does not say so, `either`
            takes turns.
        failed: how many have failed.
    """

    every: int
    when: Literal["before", "after", "either"] = "either"
    failed: int = 0
    _writes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def write(self, store: str, work: Callable[[], T]) -> T:
        """Do the work, or raise ENG-001 instead of it or after it.

        >>> Failures(every=2).write("a list", lambda: 7)
        7
        """
        with self._lock:
            self._writes += 1
            fails = self.every > 0 and self._writes % self.every == 0
            self.failed += fails
            after = self.when == "after" or (self.when == "either" and self.failed % 2 == 0)
        if fails and not after:
            raise StoreFailed(
                store=store,
                operation="write",
                reason="this write was chosen to fail before it began",
            )
        result = work()
        if fails:
            raise StoreFailed(
                store=store,
                operation="write",
                reason="this write was chosen to fail after it was done",
            )
        return result


@dataclass(frozen=True)
class FailingLog:
    """A log whose appends, trims and compactions fail."""

    log: LogWriter
    failures: Failures

    def topics(self) -> Sequence[str]:
        """As the log says."""
        return self.log.topics()

    def first(self, topic: str) -> int:
        """As the log says."""
        return self.log.first(topic)

    def head(self, topic: str) -> int:
        """As the log says."""
        return self.log.head(topic)

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> "Iterator[pl.DataFrame]":
        """As the log says."""
        return self.log.read(topic, start=start, stop=stop)

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """As the log says."""
        return self.log.find(topic, ids)

    def append(
        self, batches: "Mapping[str, pl.DataFrame]", *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append, or fail."""
        return self.failures.write("the log", lambda: self.log.append(batches, expected=expected))

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Append, or fail."""
        return self.failures.write(
            "the log", lambda: self.log.append_packed(topic, records, on_disk=on_disk)
        )

    def trim(self, topic: str, before: int) -> int:
        """Trim, or fail."""
        return self.failures.write("the log", lambda: self.log.trim(topic, before))

    def compact(self, topic: str) -> int:
        """Compact, or fail."""
        return self.failures.write("the log", lambda: self.log.compact(topic))


@dataclass(frozen=True)
class FailingTables:
    """Tables whose appends fail."""

    tables: TableWriter
    failures: Failures

    def position(self, table: str) -> int:
        """As the tables say."""
        return self.tables.position(table)

    def scan(self, table: str) -> "pl.LazyFrame | None":
        """As the tables say."""
        return self.tables.scan(table)

    def append(self, table: str, frame: "pl.DataFrame", *, expected: int, position: int) -> None:
        """Append, or fail."""
        self.failures.write(
            "the tables",
            lambda: self.tables.append(table, frame, expected=expected, position=position),
        )

    def vacuum(self, table: str, *, retain: Micros, order: Sequence[str] = ()) -> int:
        """Vacuum, or fail."""
        return self.failures.write(
            "the tables", lambda: self.tables.vacuum(table, retain=retain, order=order)
        )

    def drop(self, table: str) -> None:
        """Drop, or fail."""
        self.failures.write("the tables", lambda: self.tables.drop(table))


@dataclass(frozen=True)
class FailingOnline:
    """An online store whose commits and drops fail."""

    online: OnlineWriter
    failures: Failures

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """As the store says."""
        return self.online.read(shard, keys)

    def read_into(
        self, shard: str, keys: Sequence[bytes], memory: memoryview
    ) -> tuple[Position | None, list[int]]:
        """As the store says."""
        return self.online.read_into(shard, keys, memory)

    def iter_rows(self, shard: str) -> Iterator[tuple[bytes, bytes]]:
        """As the store says."""
        return self.online.iter_rows(shard)

    def shards(self) -> Mapping[str, Position]:
        """As the store says."""
        return self.online.shards()

    def appended(self, shard: str) -> Mapping[bytes, int]:
        """As the store says."""
        return self.online.appended(shard)

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes] = NOTHING_APPENDED,
    ) -> None:
        """Commit, or fail."""
        self.failures.write(
            "the online store",
            lambda: self.online.commit(
                shard, rows, expected=expected, position=position, appended=appended
            ),
        )

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit them all, or fail before or after any was."""
        self.failures.write("the online store", lambda: self.online.commit_all(commits))

    def drop(self, shard: str) -> None:
        """Drop, or fail."""
        self.failures.write("the online store", lambda: self.online.drop(shard))


@dataclass(frozen=True)
class FailingState:
    """State whose commits fail."""

    state: StateWriter
    failures: Failures

    def get(self, kind: str, key: str) -> Document | None:
        """As the state says."""
        return self.state.get(kind, key)

    def iter_documents(self, kind: str, prefix: str = "") -> Iterator[Document]:
        """As the state says."""
        return self.state.iter_documents(kind, prefix)

    def kinds(self) -> Sequence[str]:
        """As the state says."""
        return self.state.kinds()

    def iter_events(self, *, after: int = 0, kind: str = "") -> Iterator[Recorded]:
        """As the state says."""
        return self.state.iter_events(after=after, kind=kind)

    def journal_head(self) -> int:
        """As the state says."""
        return self.state.journal_head()

    def commit(
        self, changes: Sequence[Change], events: Sequence[Event], *, lease: Lease | None = None
    ) -> int:
        """Commit, or fail."""
        return self.failures.write(
            "the state", lambda: self.state.commit(changes, events, lease=lease)
        )
