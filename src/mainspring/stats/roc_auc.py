"""Area under the ROC curve as the Mann-Whitney statistic: the chance that a positive outranks a
negative, ties counting one half.

Source: J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
    characteristic curve", Radiology 143 (1982).
"""

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.midrank import midranks

__all__ = ["roc_auc"]


def roc_auc(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The area under the curve in [0, 1]; NaN when only one class is present.

    Labels are in {0, 1}.  Rank sums are multiples of one half, hence exact: the order of the rows
    changes no bit.

    >>> roc_auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    >>> roc_auc(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    0.5
    """
    is_positive = y == 1
    positives = int(is_positive.sum())
    negatives = len(y) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = float(midranks(p)[is_positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
