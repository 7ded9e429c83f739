"""Every row that is handed in comes to something: it is a record, a repetition, or in quarantine,
and the report counts it once.
"""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import HOUR, MINUTE, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.spec import Boolean, Contract, Float64, Int64, Source, String
from mainspring.sources.topic import quarantine_topic_of, topic_of

NOON = parse_instant("2024-05-01T12:00:00Z")
SCHEMA = Schema.of(
    n=DType.INT64,
    at=DType.TIMESTAMP,
    plain=DType.FLOAT64,
    held=DType.FLOAT64,
    whole=DType.INT64,
    word=DType.STRING,
    flag=DType.BOOLEAN,
)
CONTRACT = Contract(
    held=Float64(between=(0, 10)),
    whole=Int64(between=(-2, 2)),
    word=String(one_of=("a", "bb", "ccc"), max_length=2),
    flag=Boolean(nullable=False),
)
SOURCE = Source("s", id="n", event_time="at", contract=CONTRACT, lateness="2h", clock_skew="5m")

rows = st.fixed_dictionaries(
    {
        "n": st.sampled_from([1, 1, 2, 3, 4, None, "x"]),
        "at": st.sampled_from(
            [
                NOON - HOUR,
                NOON - MINUTE,
                NOON - 3 * HOUR,
                NOON + HOUR,
                None,
                "never",
                "9999-12-31T23:59:59Z",
            ]
        ),
        "plain": st.sampled_from([None, 1.0, 2, float("nan"), float("inf"), "1.5", "much"]),
        "held": st.sampled_from([None, 1.0, 11.0, float("nan")]),
        "whole": st.sampled_from([None, 0, 3, 1.5, 2**63]),
        "word": st.sampled_from([None, "a", "ccc", "zz", 7]),
        "flag": st.sampled_from([True, True, True, None, "true", "yes"]),
    }
)
batches = st.lists(
    st.tuples(rows, st.sampled_from(["insert", "insert", "insert", "replace", "delete"])),
    max_size=8,
)


def counted(report: IngestReport) -> int:
    return (
        report.accepted
        + report.duplicates
        + report.revised
        + report.deleted
        + report.unknown
        + sum(report.quarantined.values())
    )


@settings(max_examples=150)
@given(st.lists(batches, max_size=3), st.booleans())
def test_every_row_is_counted_once(
    pushed: list[list[tuple[dict[str, object], str]]], is_history: bool
) -> None:
    compiled, log, clock = CompiledSource(SOURCE, SCHEMA), SqliteLog(None), FrozenClock(NOON)
    for batch in pushed:
        given_rows, operations = [row for row, _ in batch], [op for _, op in batch]
        report = SourceWriter(compiled, log=log, clock=clock, objects=MemoryObjects()).write_rows(
            given_rows, history=is_history, op=operations
        )
        assert counted(report) == len(batch)


@settings(max_examples=100)
@given(st.lists(rows, max_size=12))
def test_rows_that_are_new_are_in_the_log_or_in_quarantine(pushed: list[dict[str, object]]) -> None:
    log = SqliteLog(None)
    numbered = [row | {"n": number} for number, row in enumerate(pushed)]
    SourceWriter(
        CompiledSource(SOURCE, SCHEMA), log=log, clock=FrozenClock(NOON), objects=MemoryObjects()
    ).write_rows(numbered)
    kept = [number for frame in log.read(topic_of("s")) for number in frame["n"].to_list()]
    refused = [
        row for frame in log.read(quarantine_topic_of("s")) for row in frame["row"].to_list()
    ]
    assert sorted(
        [
            *kept,
            *pl.Series(refused, dtype=pl.String)
            .str.json_decode(pl.Struct({"n": pl.String}))
            .struct["n"]
            .cast(pl.Int64),
        ]
    ) == list(range(len(pushed)))
