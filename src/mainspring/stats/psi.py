"""Population stability index: the symmetric Kullback-Leibler distance between two histograms over
the same bins.

Source: E. Lewis, "An Introduction to Credit Scoring" (1994); B. Yurdakul, "Statistical properties
    of population stability index" (2018).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["psi"]


def psi(expected: NDArray[np.int64], actual: NDArray[np.int64], *, smoothing: float = 0.5) -> float:
    """The index of `actual` counts against `expected` counts; 0 where the shares agree, NaN where
    either side has no rows.

    Args:
        smoothing: pseudo-count added to every bin that either side has seen, so that a bin empty on
            one side stays finite; 0.5 is Jeffreys' prior. Raising it hides small shifts of small
            windows.

    >>> psi(np.array([50, 50]), np.array([50, 50]))
    0.0
    >>> round(psi(np.array([50, 50]), np.array([80, 20])), 4)
    0.4063
    """
    if expected.sum() == 0 or actual.sum() == 0:
        return float("nan")
    # Bins that nobody ever saw would only dilute the shares.
    seen = (expected > 0) | (actual > 0)
    was, now = _shares(expected[seen], smoothing), _shares(actual[seen], smoothing)
    return float(((now - was) * np.log(now / was)).sum())


def _shares(counts: NDArray[np.int64], smoothing: float) -> NDArray[np.float64]:
    """Counts as shares that sum to one, each with its pseudo-count."""
    shares: NDArray[np.float64] = (counts + smoothing) / (counts.sum() + smoothing * len(counts))
    return shares
