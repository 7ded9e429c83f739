"""The Brier score: mean squared error of predicted probabilities.

Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["brier_score"]


def brier_score(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The mean of `(p - y)²`, in [0, 1] for labels in {0, 1}; NaN without rows.

    >>> brier_score(np.array([1.0, 0.0]), np.array([0.5, 0.25]))
    0.15625
    """
    return float(np.square(p - y).mean()) if len(y) else float("nan")
