"""The normal-theory interval of a mean, from its standard error with the sample variance (ddof 1).

Source: A. Wald, Annals of Mathematical Statistics 10 (1939); any textbook on the central limit
    theorem.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.interval import Interval, normal_quantile

__all__ = ["mean_interval"]


def mean_interval(values: NDArray[np.float64], *, confidence: float = 0.95) -> Interval:
    """The mean of `values` with its normal interval; unknown without rows, unbounded with one row.

    >>> mean_interval(np.array([1.0, 1.0, 1.0]))
    Interval(estimate=1.0, low=1.0, high=1.0, confidence=0.95)
    """
    if values.size == 0:
        return Interval.unknown(confidence)
    mean = float(values.mean())
    if values.size == 1:
        return Interval(estimate=mean, low=-math.inf, high=math.inf, confidence=confidence)
    half_width = normal_quantile(confidence) * math.sqrt(float(values.var(ddof=1)) / values.size)
    return Interval(
        estimate=mean, low=mean - half_width, high=mean + half_width, confidence=confidence
    )
