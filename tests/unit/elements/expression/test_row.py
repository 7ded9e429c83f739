"""One compiled function for one row, on the values where evaluators like to differ."""

import math

import pytest

from mainspring.elements.expression import Expr, col, lit, when
from mainspring.elements.expression.errors import FaultyExpression
from mainspring.elements.expression.row import compile_row
from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, FOREVER, HOUR, MINUTE, parse_instant

SCHEMA = Schema.of(
    i=DType.INT64, f=DType.FLOAT64, b=DType.BOOLEAN, s=DType.STRING, t=DType.TIMESTAMP
)
ROW: dict[str, Scalar | None] = {"i": 7, "f": 2.5, "b": None, "s": "x", "t": 0}


def value(expression: Expr, **changes: Scalar | None) -> Scalar | None:
    return compile_row({"value": expression.node}, SCHEMA)(ROW | changes)["value"]


def test_division_by_zero_gives_what_ieee_says() -> None:
    assert value(col("f") / 0) == math.inf
    assert value(col("f") / -0.0) == -math.inf
    assert math.isnan(value(col("f") / 0, f=0.0) or 0.0)


def test_whole_numbers_wrap_at_64_bits() -> None:
    assert value(col("i") + 1, i=FOREVER) == -(2**63)
    assert value(-col("i"), i=-(2**63)) == -(2**63)


def test_nan_equals_itself_and_is_above_every_number() -> None:
    nan = float("nan")
    assert value(col("f") == nan, f=nan) is True
    assert value(col("f") > math.inf, f=nan) is True
    assert value(col("f").is_in([nan, 1.0]), f=nan) is True


def test_and_and_or_have_three_values() -> None:
    assert value(col("b") & lit(value=False)) is False
    assert value(col("b") & lit(value=True)) is None
    assert value(col("b") | lit(value=True)) is True


def test_a_condition_that_is_null_takes_the_other_branch() -> None:
    assert value(when(col("b")).then(1).otherwise(2)) == 2


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("+1", 1), (" 1", 1), ("1.0", 1), ("1_0", None), ("٣", None), (str(2**63), None)],
)
def test_text_is_a_whole_number_only_if_it_is_written_as_one(text: str, number: int | None) -> None:
    assert value(col("s").cast(DType.INT64), s=text) == number


@pytest.mark.parametrize(
    ("instant", "hour"),
    [
        ("2013-03-10T06:59:59.999999Z", 1),
        ("2013-03-10T07:00Z", 3),
        ("2013-11-03T05:59Z", 1),
        ("2013-11-03T06:00Z", 1),
        ("2013-11-03T07:00Z", 2),
    ],
)
def test_local_hours_follow_daylight_saving(instant: str, hour: int) -> None:
    assert (
        value(col("t").dt.convert_time_zone("America/New_York").dt.hour(), t=parse_instant(instant))
        == hour
    )


def test_an_offset_that_changes_within_an_hour_is_not_taken_from_the_hour() -> None:
    read = compile_row(
        {"m": col("t").dt.convert_time_zone("Australia/Lord_Howe").dt.minute().node}, SCHEMA
    )
    before_the_change = parse_instant("2013-10-05T15:29Z")
    assert [read({"t": before_the_change + k * MINUTE})["m"] for k in (0, 1, 0)] == [59, 30, 59]


def test_date_parts_are_known_within_the_calendar_only() -> None:
    assert value(col("t").dt.year(), t=FOREVER) is None
    assert value(col("t").dt.convert_time_zone("Europe/Berlin").dt.year(), t=-1) is None
    assert value(col("t").dt.ordinal_day(), t=parse_instant("2012-12-31")) == 366
    assert value(col("t").dt.weekday(), t=-DAY) == 3
    assert value(col("t").dt.hour(), t=-HOUR) == 23


def test_text_of_the_user_is_never_code() -> None:
    name = "x'] or __import__('os')#\n"
    read = compile_row(
        {name: (col(name) == "'\"\n\\").node},
        Schema((*SCHEMA.fields, *Schema.of(**{name: DType.STRING}).fields)),
    )
    assert read({name: "'\"\n\\"}) == {name: True}


def test_equal_parts_are_computed_once() -> None:
    local = col("t").dt.convert_time_zone("America/New_York")
    read = compile_row({"a": local.dt.hour().node, "b": (local.dt.hour() * 60).node}, SCHEMA)
    assert read(ROW) == {"a": 19, "b": 1140}


def test_what_does_not_fit_the_schema_is_refused() -> None:
    with pytest.raises(FaultyExpression):
        compile_row({"value": (col("s") + 1).node}, SCHEMA)
