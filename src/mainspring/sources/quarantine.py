"""Rows in quarantine: which there are, and what became of them.

A row leaves quarantine when its fact is accepted later, when somebody releases it, or when somebody
drops it.  Nothing is written for the first: whoever reads looks up what stands now.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    as often as it came, and `present` how many of those have not left because of their facts.
    """

    def __init__(self) -> None:
        self.came = self.present = 0
        self.by_key: dict[str, _Stay] = {}
        # By fact its stays, of those that have one: a dictionary is a set that takes less memory.
        self.of_fact: dict[str, dict[str, None]] = {}
        self._keys: dict[int | None, str] = {}
        self._gone: set[int | None] = set()
        self._left: set[str] = set()

    def take(self, frame: pl.DataFrame) -> list[str]:
        """Take the records that come next; the keys of the stays that begin with them and may end
        with a fact.
        """
        begun = list[str]()
        for key, op, raw, reason, fact, content, facts, count in frame.select(_COUNTED).iter_rows():
            if op == "retract":
                self._gone.add(raw)
                self._end(self._keys.pop(raw, ""))
                continue
            self.came += count
            stay = self.by_key.get(key)
            if stay is not None:
                self.by_key[key] = stay._replace(times=stay.times + count)
                self.present += 0 if key in self._left else count
            elif raw is not None and raw not in self._gone:
                self._keys[raw] = key
                self.by_key[key] = _Stay(raw, reason == "conflict", fact, content, facts, count)
                self.present += count
                if fact:
                    self.of_fact.setdefault(fact, {})[key] = None
                    begun.append(key)
        return begun

    def _end(self, key: str) -> None:
        stay = self.by_key.pop(key, None)
        if stay is None:
            return
        self.present -= 0 if key in self._left else stay.times
        self._left.discard(key)
        if stay.fact and (others := self.of_fact.get(stay.fact)):
            others.pop(key, None)
            if not others:
                del self.of_fact[stay.fact]

    def judge(self, keys: Iterable[str], standing: Mapping[str, Identity]) -> None:
        """Know of the stays with these keys whether they have left because of their facts.

        Args:
            standing: what stands of their facts now.
        """
        for key in keys:
            stay = self.by_key.get(key)
            if stay is None:
                continue
            has_left = stay.has_left(standing)
            if has_left != (key in self._left):
                self.present += -stay.times if has_left else stay.times
                (self._left.add if has_left else self._left.discard)(key)

    def remaining(self) -> list[_Stay]:
        """Those that have not left."""
        return [stay for key, stay in self.by_key.items() if key not in self._left]


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
    facts = [stay.fact for stay in stays.by_key.values() if stay.fact]
    stays.judge(list(stays.by_key), log.find(topic_of(stream), facts))
    remaining = (
        msgspec.structs.replace(first[stay.raw], count=stay.times) for stay in stays.remaining()
    )
    return sorted(remaining, key=lambda row: row.raw)


class QuarantineCounts:
    """Counts the rows of quarantines, for whoever asks again and again: each record is read once.

    It may be used from several threads.
    """

    def __init__(self, log: LogReader) -> None:
        self._log, self._lock = log, Lock()
        self._counts: dict[str, _Count] = {}

    def departed(self, stream: str) -> int:
        """How many rows that came to quarantine are not there any more, each as often as it came.

        Cost: reads the records that came since it was asked last, of quarantine and of facts; where
        more facts came than rows lie in quarantine, it looks those up instead.
        """
        topic = quarantine_topic_of(stream)
        with self._lock:
            first, head = self._log.first(topic), self._log.head(topic)
            count = self._counts.get(stream)
            if count is None or count.begun != first or head < count.read:
                count = self._counts[stream] = _Count(stream, self._log, first)
            count.go_on(head)
            return count.stays.came - count.stays.present


class _Count:
    """How far the quarantine of one generation was counted.

    Args:
        begun: the offset at which counting began; `read`: where it goes on.
    """

    def __init__(self, stream: str, log: LogReader, begun: int) -> None:
        self.begun = self.read = begun
        self.stays = _Stays()
        self._stream, self._log, self._facts_read = stream, log, 0
        self._unjudged: set[str] = set()

    def go_on(self, head: int) -> None:
        """Count up to this head of the quarantine, and the facts that there are by now."""
        for frame in _iter_frames(self._stream, self._log, start=self.read, stop=head):
            self._unjudged.update(self.stays.take(frame))
            # At once: a frame that is taken is not taken again where a later one fails.
            self.read = int(frame["_offset"][-1]) + 1
        self.read = head
        topic, of_fact = topic_of(self._stream), self.stays.of_fact
        facts_head = self._log.head(topic)
        touched = self._touched(topic, facts_head) if self._can_read(facts_head) else set(of_fact)
        asked = {key for fact in touched for key in of_fact.get(fact, ())} | self._unjudged
        stays = (self.stays.by_key.get(key) for key in asked)
        facts = {stay.fact for stay in stays if stay is not None and stay.fact}
        self.stays.judge(asked, self._log.find(topic, list(facts)) if facts else {})
        self._facts_read, self._unjudged = facts_head, set()

    def _can_read(self, head: int) -> bool:
        """Whether the facts that came since are kept, and no more than are waited for."""
        first = self._log.first(topic_of(self._stream))
        return first <= self._facts_read <= head <= self._facts_read + len(self.stays.of_fact)

    def _touched(self, topic: str, head: int) -> set[str]:
        """The facts that are waited for, of which a record has come since."""
        came = self._log.read(topic, start=self._facts_read, stop=head)
        return {
            id_ for frame in came for id_ in frame["_id"].to_list() if id_ in self.stays.of_fact
        }


def _iter_frames(
    stream: str, log: LogReader, *, start: int | None = None, stop: int | None = None
) -> Iterator[pl.DataFrame]:
    topic = quarantine_topic_of(stream)
    for frame in log.read(topic, start=log.first(topic) if start is None else start, stop=stop):
        # Of release 0.1 there are records that say neither what came nor which row it was.
        if "_raw" in frame.columns:
            yield frame
