"""Types of expressions, and every fault they have."""

from collections.abc import Callable

import pytest

from mainspring.elements.expression import Expr, col, days, hours, lit, timestamp, when
from mainspring.elements.expression.errors import FaultyExpression
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(
    i=DType.INT64,
    f=DType.FLOAT64,
    b=DType.BOOLEAN,
    s=DType.STRING,
    t=DType.TIMESTAMP,
    d=DType.DURATION,
)
local = col("t").dt.convert_time_zone("America/New_York")


@pytest.mark.parametrize(
    ("expression", "dtype"),
    [
        (col("i") + 1, DType.INT64),
        (col("i") + 1.0, DType.FLOAT64),
        (col("i") / 2, DType.FLOAT64),
        (col("t") - hours(1), DType.TIMESTAMP),
        (col("t") - timestamp("2013-01-01"), DType.DURATION),
        (col("d") / hours(1), DType.FLOAT64),
        (-col("d"), DType.DURATION),
        (col("f") > 15, DType.BOOLEAN),
        ((col("i") > 1) | ~col("b"), DType.BOOLEAN),
        (col("s").is_in(["a", "b"]), DType.BOOLEAN),
        (col("i").clip(0, 9), DType.INT64),
        (col("i").clip(0.5, None), DType.FLOAT64),
        (col("i").clip(None, 1e300), DType.FLOAT64),
        (when(col("b")).then("x").otherwise(None), DType.STRING),
        (when(col("b")).then(1).otherwise(0.5), DType.FLOAT64),
        (lit(None).fill_null(col("t")), DType.TIMESTAMP),
        (local.dt.hour() * 60 + local.dt.minute(), DType.INT64),
        (col("s").cast(DType.INT64), DType.INT64),
        (col("i") // 7 % 3, DType.INT64),
        (col("i") ** 2, DType.FLOAT64),
        (col("s") + "-" + col("s"), DType.STRING),
        (col("i") * hours(1), DType.DURATION),
        (col("d") // hours(1), DType.INT64),
        (col("d") % hours(1), DType.DURATION),
        (col("d").abs() // 2, DType.DURATION),
        (col("i").round(2), DType.INT64),
        (col("f").floor(), DType.FLOAT64),
        (col("i").log(), DType.FLOAT64),
        (col("t").dt.week(), DType.INT64),
        (col("s").str.to_lowercase().str.slice(0, 2).str.strip_chars(), DType.STRING),
        (col("s").str.len_chars(), DType.INT64),
        (col("s").str.contains("a"), DType.BOOLEAN),
        (col("t").hash(), DType.INT64),
        (col("f").bucket(9), DType.INT64),
        (col("f").is_between(0, 1) & col("s").is_not_null(), DType.BOOLEAN),
        (lit(None).str.to_uppercase(), DType.STRING),
    ],
)
def test_an_expression_has_the_type_that_its_operations_give(
    expression: Expr, dtype: DType
) -> None:
    assert infer_type(expression.node, SCHEMA) is dtype


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        (col("delay"), "PRJ-011"),
        (col("s") + 1, "PRJ-012"),
        (col("t") + col("t"), "PRJ-012"),
        (col("t") * 2, "PRJ-012"),
        (col("s") == 1, "PRJ-012"),
        (col("i") & col("b"), "PRJ-012"),
        (~col("i"), "PRJ-012"),
        (col("i").dt.hour(), "PRJ-012"),
        (col("s").clip(0, 1), "PRJ-012"),
        (col("s").is_in([1]), "PRJ-012"),
        (col("f").cast(DType.STRING), "PRJ-003"),
        (when(col("b")).then("x").otherwise(1), "PRJ-012"),
        (local, "PRJ-012"),
        (local == local, "PRJ-012"),
        (col("t").dt.convert_time_zone("Mars/Olympus").dt.hour(), "PRJ-013"),
        (col("t").dt.convert_time_zone("localtime").dt.hour(), "PRJ-013"),
        (col("i") + 2**63, "PRJ-014"),
        (col("f").clip(3, 1), "PRJ-014"),
        (col("f").clip(float("nan"), None), "PRJ-014"),
        (col("f") // 2, "PRJ-003"),
        (col("i") % 0.5, "PRJ-003"),
        (col("t") // hours(1), "PRJ-012"),
        (col("s") * 2, "PRJ-012"),
        (col("s").abs(), "PRJ-012"),
        (col("b").log(), "PRJ-012"),
        (col("d").round(), "PRJ-012"),
        (col("i").str.len_chars(), "PRJ-012"),
        (local.hash(), "PRJ-012"),
        (col("i") % 0, "PRJ-014"),
        (col("f").round(16), "PRJ-014"),
        (col("f").round(-1), "PRJ-014"),
        (col("s").bucket(0), "PRJ-014"),
        (col("s").str.slice(0, -1), "PRJ-014"),
        (col("s").str.slice(2**63), "PRJ-014"),
        (col("s").str.contains("\ud800"), "PRJ-014"),
        (col("s") == "\udfff", "PRJ-014"),
    ],
)
def test_an_operation_that_cannot_be_meant_is_a_fault(expression: Expr, code: str) -> None:
    assert [fault.code for fault in type_faults(expression.node, SCHEMA)] == [code]


def test_all_faults_are_listed_at_once() -> None:
    expression = (
        (col("nowhere") > 1)
        & (col("s") - 1 > 0)
        & (col("t").dt.convert_time_zone("Mars/Olympus").dt.hour() > 3)
    )
    with pytest.raises(FaultyExpression) as error:
        infer_type(expression.node, SCHEMA)
    assert [fault.code for fault in error.value.faults] == ["PRJ-011", "PRJ-012", "PRJ-013"]
    assert "has 3 fault(s)" in str(error.value)


def test_an_unknown_column_comes_with_the_names_most_like_it() -> None:
    with pytest.raises(FaultyExpression, match="did you mean 'dep_delay'"):
        infer_type(col("dep_dealy").node, Schema.of(dep_delay=DType.FLOAT64, origin=DType.STRING))


def test_one_fault_causes_no_others() -> None:
    assert len(type_faults(((col("nowhere") + days(1)).dt.hour() * 2 > 3).node, SCHEMA)) == 1


def test_what_has_no_one_meaning_says_why_and_what_to_write_instead() -> None:
    [fault] = type_faults((col("f") % 2).node, SCHEMA)
    assert "1.0 // 0.1 is 10 in one and 9 in the other" in fault.message
    assert "x - (x / y).floor() * y" in fault.remedy.format(**fault.details())


@pytest.mark.parametrize(
    "write",
    [
        lambda: col("s").str.contains(col("s")),
        lambda: col("s").str.strip_chars(7),
        lambda: col("s").str.slice(0.5),
        lambda: col("s").bucket(2.5),
        lambda: col("f").round(col("i")),
    ],
)
def test_a_parameter_that_is_no_constant_is_refused_where_it_is_written(
    write: Callable[[], Expr],
) -> None:
    with pytest.raises(TypeError):
        write()
