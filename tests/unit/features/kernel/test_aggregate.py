"""What the kernel answers, one meaning at a time; the laws compare it with an oracle in bulk."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from mainspring.features.kernel.arrays import NEVER, Facts, KernelResult, Spine
from mainspring.features.kernel.jit import kernel_edition
from mainspring.features.kernel.program import AggregateOp, OutputSpec, ValueKind, compile_program
from mainspring.features.kernel.windows.aggregate import aggregate, compiled_sweep

INFINITE = float("inf")
NAN = float("nan")


def ask(
    op: AggregateOp, span: int | None, values: list[float], *, at: int = 10, **times: list[int]
) -> KernelResult:
    """One output for one key, asked once; without further times the facts happen at 1, 2, 3 … and
    are known at once.
    """
    event_time = times.get("event_time", list(range(1, len(values) + 1)))
    facts = Facts.of(
        key_start=[0, len(values)],
        event_time=event_time,
        visible_from=times.get("visible_from", event_time),
        visible_to=times.get("visible_to"),
        columns=[(np.array(values), None)],
    )
    kind = ValueKind.FLOAT if np.array(values).dtype.kind == "f" else ValueKind.INTEGER
    return aggregate(
        compile_program([OutputSpec(op, 0, span)], kinds=[kind]),
        facts,
        Spine(np.array([0]), np.array([at])),
    )


def number(answer: KernelResult) -> float | None:
    """The only value of an answer of floats."""
    return float(answer.floats(0)[0]) if answer.valid[0, 0] else None


@pytest.mark.parametrize(("event_time", "count"), [(4, 0), (5, 1), (9, 1), (10, 0)])
def test_a_window_is_closed_on_the_left_and_open_on_the_right(event_time: int, count: int) -> None:
    assert ask(AggregateOp.COUNT, 5, [1.0], event_time=[event_time]).integers(0)[0] == count


@pytest.mark.parametrize(("event_time", "found"), [(5, False), (6, True), (9, True), (10, False)])
def test_a_time_to_live_is_open_on_both_sides(event_time: int, found: bool) -> None:
    assert ask(AggregateOp.LATEST, 5, [1.0], event_time=[event_time]).valid[0, 0] == found


@pytest.mark.parametrize(
    ("visible_from", "visible_to", "count"),
    [(10, NEVER, 1), (11, NEVER, 0), (3, 10, 0), (3, 11, 1), (7, 7, 0)],
)
def test_a_fact_is_seen_from_its_visible_time_until_it_is_superseded(
    visible_from: int, visible_to: int, count: int
) -> None:
    answer = ask(
        AggregateOp.COUNT,
        None,
        [1.0],
        event_time=[3],
        visible_from=[visible_from],
        visible_to=[visible_to],
    )
    assert answer.integers(0)[0] == count


def test_a_value_that_left_the_window_leaves_nothing_behind() -> None:
    assert number(ask(AggregateOp.SUM, 9, [1e16, 1.0, 2.5], event_time=[0, 4, 5])) == 3.5


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([1e308, 1e308], INFINITE),
        ([1e308, 1e308, -1e308], 1e308),
        ([INFINITE, 1.0], INFINITE),
        ([0.1] * 10, 1.0),
        ([1e16, 1.0, -1e16], 1.0),
    ],
)
def test_a_sum_is_exact_and_rounded_once(values: list[float], total: float) -> None:
    assert number(ask(AggregateOp.SUM, None, values, at=100)) == total


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("op", "values"),
    [(AggregateOp.SUM, [2.0**62, 512.0, 1.0]), (AggregateOp.MEAN, [3 * 2.0**61, 768.0, 1.0])],
)
def test_what_lies_far_below_a_tie_decides_it(
    op: AggregateOp, values: list[float], sign: float
) -> None:
    exact = sum(map(Fraction, values)) / (len(values) if op is AggregateOp.MEAN else 1)
    assert number(ask(op, None, [sign * value for value in values])) == sign * float(exact)
    assert float(exact) > float(exact - 1)


def test_a_mean_does_not_overflow_where_its_sum_does() -> None:
    assert number(ask(AggregateOp.MEAN, None, [1e308, 1e308])) == 1e308


@pytest.mark.parametrize(
    "op", [AggregateOp.SUM, AggregateOp.MEAN, AggregateOp.MIN, AggregateOp.MAX]
)
def test_a_nan_makes_sum_mean_min_and_max_nan(op: AggregateOp) -> None:
    assert np.isnan(number(ask(op, None, [1.0, NAN, -INFINITE])))


def test_opposite_infinities_add_to_nan() -> None:
    assert np.isnan(number(ask(AggregateOp.SUM, None, [INFINITE, -INFINITE])))


def test_an_infinity_that_left_the_window_is_forgotten() -> None:
    assert number(ask(AggregateOp.SUM, 9, [INFINITE, 2.0], event_time=[0, 4])) == 2.0


def test_a_sum_of_negative_zeros_is_positive_zero() -> None:
    assert ask(AggregateOp.SUM, None, [-0.0, -0.0]).bits[0, 0] == 0


@pytest.mark.parametrize(
    ("op", "valid"),
    [
        (AggregateOp.COUNT, 1),
        (AggregateOp.SUM, 1),
        (AggregateOp.MEAN, 0),
        (AggregateOp.MIN, 0),
        (AggregateOp.MAX, 0),
        (AggregateOp.LAST, 0),
        (AggregateOp.LATEST, 0),
    ],
)
def test_an_empty_window_counts_and_sums_to_zero_and_is_null_otherwise(
    op: AggregateOp, valid: int
) -> None:
    answer = ask(op, 1, [1.0], event_time=[1])
    assert (answer.valid[0, 0], answer.bits[0, 0]) == (valid, 0)


def test_the_lowest_integer_is_a_maximum_like_any_other() -> None:
    answer = ask(AggregateOp.MAX, None, [-(2**63)])
    assert (answer.valid[0, 0], answer.integers(0)[0]) == (1, -(2**63))


def test_an_integer_sum_beyond_int64_names_row_and_output() -> None:
    assert ask(AggregateOp.SUM, None, [2**63 - 1, 1]).overflow == (0, 0)
    assert ask(AggregateOp.SUM, None, [2**63 - 1, 1, -1]).overflow is None


def test_last_skips_nulls_and_latest_does_not() -> None:
    facts = Facts.of(
        key_start=[0, 2], event_time=[1, 2], visible_from=[1, 2], columns=[([5, 6], [True, False])]
    )
    program = compile_program(
        [OutputSpec(AggregateOp.LAST, 0, None), OutputSpec(AggregateOp.LATEST, 0, None)],
        kinds=[ValueKind.INTEGER],
    )
    answer = aggregate(program, facts, Spine(np.array([0]), np.array([9])))
    assert (answer.valid[:, 0].tolist(), answer.bits[:, 0].tolist()) == ([1, 0], [5, 0])


def test_a_deleted_newest_fact_uncovers_the_one_before() -> None:
    assert number(ask(AggregateOp.LATEST, None, [1.0, 2.0], visible_to=[NEVER, 8])) == 1.0


def test_a_late_fact_does_not_hide_a_newer_one() -> None:
    assert number(ask(AggregateOp.LAST, None, [1.0, 2.0], visible_from=[9, 2])) == 2.0


@pytest.mark.parametrize("key", [-1, 1, 7])
def test_an_unknown_key_has_empty_windows(key: int) -> None:
    facts = Facts.of(key_start=[0, 1], event_time=[1], visible_from=[1], columns=[([1.0], None)])
    program = compile_program(
        [OutputSpec(AggregateOp.COUNT_ROWS), OutputSpec(AggregateOp.MEAN, 0)],
        kinds=[ValueKind.FLOAT],
    )
    answer = aggregate(program, facts, Spine(np.array([key, 0]), np.array([5, 5])))
    assert answer.valid.tolist() == [[1, 1], [0, 1]]
    assert answer.integers(0).tolist() == [0, 1]


def test_no_facts_and_no_questions_are_answered_with_nothing() -> None:
    empty = np.empty(0, dtype=np.int64)
    answer = aggregate(
        compile_program([], kinds=[]),
        Facts.of(key_start=[0], event_time=[], visible_from=[]),
        Spine(empty, empty),
    )
    assert answer.bits.shape == (0, 0)


def test_an_answer_names_the_edition_of_its_kernel() -> None:
    assert ask(AggregateOp.COUNT, None, [1.0]).note[1] == kernel_edition()


def test_threads_share_one_compiled_kernel() -> None:
    seen: list[float | None] = []
    threads = [
        threading.Thread(target=lambda: seen.append(number(ask(AggregateOp.SUM, None, [1.5, 2.0]))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [3.5] * 4
    assert compiled_sweep() is compiled_sweep()
