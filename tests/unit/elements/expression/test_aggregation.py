"""Aggregates as records: what a method makes, of which type the outcome is, and that lists are no
operands.
"""

import pytest

from mainspring.elements.errors import UnreadableDuration
from mainspring.elements.expression import Aggregation, col, count
from mainspring.elements.expression.aggregation import (
    OPERANDS,
    parameter_problems,
    result_type,
    value_problems,
)
from mainspring.elements.expression.infer import type_faults
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import HOUR

X, IS_LATE = col("x"), col("late")


def test_a_method_makes_a_record_of_its_operand_condition_and_parameters():
    made = X.top_k(3, where=IS_LATE)
    assert made == Aggregation("top_k", X.node, IS_LATE.node, (("k", 3),))
    assert hash(made) == hash(X.top_k(3, where=IS_LATE))


def test_rows_that_satisfy_a_condition_are_counted_alike_in_two_ways():
    assert count(where=IS_LATE) == IS_LATE.count_if() == Aggregation("count", None, IS_LATE.node)


def test_a_half_life_is_kept_in_microseconds():
    assert X.ewma(half_life="6h").whole("half_life") == 6 * HOUR
    with pytest.raises(UnreadableDuration):
        X.ewma(half_life="soon")


@pytest.mark.parametrize("name", OPERANDS)
def test_every_aggregate_has_a_type_for_each_operand_that_it_takes(name):
    assert all(
        isinstance(result_type(Aggregation(name, X.node), dtype), DType) for dtype in OPERANDS[name]
    )


def test_lists_are_of_what_is_listed():
    assert result_type(X.last_k(2), DType.TIMESTAMP) is DType.LIST_TIMESTAMP
    assert (DType.LIST_STRING.element, DType.LIST_STRING.is_list, DType.STRING.is_list) == (
        DType.STRING,
        True,
        False,
    )


def test_all_problems_of_all_parameters_are_named():
    assert len(list(parameter_problems(X.count_distinct(limit=-1, beyond="guess")))) == 2
    assert len(list(parameter_problems(X.quantiles([2.0, -1.0])))) == 2
    assert len(list(value_problems(X.value_counts(["a", True, 2**63]), DType.INT64))) == 3


def test_sound_parameters_have_no_problems():
    for made in (
        X.first_k(1),
        X.quantile(1),
        X.quantiles([0, 1]),
        X.histogram([-1.5, 0, 3]),
        X.approx_count_distinct(precision=4),
    ):
        assert list(parameter_problems(made)) == []


def test_an_expression_over_a_list_is_refused():
    schema = Schema.of(ranks=DType.LIST_FLOAT64)
    [fault] = type_faults((col("ranks").is_null() | (col("ranks") == 3.0)).node, schema)[:1]
    assert (fault.code, "list[float64]" in fault.message) == ("PRJ-012", True)
