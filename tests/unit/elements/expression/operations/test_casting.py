"""Values as another type: numbers and times read from text, and what is only stored."""

from decimal import Decimal

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.row import compile_row
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import parse_instant


@pytest.mark.parametrize(
    ("text", "number"), [("-" + "0" * 9_000 + "7", -7), ("9" * 9_000, None), ("7.0", 7)]
)
def test_a_number_written_with_thousands_of_digits_is_read_or_refused_like_any_other(text, number):
    cast, schema = col("s").cast(ms.Int64).node, Schema.of(s=DType.STRING)
    assert compile_row({"value": cast}, schema)({"s": text}) == {"value": number}
    assert pl.DataFrame({"s": [text]}).select(to_polars(cast, schema)).item() == number


STORED_ONLY = Schema.of(
    u=DType.UINT64, d=DType.DECIMAL, t=DType.TIME, b=DType.BYTES, s=DType.STRING
)
ROWS: list[dict[str, object]] = [
    {"u": 7, "d": Decimal("1.10"), "t": 1, "b": b"x", "s": "2024-W18-3T12Z"},
    {"u": 2**64 - 1, "d": Decimal("0.300000000000000004"), "t": 0, "b": None, "s": "2024-5-1"},
    {"u": 2**53 + 1, "d": Decimal("12345678901234567890"), "t": None, "b": b"", "s": ""},
    dict.fromkeys("udtbs"),
]


@pytest.mark.parametrize(
    ("cast", "values"),
    [
        (col("u").cast(DType.INT64), [7, None, 2**53 + 1, None]),
        (col("u").cast("float64"), [7.0, 2.0**64, 2.0**53, None]),
        (col("u").cast(ms.String), ["7", "18446744073709551615", "9007199254740993", None]),
        (col("d").cast(ms.Float64), [1.1, 0.3, 12345678901234567890.0, None]),
        (col("d").cast(ms.Int64()), [None, None, None, None]),
        (col("t").cast(ms.Int64), [1, 0, None, None]),
        (col("b").is_null(), [False, True, False, True]),
        (col("s").cast(ms.Timestamp), [parse_instant("2024-05-01T12"), None, None, None]),
    ],
)
def test_stored_types_and_times_in_texts_are_cast_alike_by_columns_and_by_row(cast, values):
    frame = pl.DataFrame(ROWS, schema={field.name: STORED[field.dtype] for field in STORED_ONLY})
    column = frame.select(to_polars(cast.node, STORED_ONLY)).to_series()
    by_columns = (column.to_physical() if column.dtype.is_temporal() else column).to_list()
    function = compile_row({"value": cast.node}, STORED_ONLY)
    assert by_columns == [function(row)["value"] for row in ROWS] == values
