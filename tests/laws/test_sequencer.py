"""The sequencer judges each row by what stood before it, so that batches change nothing; and it
accounts for every row.
"""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.schema import DType, Schema
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.facts import read_source_rows
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.spec import Source
from tests.proof import truth

SOURCE = Source("s", id="key", event_time="at", lateness="1ms")
COMPILED = CompiledSource(SOURCE, Schema.of(key=DType.INT64, at=DType.TIMESTAMP, value=DType.INT64))
NOW = 1_000


class Push(NamedTuple):
    """A row and what to do with it; rows at 0 come just in time, those at -1 too late."""

    key: int
    at: int
    value: int
    op: str


pushes = st.lists(
    st.builds(
        Push,
        st.integers(0, 2),
        st.sampled_from([0, 0, 0, -1]),
        st.integers(0, 2),
        st.sampled_from(["insert", "insert", "replace", "delete"]),
    ),
    max_size=12,
)


def ingest(batches: list[list[Push]], log: SqliteLog) -> IngestReport:
    report = IngestReport()
    for batch in batches:
        rows = [{"key": push.key, "at": push.at, "value": push.value} for push in batch]
        report += SourceWriter(
            COMPILED, log=log, clock=FrozenClock(NOW), objects=MemoryObjects()
        ).write_rows(rows, op=[push.op for push in batch])
    return report


def spans(log: SqliteLog) -> list[tuple[int, int, int, int]]:
    facts = read_source_rows(SOURCE, log=log)
    return (
        list(facts.select("key", "value", "_visible_from", "_visible_to").iter_rows())
        if facts.height
        else []
    )


def expected_spans(rows: list[Push]) -> list[tuple[int, int, int, int]]:
    """The rules, one row at a time."""
    pushes = [
        truth.Push(
            push.key,
            NOW + push.at,
            NOW,
            push.op,
            {"key": push.key, "value": push.value, "at": push.at},
        )
        for push in rows
    ]
    accepted = truth.revisions_of(pushes, lateness=0)
    return [
        (r.push.row["key"], r.push.row["value"], r.visible_from, r.visible_to) for r in accepted
    ]


@settings(max_examples=150)
@given(pushes)
def test_rows_are_judged_by_what_stood_before_them(rows: list[Push]) -> None:
    log = SqliteLog(None)
    ingest([rows], log)
    assert spans(log) == expected_spans(rows)


@settings(max_examples=100)
@given(pushes, st.integers(0, 12), st.integers(0, 12))
def test_how_rows_are_cut_into_batches_changes_nothing(
    rows: list[Push], first: int, second: int
) -> None:
    whole, parts = SqliteLog(None), SqliteLog(None)
    low, high = sorted((first, second))
    reports = ingest([rows], whole), ingest([rows[:low], rows[low:high], rows[high:]], parts)
    assert spans(parts) == spans(whole)
    assert reports[0] == reports[1]


@settings(max_examples=100)
@given(pushes)
def test_every_row_is_counted_once(rows: list[Push]) -> None:
    report = ingest([rows], SqliteLog(None))
    assert (
        report.accepted
        + report.duplicates
        + report.revised
        + report.deleted
        + report.unknown
        + sum(report.quarantined.values())
        == len(rows)
    )
