"""Records are read as if nothing had been trimmed and no file had ever changed its columns."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.tables import MemoryTables
from mainspring.ports.errors import RetentionPassed
from mainspring.sources.columns import conform_rows
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.facts import read_source_rows
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.read import iter_records
from mainspring.sources.spec import Source
from tests.unit.sources.conftest import NOON, Desk, row, source_of

TOPIC = "source:arrivals"
S = Source("arrivals", id="n", event_time="at")


def filled(desk: Desk, tables: MemoryTables, *, trim: int = 0) -> None:
    for number in range(6):
        desk.take(row(number))
        desk.clock.advance(MINUTE)
    materialize_table(TOPIC, log=desk.log, tables=tables)
    desk.log.trim(TOPIC, trim)
    desk.take(row(6))


@pytest.mark.parametrize("trim", [0, 3, 6])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 2), (2, 5), (5, None), (7, None)])
def test_trimmed_records_are_read_from_the_table(
    desk: Desk, trim: int, start: int, stop: int | None
) -> None:
    tables = MemoryTables()
    filled(desk, tables, trim=trim)
    frames = list(iter_records(TOPIC, log=desk.log, tables=tables, start=start, stop=stop))
    offsets = [offset for frame in frames for offset in frame["_offset"].to_list()]
    assert offsets == list(range(start, 7 if stop is None else stop))


def test_facts_are_the_same_after_trimming(desk: Desk) -> None:
    tables = MemoryTables()
    filled(desk, tables)
    before = read_source_rows(source_of(), log=desk.log, tables=tables)
    desk.log.trim(TOPIC, 4)
    assert read_source_rows(source_of(), log=desk.log, tables=tables).equals(before)
    assert read_source_rows(source_of(), log=desk.log, tables=tables, until=3).height == 3


def test_what_neither_log_nor_table_has_is_told_and_not_passed_over(desk: Desk) -> None:
    filled(desk, MemoryTables(), trim=3)
    behind = MemoryTables()
    for tables in (None, behind):
        with pytest.raises(RetentionPassed):
            list(iter_records(TOPIC, log=desk.log, tables=tables))
        with pytest.raises(RetentionPassed):
            read_source_rows(source_of(), log=desk.log, tables=tables)
    with pytest.raises(RetentionPassed):
        materialize_table(TOPIC, log=desk.log, tables=behind)


def test_a_reader_goes_on_in_the_table_when_the_log_is_trimmed_meanwhile(desk: Desk) -> None:
    tables = MemoryTables()
    filled(desk, tables)
    reading = iter_records(TOPIC, log=desk.log, tables=tables)
    seen = [next(reading)]
    desk.log.trim(TOPIC, 5)
    assert pl.concat([*seen, *reading])["_offset"].to_list() == list(range(7))


def test_a_trimmed_fact_is_still_known_and_still_corrected(desk: Desk) -> None:
    tables = MemoryTables()
    filled(desk, tables, trim=6)
    assert desk.take(row(1)).duplicates == 1
    rows, writer = [row(1, delay=9.0), row(6)], desk.writer(tables=tables)
    assert writer.write_rows(rows, op=["replace", "delete"]).revised == 1
    retract = next(desk.log.read(TOPIC, start=7))
    assert retract.select("flight", "delay", "_op").rows() == [
        (1, 5.0, "retract"),
        (1, 9.0, "insert"),
        (6, 5.0, "retract"),
    ]


def test_a_correction_of_what_is_gone_for_good_is_refused(desk: Desk) -> None:
    filled(desk, MemoryTables(), trim=6)
    with pytest.raises(RetentionPassed):
        desk.take(row(1, delay=9.0), op=["replace"])


# One source whose file changed twice: x was a whole number, then a real one, then text; a column
# came and one went.
FIRST = Schema.of(
    n=DType.INT64, at=DType.TIMESTAMP, x=DType.INT64, old=DType.STRING, took=DType.DURATION
)
SECOND = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, x=DType.FLOAT64, gate=DType.STRING)
THIRD = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, x=DType.STRING, gate=DType.STRING)
BIG = 2**53 + 1


def changing(log: SqliteLog) -> None:
    at, clock = datetime(2013, 1, 1, tzinfo=UTC), FrozenClock(NOON)
    rows = [
        (FIRST, {"n": 1, "at": at, "x": BIG, "old": "a", "took": timedelta(seconds=3)}),
        (SECOND, {"n": 2, "at": at, "x": 1.5, "gate": "B7"}),
        (THIRD, {"n": 3, "at": at, "x": "7", "gate": None}),
        (FIRST, {"n": 4, "at": at, "x": 4, "old": None, "took": None}),
    ]
    for schema, values in rows:
        assert (
            SourceWriter(CompiledSource(S, schema), log=log, clock=clock, objects=MemoryObjects())
            .write_rows(pl.DataFrame([values]))
            .accepted
            == 1
        )


@pytest.mark.parametrize("place", ["log", "memory", "delta", "delta bit by bit"])
@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (FIRST, [BIG, None, 7, 4]),
        (SECOND, [float(BIG), 1.5, 7.0, 4.0]),
        (THIRD, [str(BIG), "1.5", "7", "4"]),
    ],
)
def test_facts_come_in_the_types_that_are_asked_for(
    tmp_path: Path, place: str, schema: Schema, expected: list[object]
) -> None:
    log = SqliteLog(None)
    changing(log)
    tables = {"log": None, "memory": MemoryTables()}.get(place, DeltaTables(tmp_path))
    if tables is not None:
        materialize_table(TOPIC, log=log, tables=tables, rows=1 if place.endswith("bit") else 100)
        log.trim(TOPIC, 3)
    facts = read_source_rows(S, log=log, tables=tables, schema=schema)
    assert facts["x"].to_list() == expected
    assert {"old", "gate"} <= set(facts.columns)


def test_a_table_keeps_what_a_column_of_another_type_would_lose(tmp_path: Path) -> None:
    log, tables = SqliteLog(None), DeltaTables(tmp_path)
    changing(log)
    materialize_table(TOPIC, log=log, tables=tables)
    facts = read_source_rows(S, log=log, tables=tables)
    assert facts["x"].to_list() == [str(BIG), "1.5", "7", "4"]
    assert facts["took"].to_list() == [timedelta(seconds=3), None, None, None]


def test_a_fact_of_other_columns_can_be_corrected() -> None:
    log = SqliteLog(None)
    changing(log)
    replacement = pl.DataFrame(
        [{"n": 1, "at": datetime(2013, 1, 1, tzinfo=UTC), "x": 2.5, "gate": "C1"}]
    )
    report = SourceWriter(
        CompiledSource(S, SECOND), log=log, clock=FrozenClock(NOON), objects=MemoryObjects()
    ).write_rows(replacement, op=["replace"])
    retract = next(log.read(TOPIC, start=4))
    assert (report.revised, retract["x"].to_list(), retract["gate"].to_list()) == (
        1,
        [float(BIG), 2.5],
        [None, "C1"],
    )


def test_records_in_the_right_types_are_not_touched() -> None:
    frame = pl.DataFrame({"n": [1], "more": ["x"]})
    assert conform_rows(frame, Schema.of(n=DType.INT64)) is frame
