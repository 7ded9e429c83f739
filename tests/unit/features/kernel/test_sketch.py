"""Sketches and polynomials are as exact as they say."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainspring.features.kernel.arrays import Facts, Spine
from mainspring.features.kernel.program import (
    AggregateOp,
    OutOfRangeMode,
    OutputSpec,
    ValueKind,
    compile_program,
)
from mainspring.features.kernel.windows.aggregate import aggregate
from tests.laws.approximate_oracle import decayed_mean, halves


def answer_over(values: np.ndarray, output: OutputSpec) -> np.ndarray:
    """The rows of one output over all the values at once."""
    time = np.arange(values.size)
    facts = Facts.of(
        key_start=[0, values.size], event_time=time, visible_from=time, columns=[(values, None)]
    )
    kind = ValueKind.FLOAT if values.dtype.kind == "f" else ValueKind.INTEGER
    answer = aggregate(
        compile_program([output], kinds=[kind]),
        facts,
        Spine(np.zeros(1, dtype=np.int64), np.array([values.size])),
    )
    return answer.bits[:, 0]


@pytest.mark.parametrize("precision", [4, 8, 12, 16])
@pytest.mark.parametrize("distinct", [10, 1_000, 50_000])
def test_an_estimate_lies_within_four_standard_errors(precision: int, distinct: int) -> None:
    values = np.arange(distinct).repeat(2)
    estimate = answer_over(
        values, OutputSpec(AggregateOp.APPROX_DISTINCT, 0, parameters=(precision,))
    )[0]
    assert abs(estimate - distinct) <= max(4 * 1.04 / 2 ** (precision / 2) * distinct, 1)


def test_distinct_is_exact_up_to_its_limit_and_says_the_limit_beyond() -> None:
    values = np.arange(50_000) * 0.1
    counts = [
        answer_over(
            values, OutputSpec(AggregateOp.DISTINCT, 0, parameters=(limit, OutOfRangeMode.SATURATE))
        )[0]
        for limit in (49_999, 50_000, 60_000)
    ]
    assert counts == [49_999, 50_000, 50_000]


@pytest.mark.parametrize(
    "values",
    [
        np.geomspace(1e-300, 1e300, 999),
        -np.geomspace(1e-3, 1e3, 999),
        np.arange(-499, 500),
        np.array([0.0, np.inf, -np.inf]),
    ],
)
def test_a_quantile_lies_within_a_128th_of_a_value_that_has_its_rank(values: np.ndarray) -> None:
    shares = np.array([0.0, 0.01, 0.5, 0.99, 1.0])
    answer = answer_over(
        values,
        OutputSpec(
            AggregateOp.QUANTILES,
            0,
            size=shares.size,
            parameters=tuple(shares.view(np.int64).tolist()),
        ),
    )
    exact = np.sort(values)[np.maximum(np.ceil(shares * values.size), 1).astype(int) - 1]
    np.testing.assert_allclose(answer.view(np.float64), exact, rtol=2**-7, atol=0)


@given(st.floats(0, 1100))
def test_halving_agrees_with_the_library_to_the_last_bit_but_one(age: float) -> None:
    assert abs(halves(age) - math.exp2(-age)) <= math.ulp(math.exp2(-age))


@given(st.integers(0, 1200))
def test_halving_is_exact_at_whole_numbers(age: int) -> None:
    assert halves(float(age)) == math.ldexp(1.0, -age)


@given(
    st.lists(
        st.tuples(st.integers(0, 1200), st.sampled_from([1.0, -1e308, 1e300, 0.1])),
        min_size=1,
        max_size=8,
    )
)
@example([(0, -1e308), (0, -1e308), (1075, 1.0)])
def test_a_mean_that_decays_by_any_factor_equals_its_definition(
    steps: list[tuple[int, float]],
) -> None:
    ages, values = zip(*steps, strict=True)
    times = np.cumsum(ages)
    facts = Facts.of(
        key_start=[0, times.size],
        event_time=times,
        visible_from=times,
        columns=[(np.array(values), None)],
    )
    program = compile_program(
        [OutputSpec(AggregateOp.EWMA, 0, parameters=(1,))], kinds=[ValueKind.FLOAT]
    )
    answer = aggregate(program, facts, Spine(np.zeros(1, dtype=np.int64), times[-1:] + 1))
    # Not a number where a sum that has overflowed fades away: infinity times zero.
    np.testing.assert_array_equal(
        answer.floats(0)[0], decayed_mean(times.tolist(), list(values), 1)
    )
