"""Shapley values of any model by permutation: what each feature adds when features are made known
one after the other, in a random order and in its reverse, from a row of the background to the row
that is explained.

The values of one order add up to the difference of the two scores, whatever the order, so their
mean over rows and orders adds up to the score less the mean score of the background.  How that is
divided among the features is an estimate; an order and its reverse together are exact for models
whose features interact in pairs at most.

Source: E. Štrumbelj and I. Kononenko, "Explaining prediction models and individual predictions
    with feature contributions", Knowledge and Information Systems 41 (2014), section 3; the pairs
    of orders: R. Mitchell, J. Cooper, E. Frank and G. Holmes, "Sampling Permutations for Shapley
    Value Estimation", JMLR 23 (2022), section 4.1.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["permutation_shap"]

Floats = NDArray[np.float64]


def permutation_shap(
    predict: Callable[[Floats], Floats],
    row: Floats,
    background: Floats,
    *,
    groups: Sequence[range],
    seed: int,
) -> Floats:
    """What each group of columns has added to the score of a row.

    Args:
        predict: the scores of rows, one or several of each.
        background: rows that a group which is not known yet is taken from; each has an order of
            its own and its reverse.
        groups: the columns of each feature; together they are all columns.
        seed: of the orders.

    Shapes: row (columns,); background (rows, columns); predict gives (rows,) and the answer is
        (groups,), or (rows, outputs) and (groups, outputs).
    Cost: twice as many scores as the background has rows, for each group and one more.

    >>> row, background = np.array([2.0, 3.0]), np.zeros((1, 2))
    >>> groups = [range(1), range(1, 2)]
    >>> product = lambda rows: rows[:, 0] * rows[:, 1]
    >>> permutation_shap(product, row, background, groups=groups, seed=0).tolist()
    [3.0, 3.0]
    """
    orders, added = np.random.default_rng(seed), None
    for other in background:
        order = orders.permutation(len(groups))
        for each in (order, order[::-1]):
            scores = predict(_made_known(row, other, groups, each))
            if added is None:
                added = np.zeros((len(groups), *scores.shape[1:]))
            added[each] += np.diff(scores, axis=0)
    if added is None:
        raise ValueError("there is no row in the background")
    return added / (2 * len(background))


def _made_known(
    row: Floats, other: Floats, groups: Sequence[range], order: NDArray[np.int64]
) -> Floats:
    """The other row, then with one group more of the row in each; the last is the row."""
    rows = np.repeat(other[np.newaxis], len(groups) + 1, axis=0)
    for known, group in enumerate(order, start=1):
        rows[known:, groups[group]] = row[groups[group]]
    return rows
