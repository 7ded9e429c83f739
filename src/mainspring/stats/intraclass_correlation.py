"""The intraclass correlation of a share: how much more it varies between groups of rows than
independent rows do.

It is 0 for independent rows and 1 where each group is all or nothing.  A count of `n` rows of one
group has the variance of a binomial, times `1 + (n - 1) * correlation`.

Source: J. C. Kleinman, "Proportions with extraneous variance: single and independent samples", JASA
    68 (1973); D. A. Williams, Biometrics 31 (1975).
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["correlation_by_chance", "intraclass_correlation"]


def intraclass_correlation(
    counts: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The correlation within groups of each property, at most 1; below 0 where groups are more
    alike than chance would have them, and 0 where it cannot be known: fewer than two groups, no
    group of two rows, or a property that all rows have or none.

    Shapes: counts (groups, properties), rows (groups,) -> (properties,).

    >>> intraclass_correlation(np.array([[0], [10]]), np.array([10, 10])).tolist()
    [1.0]
    >>> intraclass_correlation(np.array([[5], [5]]), np.array([10, 10])).round(3).tolist()
    [-0.056]
    """
    total, pairs = rows.sum(), float((rows * (rows - 1)).sum())
    if len(rows) < 2 or not pairs:
        return np.zeros(counts.shape[1])
    shares = counts.sum(axis=0) / total
    variances = shares * (1 - shares)
    squares = np.square(counts - rows[:, None] * shares).sum(axis=0)
    # The whole contains each group, which lessens the distance between the two.
    by_chance = float((rows * (1 - rows / total)).sum())
    known = variances > 0
    found = squares / np.where(known, variances, 1.0) - by_chance
    return np.where(known, np.minimum(found / pairs, 1.0), 0.0)


def correlation_by_chance(rows: NDArray[np.int64]) -> float:
    """The standard error of the correlation among independent rows, in groups of these sizes.

    >>> correlation_by_chance(np.array([100] * 50))
    0.002
    """
    squares = float(np.square(rows.astype(np.float64)).sum())
    return math.sqrt(2 / squares) if squares else 0.0
