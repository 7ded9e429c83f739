"""Fixed-edge histograms: the baseline's quantiles become edges once, and every later window is
counted against the same edges.

The layout of counts is `[underflow, bin 1, …, bin k, overflow, null]` for k + 1 edges.  Counts of
parts add up to the counts of the whole, so windows merge by addition.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["bin_count", "bin_places", "edges_from", "histogram"]


def edges_from(values: NDArray[np.float64], bins: int = 10) -> NDArray[np.float64]:
    """Rising edges at the quantiles of the finite values: at most `bins` bins of about equal share.

    Edges are observed values, so neither the order of the rows nor interpolation changes them.  A
    value that fills a bin alone gets one that holds just itself, up to the next double: the ones of
    a column of noughts and ones are not counted among the noughts, nor the other values of a
    constant.  Without a finite value there are no edges.

    >>> edges_from(np.array([1.0, 2.0, 3.0, 4.0]), bins=2).tolist()
    [1.0, 2.0, 4.0]
    >>> edges_from(np.array([1.0, 1.0, 1.0, 4.0]), bins=2).tolist()
    [1.0, 1.0000000000000002, 4.0]
    >>> edges_from(np.array([np.nan])).tolist()
    []
    """
    # Of equal values any may be the quantile, so there is one zero only.
    finite = values[np.isfinite(values)] + 0.0
    if finite.size == 0:
        return np.zeros(0, dtype=np.float64)
    quantiles = np.quantile(finite, np.linspace(0.0, 1.0, bins + 1), method="inverted_cdf")
    edges, times = np.unique(quantiles, return_counts=True)
    # An edge must be finite, and above the largest double nothing is.
    heavy = edges[(times > 1) & (edges < np.finfo(np.float64).max)]
    edges = np.union1d(edges, np.nextafter(heavy, np.inf))
    return edges if edges.size > 1 else np.array([np.nextafter(edges[0], 0.0), edges[0]])


def histogram(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts of `values` in the layout above; bins are `[low, high)`, the last one closed; NaN
    counts as null.

    Shapes: (len(edges) + 2,) int64; without edges (3,), and every value that is not null counts as
        overflow.

    >>> histogram(np.array([0.0, 1.0, 2.5, 4.0, 9.0, np.nan]), np.array([1.0, 2.0, 4.0])).tolist()
    [1, 1, 2, 1, 1]
    """
    return np.bincount(bin_places(values, edges), minlength=bin_count(edges)).astype(np.int64)


def bin_count(edges: NDArray[np.float64]) -> int:
    """How many counts a histogram with these edges has."""
    return max(len(edges) + 2, 3)


def bin_places(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The place of each value in the layout above.

    >>> bin_places(np.array([0.0, 4.0, np.nan]), np.array([1.0, 2.0, 4.0])).tolist()
    [0, 2, 4]
    """
    is_null = np.isnan(values)
    if len(edges) == 0:
        return np.where(is_null, 2, 1).astype(np.int64)
    places = np.searchsorted(edges, values, side="right")
    places[values == edges[-1]] = len(edges) - 1
    # NaN sorts after every edge: it needs a place of its own.
    places[is_null] = len(edges) + 1
    return places.astype(np.int64)
