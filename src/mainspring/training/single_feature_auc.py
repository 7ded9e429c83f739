"""The AUC of each feature alone: the first thing to look at when a model seems too good."""

import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.encoding import Encoding
from mainspring.stats.roc_auc import roc_auc

__all__ = ["MOST_ROWS", "single_feature_auc"]

MOST_ROWS = 20_000
"""Rows used: enough to tell 0.95 from 0.94, and 120 features take half a second."""


def single_feature_auc(
    encoding: Encoding,
    *,
    fitted: NDArray[np.float64],
    fitted_labels: NDArray[np.float64],
    tested: NDArray[np.float64],
    tested_labels: NDArray[np.float64],
) -> dict[str, float]:
    """The AUC of each feature alone on the test rows, turned to lie in [0.5, 1]; NaN with one
    class.

    A number is its own score, a missing one the lowest; a category's score is its share of
    positives among the fitted rows, so that a category is not given credit for the order of the
    alphabet.

    Shapes: matrices (rows, features), labels (rows,) float64 in {0, 1}.
    """
    some = np.linspace(0, len(tested) - 1, min(len(tested), MOST_ROWS)).astype(np.int64)
    labels = tested_labels[some]
    powers = {}
    for position, feature in enumerate(encoding.columns):
        column = tested[some, position]
        if feature.vocabulary is not None:
            column = _shares(fitted[:, position], fitted_labels, size=len(feature.vocabulary))[
                _places(column)
            ]
        auc = roc_auc(labels, np.where(np.isnan(column), -np.inf, column))
        powers[feature.name] = max(auc, 1 - auc)
    return powers


def _places(codes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Codes as indices from 1; 0 is a missing value."""
    return np.where(np.isnan(codes), -1.0, codes).astype(np.int64) + 1


def _shares(
    codes: NDArray[np.float64], labels: NDArray[np.float64], *, size: int
) -> NDArray[np.float64]:
    """The share of positives of each index; NaN for one without rows."""
    places = _places(codes)
    rows = np.bincount(places, minlength=size + 1)
    positives = np.bincount(places, weights=labels, minlength=size + 1)
    shares = np.full(size + 1, np.nan)
    np.divide(positives, rows, out=shares, where=rows > 0)
    return shares
