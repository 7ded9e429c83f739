"""Laws of encodings: frames and columns of plain values give the bytes that a reading of one value
after another gives, and text survives the round trip.
"""

import math
import struct

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.encoding import (
    encode_columns,
    encode_frame,
    learn_encoding,
    parse_encoding,
    render_encoding,
)

EXACT = 2**53
TEXTS = st.none() | st.text(alphabet="aAzé€ ", max_size=3)
WHOLE = st.integers(-EXACT, EXACT)
NEGATIVE_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]
FLOATS = st.floats() | st.just(NEGATIVE_NAN) | st.sampled_from([-0.0, math.inf, -math.inf])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "carrier": TEXTS,
            "temp": st.none() | FLOATS,
            "count": st.none() | WHOLE,
            "is_late": st.none() | st.booleans(),
            "seen": st.none() | WHOLE,
            "ranks": st.none() | st.lists(FLOATS, max_size=3),
            "counts": st.none() | st.lists(WHOLE, max_size=2),
        }
    ),
    max_size=12,
)
SCHEMA = {
    "carrier": pl.String,
    "temp": pl.Float64,
    "count": pl.Int64,
    "is_late": pl.Boolean,
    "seen": pl.Datetime("us", "UTC"),
}
LISTS = {"ranks": pl.List(pl.Float64), "counts": pl.List(pl.Int64)}
SIZES = {"ranks": 3, "counts": 2}
NAMES = [*SCHEMA, *LISTS]


def frame_of(rows):
    plain = pl.DataFrame(rows, schema=SCHEMA | LISTS | {"seen": pl.Int64})
    return plain.with_columns(pl.col("seen").cast(SCHEMA["seen"])).select(NAMES)


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in NAMES}


def read_one(value, vocabulary):
    """A plain value as the number that a model is fed."""
    if value is None or value != value:
        return math.nan
    if isinstance(value, str):
        return float(vocabulary.index(value)) if value in vocabulary else math.nan
    return float(value)


def bytes_of_rows(rows, encoding):
    """The matrix, value by value in the order of rows and columns."""
    numbers = []
    for row in rows:
        for feature in encoding.features:
            value = row[feature.name]
            elements = [value] if feature.size is None else list(value or [])
            elements += [None] * ((feature.size or 1) - len(elements))
            numbers += [read_one(element, feature.vocabulary or ()) for element in elements]
    return struct.pack(f"={len(numbers)}d", *numbers)


@pytest.mark.parametrize("times", [1, 20], ids=["few", "many"])
@given(ROWS, ROWS)
def test_frames_and_columns_encode_to_the_bytes_of_their_values(times, fitted, requested):
    encoding = learn_encoding(frame_of(fitted), NAMES, sizes=SIZES)
    rows = requested * times
    expected = bytes_of_rows(rows, encoding)
    by_frame, by_columns = (
        encode_frame(frame_of(rows), encoding),
        encode_columns(columns_of(rows), encoding),
    )
    assert by_frame.shape == by_columns.shape == (len(rows), 10)
    assert by_frame.tobytes() == by_columns.tobytes() == expected


@given(ROWS)
def test_a_fitted_text_is_decoded_by_its_index_in_the_vocabulary(fitted):
    encoding = learn_encoding(frame_of(fitted), ["carrier"])
    vocabulary = encoding.features[0].vocabulary
    decoded = [
        None if math.isnan(code) else vocabulary[int(code)]
        for code in encode_columns(columns_of(fitted), encoding)[:, 0]
    ]
    assert decoded == [row["carrier"] for row in fitted]


@given(ROWS)
def test_an_encoding_is_read_back_as_it_was_written(fitted):
    encoding = learn_encoding(frame_of(fitted), NAMES, sizes=SIZES)
    assert parse_encoding(render_encoding(encoding)) == encoding
    assert parse_encoding(render_encoding(encoding)).digest == encoding.digest
