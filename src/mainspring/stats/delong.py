"""DeLong's variance of an AUC, and of the difference of two AUCs on the same rows, from midranks.

The bootstrap of an AUC sorts every resample; the structural components below need three sorts per
model and no randomness.

Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); the O(n log n) form:
    X. Sun, W. Xu, IEEE Signal Processing Letters 21 (2014).
"""

import math

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.interval import Interval, normal_quantile
from mainspring.stats.midrank import midranks

__all__ = ["auc_difference_interval", "auc_interval"]


def auc_interval(
    y: NDArray[np.float64], p: NDArray[np.float64], *, confidence: float = 0.95
) -> Interval:
    """The AUC with its interval, cut to [0, 1]; unknown when a class has fewer than two rows.

    >>> y = np.array([0.0, 0.0, 1.0, 1.0])
    >>> auc_interval(y, np.array([0.1, 0.2, 0.8, 0.9]))
    Interval(estimate=1.0, low=1.0, high=1.0, confidence=0.95)
    """
    components = _components(y, p)
    if components is None:
        return Interval.unknown(confidence)
    of_positives, of_negatives = components
    found = _interval(of_positives, of_negatives, confidence)
    return Interval(
        estimate=found.estimate,
        low=max(found.low, 0.0),
        high=min(found.high, 1.0),
        confidence=confidence,
    )


def auc_difference_interval(
    y: NDArray[np.float64],
    *,
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    confidence: float = 0.95,
) -> Interval:
    """AUC of `ours` minus AUC of `theirs` on the same rows; unknown when a class has fewer than two
    rows.

    >>> y, p = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.4])
    >>> auc_difference_interval(y, ours=p, theirs=p)
    Interval(estimate=0.0, low=0.0, high=0.0, confidence=0.95)
    """
    first, second = _components(y, ours), _components(y, theirs)
    if first is None or second is None:
        return Interval.unknown(confidence)
    # The covariance of the two AUCs is the variance of the paired differences of their components.
    return _interval(first[0] - second[0], first[1] - second[1], confidence)


def _interval(
    of_positives: NDArray[np.float64], of_negatives: NDArray[np.float64], confidence: float
) -> Interval:
    """The normal interval around the mean component, whose variance adds over the two classes."""
    estimate = float(of_positives.mean())
    variance = float(of_positives.var(ddof=1)) / len(of_positives) + float(
        of_negatives.var(ddof=1)
    ) / len(of_negatives)
    half_width = normal_quantile(confidence) * math.sqrt(variance)
    return Interval(
        estimate=estimate,
        low=estimate - half_width,
        high=estimate + half_width,
        confidence=confidence,
    )


def _components(
    y: NDArray[np.float64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """For each positive the share of negatives below it, for each negative the share of positives
    above it; ties count one half.
    """
    is_positive = y == 1
    positives, negatives = p[is_positive], p[~is_positive]
    if len(positives) < 2 or len(negatives) < 2:
        return None
    joint = midranks(np.concatenate((positives, negatives)))
    of_positives = (joint[: len(positives)] - midranks(positives)) / len(negatives)
    of_negatives = 1 - (joint[len(positives) :] - midranks(negatives)) / len(positives)
    return of_positives, of_negatives
