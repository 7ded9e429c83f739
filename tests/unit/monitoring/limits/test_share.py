"""The limit of a share."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.monitoring.limits.share import Strictness, UsualShare, rows_needed

STRICT = Strictness(1e-4, 1.0)
sizes = st.integers(1, 50_000)


@given(sizes, sizes, st.integers(20, 12_000))
def test_a_limit_is_above_the_usual_share(having: int, lacking: int, rows: int) -> None:
    usual = UsualShare(having, lacking)
    assert usual.share < usual.limit(rows, STRICT) <= 1


@given(st.integers(1, 12_000))
def test_more_rows_never_have_a_much_wider_limit(rows: int) -> None:
    usual = UsualShare(3_000, 7_000)
    # By one row, for shares of a few rows are coarse.
    assert usual.limit(2 * rows, STRICT) <= usual.limit(rows, STRICT) + 1 / rows


@given(st.integers(2, 400))
def test_a_larger_baseline_never_has_a_wider_limit(tens: int) -> None:
    small, large = UsualShare(tens, 9 * tens), UsualShare(20 * tens, 180 * tens)
    assert large.limit(200, STRICT) <= small.limit(200, STRICT)


def test_a_spread_between_windows_widens_the_limit_of_large_ones_most() -> None:
    calm, wobbling = UsualShare(5_000, 5_000), UsualShare(5_000, 5_000, spread=0.01)
    wider = [(wobbling.limit(n, STRICT) - 0.5) / (calm.limit(n, STRICT) - 0.5) for n in (50, 5_000)]
    assert wider[0] < 1.4
    assert wider[1] > 4


def test_sensitivity_multiplies_the_distance_from_the_usual_share() -> None:
    usual = UsualShare(1_000, 99_000)
    once, thrice = (usual.limit(5_000, Strictness(1e-4, times)) for times in (1.0, 3.0))
    assert thrice - 0.01 == pytest.approx(3 * (once - 0.01), rel=0.02)


def test_no_sensitivity_makes_a_share_impossible_to_exceed_but_infinity() -> None:
    usual = UsualShare(5_000, 5_000)
    assert usual.limit(60, Strictness(1e-4, 9.0)) < 1
    assert usual.limit(60, Strictness(1e-4, math.inf)) == 1


def test_one_row_is_no_distribution() -> None:
    assert UsualShare(1, 10**9).limit(60, STRICT) >= 1 / 60


def test_beyond_ten_thousand_rows_a_limit_does_not_shrink() -> None:
    usual = UsualShare(40_000, 60_000)
    assert usual.limit(10_000, STRICT) == usual.limit(1_000_000, STRICT)


def test_subjects_share_the_rate_of_false_alarms() -> None:
    assert Strictness.of(10, sensitivity=1.4).split(5) == Strictness(0.01 / 50, 1.4)


def test_rarer_rows_are_told_by_fewer() -> None:
    strict = Strictness(1e-6, 1.0)
    assert [rows_needed(UsualShare(n, 1_000 - n), strict) for n in (100, 500, 800)] == [20, 50, 100]


def test_what_differs_between_windows_altogether_is_never_told() -> None:
    assert rows_needed(UsualShare(100, 900, spread=1.0), STRICT) is None


def test_two_samples_of_one_distribution_exceed_the_limit_as_rarely_as_it_says() -> None:
    rng, level, beyond = np.random.default_rng(5), 0.02, 0
    for _ in range(4_000):
        old, new = np.sort(rng.normal(size=99)), rng.normal(size=150)
        # Of 100 gaps that 99 values leave, 30 lie below the thirtieth.
        share = float((new < old[29]).mean())
        beyond += share > UsualShare(30, 70).limit(150, Strictness(level, 1.0))
    assert 0.5 * level < beyond / 4_000 < level
