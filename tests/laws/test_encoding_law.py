"""Laws of encodings: by columns and by rows give the same bytes, and text survives the round
trip.
"""

import math

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.encoding import (
    encode_frame,
    encode_rows,
    learn_encoding,
    parse_encoding,
    render_encoding,
)

EXACT = 2**53
TEXTS = st.none() | st.text(alphabet="aAzé€ ", max_size=3)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "carrier": TEXTS,
            "temp": st.none() | st.floats(),
            "count": st.none() | st.integers(-EXACT, EXACT),
            "is_late": st.none() | st.booleans(),
            "ranks": st.none() | st.lists(st.floats(), max_size=3),
            "counts": st.none() | st.lists(st.integers(-EXACT, EXACT), max_size=2),
        }
    ),
    max_size=12,
)
SCHEMA = {"carrier": pl.String, "temp": pl.Float64, "count": pl.Int64, "is_late": pl.Boolean}
LISTS = {"ranks": pl.List(pl.Float64), "counts": pl.List(pl.Int64)}
SIZES = {"ranks": 3, "counts": 2}


@given(ROWS, ROWS)
def test_columns_and_rows_encode_to_the_same_bytes(fitted, asked):
    encoding = learn_encoding(
        pl.DataFrame(fitted, schema=SCHEMA | LISTS), [*SCHEMA, *LISTS], sizes=SIZES
    )
    by_columns = encode_frame(pl.DataFrame(asked, schema=SCHEMA | LISTS), encoding)
    by_rows = encode_rows(asked, encoding)
    assert by_columns.shape == by_rows.shape == (len(asked), 9)
    assert by_columns.tobytes() == by_rows.tobytes()


@given(ROWS)
def test_a_fitted_text_is_decoded_by_its_place_in_the_vocabulary(fitted):
    encoding = learn_encoding(pl.DataFrame(fitted, schema=SCHEMA), ["carrier"])
    vocabulary = encoding.features[0].vocabulary
    decoded = [
        None if math.isnan(code) else vocabulary[int(code)]
        for code in encode_rows(fitted, encoding)[:, 0]
    ]
    assert decoded == [row["carrier"] for row in fitted]


@given(ROWS)
def test_an_encoding_is_read_back_as_it_was_written(fitted):
    encoding = learn_encoding(
        pl.DataFrame(fitted, schema=SCHEMA | LISTS), [*SCHEMA, *LISTS], sizes=SIZES
    )
    assert parse_encoding(render_encoding(encoding)) == encoding
    assert parse_encoding(render_encoding(encoding)).digest == encoding.digest
