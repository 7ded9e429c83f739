"""Sketches are as exact as they say."""

import numpy as np
import pytest

from mainspring.features.kernel.aggregate import aggregate
from mainspring.features.kernel.arrays import Facts, Spine
from mainspring.features.kernel.program import Beyond, Kind, Op, Output, compile_program


def answer_over(values: np.ndarray, output: Output) -> np.ndarray:
    """The rows of one output over all the values at once."""
    time = np.arange(values.size)
    facts = Facts.of(key_start=[0, values.size], event_time=time, visible_from=time, columns=[(values, None)])
    kind = Kind.FLOAT if values.dtype.kind == "f" else Kind.INTEGER
    answer = aggregate(compile_program([output], kinds=[kind]), facts, Spine(np.zeros(1, dtype=np.int64), np.array([values.size])))
    return answer.bits[:, 0]


@pytest.mark.parametrize("precision", [4, 8, 12, 16])
@pytest.mark.parametrize("distinct", [10, 1_000, 50_000])
def test_an_estimate_lies_within_four_standard_errors(precision: int, distinct: int) -> None:
    values = np.arange(distinct).repeat(2)
    estimate = answer_over(values, Output(Op.APPROX_DISTINCT, 0, parameters=(precision,)))[0]
    assert abs(estimate - distinct) <= max(4 * 1.04 / 2 ** (precision / 2) * distinct, 1)


def test_distinct_is_exact_up_to_its_limit_and_says_the_limit_beyond() -> None:
    values = np.arange(50_000) * 0.1
    counts = [answer_over(values, Output(Op.DISTINCT, 0, parameters=(limit, Beyond.SATURATE)))[0] for limit in (49_999, 50_000, 60_000)]
    assert counts == [49_999, 50_000, 50_000]
