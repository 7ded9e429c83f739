"""Where Polars takes short cuts on constants, the columns evaluator does not."""

import math

import polars as pl

from mainspring.elements.expression import Expr, col, hours, lit, when
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(x=DType.FLOAT64, b=DType.BOOLEAN, s=DType.STRING, t=DType.TIMESTAMP)


def column(expression: Expr, frame: pl.DataFrame) -> pl.Series:
    return frame.with_columns(value=to_polars(expression.node, SCHEMA))["value"]


def test_division_by_a_constant_is_a_division_and_not_a_product() -> None:
    values = [k / 7 for k in range(1, 500)]
    assert column(col("x") / 3, pl.DataFrame({"x": values})).to_list() == [
        value / 3 for value in values
    ]


def test_division_by_a_column_with_one_value_is_a_division_too() -> None:
    frame = pl.DataFrame({"x": [k / 7 for k in range(1, 500)]}).with_columns(y=pl.lit(3.0))
    divided = frame.with_columns(
        value=to_polars((col("x") / col("y")).node, Schema.of(x=DType.FLOAT64, y=DType.FLOAT64))
    )["value"]
    assert divided.to_list() == [value / 3 for value in frame["x"]]


def test_adding_nothing_to_negative_zero_gives_positive_zero() -> None:
    summed = column(col("x") + 0.0, pl.DataFrame({"x": [-0.0, 0.0]}))
    assert [math.copysign(1, value) for value in summed] == [1.0, 1.0]


def test_subtracting_zero_from_zero_gives_positive_zero() -> None:
    assert math.copysign(1, column(lit(0.0) - col("x"), pl.DataFrame({"x": [0.0, 1.0]}))[0]) == 1.0


def test_a_constant_on_the_left_of_a_comparison_reaches_every_row() -> None:
    frame = pl.DataFrame({"b": [None, None], "s": ["", "x"]}, schema_overrides={"b": pl.Boolean})
    assert column(lit("") == when(col("b")).then(col("s")).otherwise(""), frame).to_list() == [
        True,
        True,
    ]


def test_times_come_out_as_stored_times() -> None:
    frame = pl.DataFrame({"t": [0]}).cast({"t": STORED[DType.TIMESTAMP]})
    assert column(col("t") - hours(1), frame).dtype == STORED[DType.TIMESTAMP]
    assert column(col("t") - col("t"), frame).dtype == pl.Duration("us")
