"""Accuracy: the share of rows whose decision is right."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "hits"]


def hits(
    y: NDArray[np.float64], p: NDArray[np.float64], *, threshold: float = 0.5
) -> NDArray[np.float64]:
    """1.0 where the decision `p >= threshold` equals the label in {0, 1}, else 0.0.

    >>> hits(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.2])).tolist()
    [1.0, 0.0, 0.0]
    """
    is_right: NDArray[np.bool_] = (p >= threshold) == (y == 1)
    return is_right.astype(np.float64)


def accuracy(y: NDArray[np.float64], p: NDArray[np.float64], *, threshold: float = 0.5) -> float:
    """The share of right decisions; NaN without rows.

    >>> accuracy(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.1, 0.2, 0.3]))
    0.75
    """
    return float(hits(y, p, threshold=threshold).mean()) if len(y) else float("nan")
