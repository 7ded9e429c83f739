"""How likely ranks drawn at random order two classes as well as scores do.

Source: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is
    stochastically larger than the other", Annals of Mathematical Statistics 18 (1947): orders with
    so many inversions are as many as partitions, and those into at most k parts are bounded by the
    volume that they fill.  The bound is exact for one row of a class, and says nothing for many.
"""

import math

__all__ = ["chance_of_auc"]


def chance_of_auc(auc: float, *, positives: int, negatives: int) -> float:
    """At most how likely an AUC as far from one half is by chance; 1 where that is not small.

    Args:
        auc: in [0, 1].

    >>> round(chance_of_auc(1.0, positives=1, negatives=99), 4)
    0.02
    >>> chance_of_auc(1.0, positives=5, negatives=95) < 1e-5
    True
    >>> chance_of_auc(0.6, positives=300, negatives=700)
    1.0
    """
    few, rows = min(positives, negatives), positives + negatives
    if not few or auc != auc:
        return 1.0
    inversions = round(min(auc, 1 - auc) * positives * negatives)
    orders = few * math.log(inversions + few * (few + 1) / 2) - 2 * math.lgamma(few + 1)
    all_orders = math.lgamma(rows + 1) - math.lgamma(few + 1) - math.lgamma(rows - few + 1)
    return min(2 * math.exp(min(orders - all_orders, 0.0)), 1.0)
