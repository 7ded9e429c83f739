"""How much more shares vary between groups than chance has them."""

import numpy as np
import pytest

from mainspring.stats.intraclass_correlation import correlation_by_chance, intraclass_correlation


def drawn(shares, rows: int, rng) -> np.ndarray:
    return rng.binomial(rows, shares)[:, None].astype(np.int64)


@pytest.mark.parametrize("correlation", [0.01, 0.1, 0.5])
def test_the_correlation_of_a_beta_binomial_is_found(correlation):
    rng, groups, rows = np.random.default_rng(5), 4_000, 60
    size = 1 / correlation - 1
    shares = rng.beta(0.3 * size, 0.7 * size, groups)
    found = intraclass_correlation(drawn(shares, rows, rng), np.full(groups, rows))
    assert found[0] == pytest.approx(correlation, rel=0.2)


def test_independent_rows_stray_from_nought_by_the_error_that_is_said():
    rng, groups = np.random.default_rng(6), 30
    rows = rng.integers(20, 200, groups)
    found = [
        intraclass_correlation(drawn(np.full(groups, 0.3), rows, rng), rows)[0]
        for _ in range(2_000)
    ]
    # A mean square of a few groups is skewed, so the plain error is a little too large.
    assert np.std(found) == pytest.approx(correlation_by_chance(rows), rel=0.15)
    assert abs(np.mean(found)) < 0.1 * correlation_by_chance(rows)


@pytest.mark.parametrize(
    ("counts", "rows"),
    [([[3]], [10]), ([[0], [0]], [5, 5]), ([[5], [5]], [5, 5]), ([[0], [1]], [1, 1]), ([], [])],
)
def test_where_nothing_can_be_known_there_is_none(counts, rows):
    table = np.array(counts, dtype=np.int64).reshape(-1, 1)
    assert intraclass_correlation(table, np.array(rows, dtype=np.int64)).tolist() == [0.0]
