"""Intervals cover what they claim, and equal their textbook forms."""

import math

import numpy as np
import pytest
import scipy.stats

from mainspring.stats.bootstrap import paired_bootstrap
from mainspring.stats.delong import auc_difference_interval, auc_interval
from mainspring.stats.normal import mean_interval
from mainspring.stats.roc_auc import roc_auc
from mainspring.stats.wilson import wilson_interval


def sample(rng, rows=300):
    """Labels and two models' scores on the same rows; the true areas are equal to each other."""
    y = (rng.random(rows) < 0.4).astype(np.float64)
    shared = rng.normal(size=rows) + y
    return y, shared + rng.normal(size=rows), shared + rng.normal(size=rows)


@pytest.mark.parametrize(("successes", "rows"), [(0, 10), (3, 10), (10, 10), (221, 1000)])
def test_the_score_interval_is_scipys(successes, rows):
    theirs = scipy.stats.binomtest(successes, rows).proportion_ci(method="wilson")
    ours = wilson_interval(successes, rows)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_one_row_bounds_nothing():
    interval = mean_interval(np.array([3.0]))
    assert (interval.estimate, interval.low, interval.high) == (3.0, -math.inf, math.inf)


def test_delongs_variance_is_the_quadratic_definition():
    y, p, _ = sample(np.random.default_rng(1), 80)
    p = p.round(1)
    wins = (p[y == 1][:, None] > p[y == 0]) + 0.5 * (p[y == 1][:, None] == p[y == 0])
    variance = (
        wins.mean(axis=1).var(ddof=1) / wins.shape[0]
        + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    )
    interval = auc_interval(y, p)
    assert interval.estimate == pytest.approx(roc_auc(y, p))
    assert interval.estimate - interval.low == pytest.approx(
        1.959963984540054 * math.sqrt(variance)
    )


def test_delongs_difference_covers_zero_in_about_95_of_100_samples():
    rng = np.random.default_rng(2)
    misses = 0
    for _ in range(400):
        y, ours, theirs = sample(rng)
        misses += auc_difference_interval(y, ours=ours, theirs=theirs).excludes(0.0)
    assert 8 <= misses <= 34


def test_pairing_makes_the_difference_sharper_than_two_intervals():
    y, ours, theirs = sample(np.random.default_rng(3))
    paired, alone = auc_difference_interval(y, ours=ours, theirs=theirs), auc_interval(y, ours)
    assert paired.high - paired.low < math.sqrt(2) * (alone.high - alone.low)


def test_a_class_of_one_row_has_no_interval():
    assert not auc_interval(np.array([1.0, 0.0, 0.0]), np.array([0.3, 0.2, 0.1])).is_known


def test_the_bootstrap_agrees_with_the_normal_interval_of_the_differences():
    rng = np.random.default_rng(4)
    ours, theirs = rng.random(5000), rng.random(5000)
    normal = mean_interval(ours - theirs)
    found = paired_bootstrap(ours, theirs, rng=rng, resamples=1000)
    assert found.estimate == pytest.approx(normal.estimate)
    assert (found.low, found.high) == pytest.approx(
        (normal.low, normal.high), abs=0.1 * (normal.high - normal.low)
    )


def test_the_same_seed_gives_the_same_interval():
    losses = np.random.default_rng(5).random((2, 500))
    first, second = (paired_bootstrap(*losses, rng=np.random.default_rng(9)) for _ in range(2))
    assert first == second


def test_the_bootstrap_of_a_root_is_the_difference_of_roots():
    found = paired_bootstrap(
        np.full(10, 9.0), np.full(10, 4.0), rng=np.random.default_rng(6), metric_of_mean=math.sqrt
    )
    assert (found.estimate, found.low, found.high) == (1.0, 1.0, 1.0)
