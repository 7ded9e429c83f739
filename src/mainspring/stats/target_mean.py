"""Target encoding: predict the mean label of the rows in the same cell, shrunk towards the mean of
all, so that a cell of one row says little.

Source: D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
    classification and prediction problems", SIGKDD Explorations 3 (2001).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["target_means"]


def target_means(
    cells: NDArray[np.int64], labels: NDArray[np.float64], *, size: int
) -> NDArray[np.float64]:
    """The prediction for each cell, as if one more row of it had the mean label.

    Shapes: cells and labels (rows,), cells in [0, size); returns (size,).

    >>> target_means(np.array([0, 0, 1]), np.array([1.0, 1.0, 0.0]), size=3).round(3).tolist()
    [0.889, 0.333, 0.667]
    """
    rows = np.bincount(cells, minlength=size)
    sums = np.bincount(cells, weights=labels, minlength=size)
    means: NDArray[np.float64] = (sums + labels.mean()) / (rows + 1)
    return means
