"""Mean absolute error of predicted values, in the label's unit."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_absolute_error"]


def mean_absolute_error(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The mean of `|p - y|`; NaN without rows.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    1.25
    """
    return float(np.abs(p - y).mean()) if len(y) else float("nan")
