"""Root mean squared error of predicted values, in the label's unit."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["root_mean_squared_error"]


def root_mean_squared_error(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The root of the mean of `(p - y)²`; NaN without rows.

    >>> root_mean_squared_error(np.array([0.0, 0.0]), np.array([3.0, 3.0]))
    3.0
    """
    return float(np.sqrt(np.square(p - y).mean())) if len(y) else float("nan")
