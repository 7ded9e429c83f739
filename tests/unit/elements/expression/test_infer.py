"""Types of expressions, and every fault they have."""

import pytest

from mainspring.elements.expression import Expr, col, days, hours, lit, timestamp, when
from mainspring.elements.expression.errors import FaultyExpression
from mainspring.elements.expression.infer import faults_of, infer_type
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(i=DType.INT64, f=DType.FLOAT64, b=DType.BOOLEAN, s=DType.STRING, t=DType.TIMESTAMP, d=DType.DURATION)
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
    ],
)
def test_an_expression_has_the_type_that_its_operations_give(expression: Expr, dtype: DType) -> None:
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
    ],
)
def test_an_operation_that_cannot_be_meant_is_a_fault(expression: Expr, code: str) -> None:
    assert [fault.code for fault in faults_of(expression.node, SCHEMA)] == [code]


def test_all_faults_are_listed_at_once() -> None:
    expression = (col("nowhere") > 1) & (col("s") - 1 > 0) & (col("t").dt.convert_time_zone("Mars/Olympus").dt.hour() > 3)
    with pytest.raises(FaultyExpression) as error:
        infer_type(expression.node, SCHEMA)
    assert [fault.code for fault in error.value.faults] == ["PRJ-011", "PRJ-012", "PRJ-013"]
    assert "has 3 fault(s)" in str(error.value)


def test_an_unknown_column_comes_with_the_names_most_like_it() -> None:
    with pytest.raises(FaultyExpression, match="did you mean 'dep_delay'"):
        infer_type(col("dep_dealy").node, Schema.of(dep_delay=DType.FLOAT64, origin=DType.STRING))


def test_one_fault_causes_no_others() -> None:
    assert len(faults_of(((col("nowhere") + days(1)).dt.hour() * 2 > 3).node, SCHEMA)) == 1
