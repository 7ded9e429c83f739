"""Rows are converted and checked one by one, whatever batch they come in."""

import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from mainspring.elements.content import with_content
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.spec import Contract, Float64, Source
from tests.unit.sources.conftest import NOON, SCHEMA, row, source_of

COMPILED = CompiledSource(source_of(), SCHEMA)


def reasons(**changes: Any) -> list[str]:
    return COMPILED.prepare(COMPILED.frame_of([row(**changes)])).broken["reason"].to_list()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"carrier": None}, "null:carrier"),
        ({"carrier": "AAA"}, "max_length:carrier"),
        ({"carrier": "XX"}, "one_of:carrier"),
        ({"carrier": 7}, "one_of:carrier"),
        ({"delay": 901.0}, "between:delay"),
        ({"delay": math.nan}, "nan:delay"),
        ({"delay": "much"}, "type:delay"),
        ({"flight": 1.5}, "type:flight,id_missing"),
        ({"flight": None}, "id_missing"),
        ({"landed_at": None}, "event_time_missing"),
        ({"landed_at": "soon"}, "type:landed_at,event_time_missing"),
        ({"landed_at": FOREVER}, "type:landed_at,event_time_missing"),
        ({"delay": -61.0, "carrier": "XX"}, "one_of:carrier,between:delay"),
    ],
)
def test_a_broken_promise_is_named_with_its_column(changes: dict[str, Any], reason: str) -> None:
    assert reasons(**changes) == [reason]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"delay": None},
        {"delay": 900},
        {"flight": "12"},
        {"flight": 3.0},
        {"landed_at": datetime(2013, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_row_that_keeps_its_promises_is_kept(changes: dict[str, Any]) -> None:
    assert reasons(**changes) == []


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01T12:00:00Z",
        "2013-01-01T12:00",
        "2013-01-01 12:00:00.0",
        "2013-01-01T14:00:00+02:00",
        NOON,
        datetime(2013, 1, 1, 12, tzinfo=UTC),
    ],
)
def test_instants_are_read_from_iso_texts_datetimes_and_microseconds(text: object) -> None:
    kept = COMPILED.prepare(COMPILED.frame_of([row(landed_at=text)])).kept
    assert kept["_event_time"].to_list() == [NOON]


def test_the_row_in_quarantine_is_the_row_that_came() -> None:
    broken = COMPILED.prepare(COMPILED.frame_of([row(delay="much")])).broken
    assert broken["row"].to_list() == [
        '{"flight":1,"landed_at":"2013-01-01T11:00:00Z","carrier":"UA","delay":"much"}'
    ]


def test_each_row_says_its_place_in_the_batch_whether_it_is_kept_or_broken() -> None:
    prepared = COMPILED.prepare(COMPILED.frame_of([row(1), row(2, delay="much"), row(3)]))
    assert prepared.kept["_row"].to_list() == [0, 2]
    assert prepared.broken["_row"].to_list() == [1]


def test_the_content_of_a_row_does_not_depend_on_its_batch() -> None:
    rows = [row(1), row(2, delay=math.inf), row(3, delay=None), row(2)]
    rows_alone = [COMPILED.prepare(COMPILED.frame_of([r])).kept for r in rows]
    lenient = CompiledSource(
        Source(
            "s",
            id="flight",
            event_time="landed_at",
            contract=Contract(delay=Float64(allow_nan=True)),
        ),
        SCHEMA,
    )
    rows = [*rows, row(2, delay=math.nan)]
    kept = lenient.prepare(lenient.frame_of(rows)).kept
    together = with_content(kept)["_content"].to_list()
    alone = [with_content(lenient.prepare(lenient.frame_of([r])).kept)["_content"][0] for r in rows]
    assert kept["_content"].null_count() == len(rows)
    assert together == alone
    assert len(set(together)) == 5
    assert [kept.height for kept in rows_alone] == [1, 0, 1, 1]


def test_an_id_of_several_columns_cannot_be_confused_with_another() -> None:
    source = Source("s", id=["a", "at", "b"], event_time="at")
    compiled = CompiledSource(source, Schema.of(a=DType.STRING, at=DType.TIMESTAMP, b=DType.STRING))
    rows = [
        {"a": "x|", "at": 0, "b": "y"},
        {"a": "x", "at": 0, "b": "|y"},
        {"a": "x\\", "at": 0, "b": "y"},
    ]
    ids = compiled.prepare(compiled.frame_of(rows)).kept["_id"].to_list()
    assert ids == [
        "x\\||1970-01-01T00:00:00.000000Z|y",
        "x|1970-01-01T00:00:00.000000Z|\\|y",
        "x\\\\|1970-01-01T00:00:00.000000Z|y",
    ]


def test_columns_that_the_schema_lacks_are_left_out() -> None:
    frame = COMPILED.frame_of([row()]).with_columns(extra=pl.lit(1))
    assert "extra" not in COMPILED.prepare(frame).kept.columns


def test_frames_of_other_types_are_converted() -> None:
    frame = pl.DataFrame(
        {"flight": [1], "landed_at": [NOON // 1000], "carrier": ["UA"], "delay": [5]}
    )
    frame = frame.cast({"flight": pl.Int32, "landed_at": pl.Datetime("ms")})
    kept = COMPILED.prepare(frame).kept
    assert kept.schema["delay"] == pl.Float64
    assert kept["_event_time"].to_list() == [NOON]
