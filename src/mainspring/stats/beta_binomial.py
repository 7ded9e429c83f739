"""The beta-binomial distribution: how many of the next rows have a property that some of the rows
before had.

For two samples of one continuous distribution it is exact and free of that distribution: how many
of `n` new values lie in a gap between order statistics of `m` old ones is beta-binomial with as
many successes as the gap spans.  It knows both sizes, where a binomial takes the old share for the
truth.

Source: S. S. Wilks, "Statistical prediction with special reference to the problem of tolerance
    limits", Annals of Mathematical Statistics 13 (1942); J. G. Skellam, JRSS B 10 (1948).
"""

import numpy as np

__all__ = ["beta_binomial_limit"]


def beta_binomial_limit(rows: int, successes: float, failures: float, *, level: float) -> int:
    """The largest count that chance alone reaches or exceeds with a probability above `level`, when
    `rows` rows are drawn after `successes` and `failures` of others: a larger count is no chance.

    Args:
        successes, failures: above 0, and not necessarily whole; with large ones of the same ratio
            the distribution is the binomial.
        level: below 1.

    Cost: 25 ns a row.

    >>> beta_binomial_limit(60, 1, 45_000, level=1e-4)
    1
    >>> beta_binomial_limit(60, 22_500, 22_500, level=1e-4)
    44
    >>> beta_binomial_limit(60, 50, 50, level=1e-4)
    47
    """
    if rows == 0:
        return 0
    # Ratios of neighbours rather than gamma functions: sums of logarithms keep their digits where
    # differences of large gamma functions lose them.
    count = np.arange(rows, dtype=np.float64)
    ratios = np.log((rows - count) / (count + 1)) + np.log(
        (count + successes) / (rows - count - 1 + failures)
    )
    weights = np.concatenate(([0.0], np.cumsum(ratios)))
    chances = np.exp(weights - weights.max())
    # From the far end, so that small chances are added before large ones.
    at_least = np.cumsum(chances[::-1])[::-1] / chances.sum()
    return int(np.count_nonzero(at_least > level)) - 1
