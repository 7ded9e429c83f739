"""Histograms and the distances between them."""

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from mainspring.stats.histogram import edges_from, histogram
from mainspring.stats.jensen_shannon import jensen_shannon_distance
from mainspring.stats.ks import ks_p_value, ks_statistic
from mainspring.stats.psi import psi

RNG = np.random.default_rng(31)
floats = (
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60)
    .map(np.array)
    .map(lambda a: a.astype(np.float64))
)


@given(values=floats, baseline=floats)
def test_every_value_is_counted_once(values, baseline):
    edges = edges_from(baseline, bins=5)
    assert histogram(values, edges).sum() == len(values)


@given(first=floats, second=floats, baseline=floats)
def test_counts_of_parts_add_up_to_counts_of_the_whole(first, second, baseline):
    edges = edges_from(baseline, bins=5)
    together = histogram(np.concatenate((first, second)), edges)
    np.testing.assert_array_equal(histogram(first, edges) + histogram(second, edges), together)


@example(baseline=np.array([0.0, 0.0, -0.0]), seed=0)
@given(baseline=floats, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_move_an_edge(baseline, seed):
    shuffled = np.random.default_rng(seed).permutation(baseline)
    assert edges_from(baseline).tobytes() == edges_from(shuffled).tobytes()


@given(baseline=floats)
@example(baseline=np.array([np.finfo(np.float64).max]))
def test_the_baseline_lies_inside_its_own_edges(baseline):
    finite = baseline[np.isfinite(baseline)]
    counts = histogram(finite, edges_from(baseline))
    assert counts[0] == 0
    assert counts[-1] == 0
    assert len(finite) == 0 or counts[-2] == 0


def test_bins_agree_with_numpy():
    values, edges = RNG.normal(size=1000), np.linspace(-1, 1, 9)
    np.testing.assert_array_equal(histogram(values, edges)[1:-2], np.histogram(values, edges)[0])


def test_a_constant_has_one_bin_and_any_other_value_falls_outside():
    edges = edges_from(np.full(50, 7.0))
    assert histogram(np.array([7.0, 6.9, 7.1, np.nan]), edges).tolist() == [1, 1, 1, 1]


def test_without_a_baseline_everything_known_is_overflow():
    assert histogram(np.array([1.0, np.nan, -np.inf]), edges_from(np.array([np.nan]))).tolist() == [
        0,
        2,
        1,
    ]


def test_infinities_fall_under_and_over():
    assert histogram(np.array([-np.inf, np.inf]), np.array([0.0, 1.0])).tolist() == [1, 0, 1, 0]


def test_the_stability_index_is_symmetric_and_grows_with_the_shift():
    quiet, small, large = np.array([50, 50]), np.array([45, 55]), np.array([20, 80])
    assert psi(quiet, large) == pytest.approx(psi(large, quiet))
    assert 0 == psi(quiet, quiet) < psi(quiet, small) < 0.1 < psi(quiet, large)


def test_a_bin_that_is_empty_on_one_side_stays_finite():
    assert 1 < psi(np.array([100, 0]), np.array([0, 100])) < 12


def test_bins_that_nobody_saw_change_nothing():
    assert psi(np.array([30, 70, 0, 0]), np.array([50, 50, 0, 0])) == psi(
        np.array([30, 70]), np.array([50, 50])
    )


@pytest.mark.parametrize("distance", [psi, jensen_shannon_distance, ks_statistic])
def test_no_rows_have_no_distance(distance):
    assert np.isnan(distance(np.array([0, 0]), np.array([1, 2])))


def test_the_jensen_shannon_distance_is_scipys():
    first, second = RNG.integers(0, 50, 20), RNG.integers(0, 50, 20)
    assert jensen_shannon_distance(first, second) == pytest.approx(
        scipy.spatial.distance.jensenshannon(first, second, base=2)
    )


def test_the_ks_statistic_with_a_bin_per_value_is_scipys():
    first, second = RNG.integers(0, 12, 300), RNG.integers(1, 13, 200)
    counts = [np.bincount(sample, minlength=13) for sample in (first, second)]
    theirs = scipy.stats.ks_2samp(first, second)
    assert ks_statistic(*counts) == pytest.approx(theirs.statistic)


def test_the_p_value_is_close_to_the_exact_one():
    first, second = RNG.normal(size=400), RNG.normal(loc=0.12, size=300)
    theirs = scipy.stats.ks_2samp(first, second, method="exact")
    assert ks_p_value(theirs.statistic, first_rows=400, second_rows=300) == pytest.approx(
        theirs.pvalue, abs=0.01
    )


def test_a_value_that_fills_a_bin_has_one_of_its_own():
    values = np.repeat([0.0, 1.0], [97, 3])
    counts = histogram(values, edges_from(values))
    assert sorted(counts[counts > 0].tolist()) == [3, 97]


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=60).map(lambda v: np.array(v, dtype=float))
)
def test_no_heavy_value_shares_its_bin(values):
    edges = edges_from(values, bins=5)
    alone, times = np.unique(values, return_counts=True)
    for value in alone[times * 5 >= 2 * len(values)]:
        others = values[values != value]
        assert histogram(np.array([value]), edges) @ histogram(others, edges) == 0
