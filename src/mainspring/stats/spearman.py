"""Spearman's rank correlation: how far two variables rise together, whatever the shape.

Source: C. Spearman, "The proof and measurement of association between two things", American Journal
    of Psychology 15 (1904).
"""

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.midrank import midranks

__all__ = ["correlation_of_ranks", "spearman"]


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The correlation of the midranks, in [-1, 1]; NaN where one of them is constant.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 2.5]))
    -0.5
    """
    return correlation_of_ranks(midranks(x), midranks(y))


def correlation_of_ranks(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The same of variables that are ranked already, for where one is compared with many.

    >>> correlation_of_ranks(np.array([1.0, 2.5, 2.5]), np.array([1.0, 2.0, 3.0])).__round__(3)
    0.866
    """
    a, b = x - (len(x) + 1) / 2, y - (len(y) + 1) / 2
    spread = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / spread if spread else float("nan")
