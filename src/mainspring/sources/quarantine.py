"""Rows in quarantine: which there are, and what became of them.

A row leaves quarantine when its fact is accepted later, when somebody releases it, or when somebody
drops it.  Nothing is written for the first: whoever reads looks up what stands now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from mainspring.elements.time import Micros
from mainspring.ports.log import Identity, LogReader
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["QuarantinedRow", "count_departed", "read_quarantine"]


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


@dataclass(frozen=True)
class _Record:
    """A record of the topic; `facts` is where the facts ended when it was written."""

    op: str
    raw: int | None
    appended_at: Micros
    reason: str
    code: str
    row: str | None
    fact: str | None
    content: bytes | None
    facts: int
    count: int


def read_quarantine(stream: str, log: LogReader) -> list[QuarantinedRow]:
    """The rows that are in quarantine now, in the order in which they came first.

    Cost: reads the whole quarantine, and looks each fact up.
    """
    rows, departed = _read(stream, log)
    present = (row for key, row in rows.items() if key not in departed)
    return sorted(present, key=lambda row: row.raw)


def count_departed(stream: str, log: LogReader) -> int:
    """How many rows that came to quarantine are not there any more, each as often as it came."""
    rows, departed = _read(stream, log)
    came = sum(record.count for _, record in _iter_records(stream, log) if record.op != "retract")
    return came - sum(row.count for key, row in rows.items() if key not in departed)


def _read(stream: str, log: LogReader) -> tuple[dict[str, QuarantinedRow], set[str]]:
    """The rows that nobody has dropped or released since they came, by key, and the keys of those
    that have left because of their facts.
    """
    rows: dict[str, QuarantinedRow] = {}
    since: dict[str, tuple[int, bytes | None]] = {}
    keys: dict[int | None, str] = {}
    gone: set[int | None] = set()
    for key, record in _iter_records(stream, log):
        if record.op == "retract":
            gone.add(record.raw)
            rows.pop(keys.get(record.raw, ""), None)
        elif key in rows:
            rows[key] = msgspec.structs.replace(rows[key], count=rows[key].count + record.count)
        elif record.raw is not None and record.raw not in gone:
            since[key], keys[record.raw] = (record.facts, record.content), key
            rows[key] = QuarantinedRow(
                raw=record.raw,
                reason=record.reason,
                code=record.code,
                row=record.row or "",
                fact=record.fact,
                appended_at=record.appended_at,
                count=record.count,
            )
    standing = log.find(topic_of(stream), [row.fact for row in rows.values() if row.fact])
    departed = {key for key, row in rows.items() if _is_accepted(row, since[key], standing)}
    return rows, departed


def _is_accepted(
    row: QuarantinedRow, since: tuple[int, bytes | None], standing: Mapping[str, Identity]
) -> bool:
    """Whether the fact was accepted after the row was refused: the very row for one that
    contradicted another, any for one that could be none.
    """
    found = standing.get(row.fact) if row.fact else None
    if found is None or not found.stands or found.offset < since[0]:
        return False
    return row.reason != "conflict" or found.content == since[1]


def _iter_records(stream: str, log: LogReader) -> Iterator[tuple[str, _Record]]:
    topic = quarantine_topic_of(stream)
    wanted = ["_id", "_op", "_raw", "_appended_at"]
    wanted += ["reason", "code", "row", "fact", "content", "facts", "count"]
    for frame in log.read(topic, start=log.first(topic)):
        if "_raw" in frame.columns:
            for values in frame.select(wanted).iter_rows():
                yield values[0], _Record(*values[1:])
