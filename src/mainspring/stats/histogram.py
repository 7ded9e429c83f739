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

    Edges are observed values, so neither the order of the rows nor interpolation changes them.
    Heavy values merge bins; a constant has one bin that holds just itself (and its neighbour, where
    it is the largest double); without a finite value there are no edges.

    >>> edges_from(np.array([1.0, 2.0, 3.0, 4.0]), bins=2).tolist()
    [1.0, 2.0, 4.0]
    >>> edges_from(np.array([np.nan])).tolist()
    []
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(0, dtype=np.float64)
    edges = np.unique(np.quantile(finite, np.linspace(0.0, 1.0, bins + 1), method="inverted_cdf"))
    if edges.size > 1:
        return edges
    [only] = edges
    # An edge must be finite, and above the largest double nothing is.
    return np.array(
        [only, np.nextafter(only, np.inf)]
        if only < np.finfo(np.float64).max
        else [np.nextafter(only, 0.0), only]
    )


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
