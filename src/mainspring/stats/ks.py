"""The two-sample Kolmogorov-Smirnov statistic from histograms over the same bins.

Binning can only lower the statistic, so the p-value is conservative: a drift that it reports is
there.

Source: N. Smirnov, Annals of Mathematical Statistics 19 (1948); the asymptotic series with M. A.
    Stephens' correction (1970).
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["ks_p_value", "ks_statistic"]


def ks_statistic(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """The largest distance of the two cumulative shares, in [0, 1]; NaN where either side has no
    rows.

    >>> ks_statistic(np.array([2, 2, 0]), np.array([0, 2, 2]))
    0.5
    """
    if first.sum() == 0 or second.sum() == 0:
        return float("nan")
    return float(np.abs(first.cumsum() / first.sum() - second.cumsum() / second.sum()).max())


def ks_p_value(statistic: float, *, first_rows: int, second_rows: int) -> float:
    """The asymptotic chance of a statistic at least this large when nothing changed.

    >>> ks_p_value(0.0, first_rows=100, second_rows=100)
    1.0
    >>> round(ks_p_value(0.2, first_rows=100, second_rows=100), 3)
    0.031
    """
    effective = math.sqrt(first_rows * second_rows / (first_rows + second_rows))
    scaled = (effective + 0.12 + 0.11 / effective) * statistic
    # Below 0.2 the series converges slowly, and its limit is 1 to twelve digits.
    if scaled < 0.2:
        return 1.0
    series = sum((1.0 if k % 2 else -1.0) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(2 * series, 0.0), 1.0)
