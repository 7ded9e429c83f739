"""A batch comes back from its stream as it was, also where its columns are equal."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.engines.local.frames import BatchExtent, frame_from_stream, stream_of_frame
from mainspring.ports.errors import StoreDamaged
from mainspring.testing.contracts.log import records

TOPIC, ROWS = "source:numbers", 2_000
MOMENTS = pl.Series([datetime(2024, 1, 1, minute=n % 60, tzinfo=UTC) for n in range(ROWS)])
COLUMNS = {
    "moment": MOMENTS.cast(pl.Datetime("us", "UTC")),
    "micros": MOMENTS.cast(pl.Datetime("us", "UTC")).to_physical(),
    "number": pl.Series([None, *range(1, ROWS)], dtype=pl.Int64),
    "text": pl.Series([f"{n}" for n in range(ROWS)]),
    "share": pl.Series([float(n) for n in range(ROWS)]),
}


def frame_of(columns: dict[str, str]) -> pl.DataFrame:
    chosen = {name: COLUMNS[kind] for name, kind in columns.items()}
    return records([f"{n}" for n in range(ROWS)]).with_columns(**chosen)


def back(frame: pl.DataFrame, columns: list[str] | None = None) -> pl.DataFrame:
    blob = stream_of_frame(TOPIC, frame)
    return frame_from_stream(TOPIC, BatchExtent(0, frame.height), blob, columns=columns)


@settings(max_examples=15, deadline=None)
@given(
    columns=st.dictionaries(
        st.sampled_from("abcdefgh"), st.sampled_from(sorted(COLUMNS)), max_size=6
    )
)
def test_a_frame_comes_back_as_it_was(columns: dict[str, str]) -> None:
    frame = frame_of(columns)
    assert back(frame).equals(frame, null_equal=True)
    assert back(frame).schema == frame.schema


def test_some_columns_come_back_without_those_that_they_are_equal_to() -> None:
    frame = frame_of({"a": "text", "b": "moment", "c": "micros"})
    wanted = ["_id", "a", "c"]
    assert back(frame, wanted).equals(frame.select(wanted))


def test_columns_that_are_equal_are_written_once() -> None:
    frame = frame_of({"a": "share", "b": "number"})
    twice = frame.with_columns(c=pl.col("b"))
    assert len(stream_of_frame(TOPIC, twice)) < len(stream_of_frame(TOPIC, frame)) + 100


def test_a_turned_bit_is_told() -> None:
    frame = frame_of({"a": "text"})
    blob = bytearray(stream_of_frame(TOPIC, frame))
    blob[-20] ^= 1
    with pytest.raises(StoreDamaged, match="other bytes"):
        frame_from_stream(TOPIC, BatchExtent(0, ROWS), bytes(blob))
