"""Rows in quarantine: which there are, and what became of them.

A row leaves quarantine when its fact is accepted later, when somebody releases it, or when somebody
drops it.  Nothing is written for the first: whoever reads looks up what stands now.
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.elements.time import Micros
from mainspring.ports.log import Identity, LogReader
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["QuarantineCounts", "QuarantinedRow", "read_quarantine"]

_COUNTED = ("_id", "_op", "_raw", "reason", "fact", "content", "facts", "count")
_TOLD = ("_op", "_raw", "_appended_at", "reason", "code", "row", "fact")


class QuarantinedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row in quarantine.

    Args:
        raw: its raw offset, by which it is released or dropped.
        reason: the rules that it breaks; `code`: of the error that explains them.
        row: as JSON, as it came.
        fact: the id that it has as a fact; None where it has none.
        appended_at: when it came first; `count`: how often it came.
    """

    raw: int
    reason: str
    code: str
    row: str
    fact: str | None
    appended_at: Micros
    count: int


class _Stay(NamedTuple):
    """A row that nobody has dropped or released since it came.

    Args:
        is_conflict: it contradicts another one, so that it stays until it is accepted itself.
        content: its digest; `facts`: where the facts ended when it was refused.
        times: how often it came.
    """

    raw: int
    is_conflict: bool
    fact: str | None
    content: bytes | None
    facts: int
    times: int

    def has_left(self, standing: Mapping[str, Identity]) -> bool:
        """Whether its fact was accepted after it was refused: the very row for one that
        contradicted another, any for one that could be none.
        """
        found = standing.get(self.fact) if self.fact else None
        if found is None or not found.stands or found.offset < self.facts:
            return False
        return not self.is_conflict or found.content == self.content


class _Stays:
    """What the records of a quarantine come to, in their order; `came` is how many rows did, each
    as often as it came.
    """

    def __init__(self) -> None:
        self.came = 0
        self._by_key: dict[str, _Stay] = {}
        self._keys: dict[int | None, str] = {}
        self._gone: set[int | None] = set()

    def take(self, frame: pl.DataFrame) -> None:
        """Take the records that come next."""
        for key, op, raw, reason, fact, content, facts, count in frame.select(_COUNTED).iter_rows():
            if op == "retract":
                self._gone.add(raw)
                self._by_key.pop(self._keys.get(raw, ""), None)
                continue
            self.came += count
            stay = self._by_key.get(key)
            if stay is not None:
                self._by_key[key] = stay._replace(times=stay.times + count)
            elif raw is not None and raw not in self._gone:
                self._keys[raw] = key
                self._by_key[key] = _Stay(raw, reason == "conflict", fact, content, facts, count)

    def present(self, stream: str, log: LogReader) -> list[_Stay]:
        """Those that have not left because of their facts."""
        stays = self._by_key.values()
        standing = log.find(topic_of(stream), [stay.fact for stay in stays if stay.fact])
        return [stay for stay in stays if not stay.has_left(standing)]


def read_quarantine(stream: str, log: LogReader) -> list[QuarantinedRow]:
    """The rows that are in quarantine now, in the order in which they came first.

    Cost: reads the whole quarantine, and looks each fact up.
    """
    stays, first = _Stays(), dict[int, QuarantinedRow]()
    for frame in _iter_frames(stream, log):
        stays.take(frame)
        for op, raw, appended_at, reason, code, row, fact in frame.select(_TOLD).iter_rows():
            if op != "retract" and raw is not None and raw not in first:
                first[raw] = QuarantinedRow(
                    raw=raw,
                    reason=reason,
                    code=code,
                    row=row or "",
                    fact=fact,
                    appended_at=appended_at,
                    count=0,
                )
    present = (
        msgspec.structs.replace(first[stay.raw], count=stay.times)
        for stay in stays.present(stream, log)
    )
    return sorted(present, key=lambda row: row.raw)


class QuarantineCounts:
    """Counts the rows of quarantines, for whoever asks again and again: each record is read once.

    It may be used from several threads.
    """

    def __init__(self, log: LogReader) -> None:
        self._log, self._lock = log, Lock()
        self._read: dict[str, tuple[int, int, _Stays]] = {}

    def departed(self, stream: str) -> int:
        """How many rows that came to quarantine are not there any more, each as often as it came.

        Cost: reads the records that came since it was asked last, and looks each fact up.
        """
        topic = quarantine_topic_of(stream)
        with self._lock:
            first, head = self._log.first(topic), self._log.head(topic)
            begun, read, stays = self._read.get(stream, (first, first, _Stays()))
            if begun != first or head < read:
                begun, read, stays = first, first, _Stays()
            for frame in _iter_frames(stream, self._log, start=read, stop=head):
                stays.take(frame)
                # At once: a frame that is taken is not taken again where a later one fails.
                self._read[stream] = begun, int(frame["_offset"][-1]) + 1, stays
            self._read[stream] = begun, head, stays
            return stays.came - sum(stay.times for stay in stays.present(stream, self._log))


def _iter_frames(
    stream: str, log: LogReader, *, start: int | None = None, stop: int | None = None
) -> Iterator[pl.DataFrame]:
    topic = quarantine_topic_of(stream)
    for frame in log.read(topic, start=log.first(topic) if start is None else start, stop=stop):
        # Of release 0.1 there are records that say neither what came nor which row it was.
        if "_raw" in frame.columns:
            yield frame
