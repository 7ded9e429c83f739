"""Logarithmic loss (cross-entropy) of predicted probabilities.

Source: I. J. Good, "Rational decisions", Journal of the Royal Statistical Society B 14 (1952).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_loss", "log_losses"]

_EPSILON = float(np.finfo(np.float64).eps)


def log_losses(y: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The loss of each row, in nats; `y` in {0, 1}, `p` clipped to [eps, 1 - eps] so that one sure
    mistake stays finite.

    Shapes: both (rows,) float64.

    >>> log_losses(np.array([1.0, 0.0]), np.array([0.5, 0.5])).round(6).tolist()
    [0.693147, 0.693147]
    """
    clipped = np.clip(p, _EPSILON, 1 - _EPSILON)
    # One logarithm per row: labels are 0 or 1, so the other term of the sum is an exact zero.
    return -np.log(np.where(y == 1, clipped, 1 - clipped))


def log_loss(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The mean loss in nats; NaN without rows.

    >>> round(log_loss(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.6])), 6)
    0.279777
    """
    return float(log_losses(y, p).mean()) if len(y) else float("nan")
