"""What is coded comes back bit by bit."""

import math
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.engines.local.codings import (
    Constant,
    Counted,
    Equal,
    Packed,
    Plain,
    Text,
    Uuid,
    coded,
    decoded,
    stored_names,
)

WHOLE = st.integers(-(2**63), 2**63 - 1)
NEAR = st.integers(-3, 300)
FLOATS = st.one_of(
    st.floats(), st.decimals(-(10**6), 10**6, places=2, allow_nan=False).map(float), st.just(-0.0)
)
COLUMNS = st.one_of(
    st.tuples(st.just(pl.Int64()), st.one_of(st.lists(WHOLE), st.lists(NEAR))),
    st.tuples(
        st.just(pl.Int64()), st.builds(lambda a, b: [a, a + b, a + 2 * b, a + 3 * b], NEAR, NEAR)
    ),
    st.tuples(st.just(pl.Int64()), st.lists(st.none() | NEAR)),
    st.tuples(st.just(pl.Float64()), st.lists(st.none() | FLOATS)),
    st.tuples(st.just(pl.Float64()), st.lists(FLOATS)),
    st.tuples(st.just(pl.String()), st.lists(st.none() | st.text(max_size=4))),
    st.tuples(st.just(pl.String()), st.lists(NEAR.map(str))),
    st.tuples(st.just(pl.String()), st.lists(st.uuids().map(str))),
    st.tuples(st.just(pl.String()), st.lists(st.uuids().map(str).map(str.upper))),
    st.tuples(st.just(pl.String()), st.lists(st.text("0-é", min_size=36, max_size=36))),
    st.tuples(st.just(pl.Boolean()), st.lists(st.none() | st.booleans())),
    st.tuples(st.just(pl.Binary()), st.lists(st.none() | st.binary(max_size=3))),
    st.tuples(st.just(pl.UInt64()), st.lists(st.integers(0, 2**64 - 1))),
    st.tuples(st.just(pl.List(pl.Float64())), st.lists(st.lists(FLOATS, max_size=2))),
)


def back(frame: pl.DataFrame, wanted: list[str] | None = None) -> pl.DataFrame:
    codings, groups = coded(frame)
    stored = pl.concat(groups, how="horizontal") if groups else pl.DataFrame()
    names = wanted or frame.columns
    held = stored.select(stored_names(codings, names))
    return decoded(codings, held, names, frame.height)


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    """Floats as their bits, of which no two are equal."""
    return frame.with_columns(pl.col(pl.Float64).reinterpret(dtype=pl.Int64))


@settings(max_examples=300, deadline=None)
@given(columns=st.lists(COLUMNS, min_size=1, max_size=6), data=st.data())
def test_every_bit_comes_back(
    columns: list[tuple[pl.DataType, list[object]]], data: st.DataObject
) -> None:
    rows = min(len(values) for _, values in columns)
    # Twice, so that some column is equal to another, and some text to a number.
    frame = pl.DataFrame(
        [
            pl.Series(f"{place}", values[:rows], dtype=dtype)
            for place, (dtype, values) in enumerate([*columns, *columns])
        ]
    ).with_columns(text=pl.col("0").cast(pl.String) if columns[0][0] == pl.Int64() else "0")
    assert back(frame).schema == frame.schema
    assert bits(back(frame)).equals(bits(frame), null_equal=True)
    wanted = data.draw(st.lists(st.sampled_from(frame.columns), min_size=1, unique=True))
    assert bits(back(frame, wanted)).equals(bits(frame.select(wanted)), null_equal=True)


ROWS = 2_000
RANDOM = np.random.default_rng(1)
MOMENTS = 1_700_000_000_000_000 + RANDOM.integers(0, 10**7, ROWS).cumsum()


@pytest.mark.parametrize(
    ("values", "kind", "bytes_a_row"),
    [
        (pl.Series(range(5, 5 + 7 * ROWS, 7)), Counted, 0),
        (pl.Series([9] * ROWS), Counted, 0),
        (pl.Series(["insert"] * ROWS), Constant, 0),
        (pl.Series([str(UUID(bytes=RANDOM.bytes(16))) for _ in range(ROWS)]), Uuid, 16),
        (pl.Series([None] * ROWS, dtype=pl.Binary), Constant, 0),
        (pl.Series(RANDOM.integers(0, 1_000, ROWS)), Packed, 2),
        (pl.Series(MOMENTS), Packed, 3),
        (pl.Series(np.round(RANDOM.uniform(0, 900, ROWS), 2)), Packed, 3),
        (pl.Series([5.0] * ROWS), Packed, 0),
        (pl.Series(RANDOM.integers(-(2**62), 2**62, ROWS)), Plain, 8),
        (pl.Series(RANDOM.random(ROWS)), Plain, 8),
        (pl.Series([-0.0, *np.arange(ROWS - 1) / 4]), Plain, 8),
        (pl.Series([math.nan, *np.arange(ROWS - 1) / 4]), Plain, 8),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_numbers_take_what_they_need(
    values: pl.Series, kind: type[object], bytes_a_row: float
) -> None:
    codings, groups = coded(values.alias("a").to_frame())
    assert isinstance(codings["a"], kind)
    assert (
        sum(1 if dtype == pl.UInt8 else 8 for group in groups for dtype in group.dtypes)
        == bytes_a_row
    )


def test_a_column_that_says_what_another_does_is_not_stored() -> None:
    moments = pl.Series(MOMENTS)
    number = pl.Series(RANDOM.permutation(ROWS))
    frame = pl.DataFrame(
        {
            "_id": number.cast(pl.String),
            "at": moments.cast(pl.Datetime("us", "UTC")),
            "micros": moments,
            "number": number,
        }
    )
    codings, groups = coded(frame)
    assert (codings["_id"], codings["micros"]) == (Text("number"), Equal("at", "int64"))
    assert [group.width for group in groups] == [3, 2]
