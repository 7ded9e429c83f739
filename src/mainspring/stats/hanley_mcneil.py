"""The standard error of an AUC from its value and the number of rows of each class, where the rows
themselves are gone.

Source: J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
    characteristic curve", Radiology 143 (1982), formula 2.
"""

import math

__all__ = ["auc_standard_error"]


def auc_standard_error(auc: float, *, positives: int, negatives: int) -> float:
    """The standard error of an AUC; NaN without rows of both classes.

    Args:
        auc: in [0, 1].

    >>> round(auc_standard_error(0.8, positives=10, negatives=40), 4)
    0.0891
    >>> auc_standard_error(1.0, positives=10, negatives=40)
    0.0
    """
    if not positives or not negatives:
        return math.nan
    # The chances that two of one class both lie right of one of the other; scores of an exponential
    # distribution, which the paper found to be the most careful of three.
    of_positives, of_negatives = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = (
        auc * (1 - auc)
        + (positives - 1) * (of_positives - auc * auc)
        + (negatives - 1) * (of_negatives - auc * auc)
    ) / (positives * negatives)
    return math.sqrt(max(variance, 0.0))
