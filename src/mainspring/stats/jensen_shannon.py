"""Jensen-Shannon distance between two histograms over the same bins: bounded, symmetric, and finite
with empty bins.

Source: J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37 (1991); as a metric: D. M. Endres, J. E. Schindelin (2003).
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["jensen_shannon_distance"]


def jensen_shannon_distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """The distance in [0, 1] (root of the divergence in bits); NaN where either side has no rows.

    >>> jensen_shannon_distance(np.array([10, 0]), np.array([0, 3]))
    1.0
    >>> jensen_shannon_distance(np.array([1, 3]), np.array([2, 6]))
    0.0
    """
    if first.sum() == 0 or second.sum() == 0:
        return float("nan")
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    divergence = (_divergence_bits(p, middle) + _divergence_bits(q, middle)) / 2
    return math.sqrt(max(divergence, 0.0))


def _divergence_bits(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence in bits; a bin without mass in `p` adds nothing."""
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
