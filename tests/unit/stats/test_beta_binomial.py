"""Limits of the beta-binomial distribution."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mainspring.stats.beta_binomial import beta_binomial_limit


@pytest.mark.parametrize("rows", [1, 20, 700])
@pytest.mark.parametrize(
    ("successes", "failures"), [(1, 45_000), (0.5, 0.5), (30, 70), (1e4, 9e4), (4_000, 1)]
)
@pytest.mark.parametrize("level", [0.2, 1e-3, 1e-6])
def test_the_limit_is_scipys(rows, successes, failures, level):
    limit = beta_binomial_limit(rows, successes, failures, level=level)
    theirs = scipy.stats.betabinom(rows, successes, failures)
    assert theirs.sf(limit - 1) > level >= theirs.sf(limit)


@given(st.integers(0, 300), st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.floats(1e-9, 0.49))
def test_a_limit_is_a_count_and_no_larger_at_a_larger_level(rows, successes, failures, level):
    limit = beta_binomial_limit(rows, successes, failures, level=level)
    assert 0 <= beta_binomial_limit(rows, successes, failures, level=2 * level) <= limit <= rows


def test_with_much_known_it_is_the_binomial():
    limit = beta_binomial_limit(500, 3e11, 7e11, level=1e-4)
    assert limit == int(scipy.stats.binom(500, 0.3).isf(1e-4))


def test_counts_of_new_values_between_old_ones_exceed_it_as_rarely_as_it_says():
    rng = np.random.default_rng(11)
    limit = beta_binomial_limit(40, 10, 20, level=0.05)
    old, new = np.sort(rng.normal(size=(20_000, 29))), rng.normal(size=(20_000, 40))
    counts = (new < old[:, [9]]).sum(axis=1)
    assert 0.03 < (counts > limit).mean() <= 0.05
