"""Midranks: ranks from 1 where ties share the mean of their places; the exact ground under AUC and
DeLong.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["midranks"]


def midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The midrank of each value, from 1; O(n log n), exact (ranks are multiples of one half).

    >>> midranks(np.array([10.0, 20.0, 10.0, 30.0])).tolist()
    [1.5, 3.0, 1.5, 4.0]
    """
    order = np.argsort(values)
    ordered = values[order]
    starts = (
        np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        if len(values)
        else np.zeros(0, dtype=np.int64)
    )
    sizes = np.diff(np.append(starts, len(values)))
    ranks = np.empty(len(values), dtype=np.float64)
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return ranks
