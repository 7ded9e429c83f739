"""Reliability of predicted probabilities: do events foretold with 30 % happen in 30 of 100 cases?

Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015; equal-width bins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReliabilityBin", "expected_calibration_error", "reliability_table"]


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions in `[low, high)` (the last bin is closed) beside what happened."""

    low: float
    high: float
    rows: int
    mean_predicted: float
    share_positive: float


def reliability_table(
    y: NDArray[np.float64], p: NDArray[np.float64], *, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """The non-empty bins of `[0, 1]` in rising order; labels in {0, 1}.

    >>> reliability_table(np.array([0.0, 1.0]), np.array([0.25, 0.75]), bins=2)[1]
    ReliabilityBin(low=0.5, high=1.0, rows=1, mean_predicted=0.75, share_positive=1.0)
    """
    places = np.minimum((p * bins).astype(np.int64), bins - 1)
    rows = np.bincount(places, minlength=bins)
    predicted = np.bincount(places, weights=p, minlength=bins)
    positive = np.bincount(places, weights=(y == 1).astype(np.float64), minlength=bins)
    return tuple(
        ReliabilityBin(
            low=place / bins,
            high=(place + 1) / bins,
            rows=int(rows[place]),
            mean_predicted=float(predicted[place] / rows[place]),
            share_positive=float(positive[place] / rows[place]),
        )
        for place in np.flatnonzero(rows).tolist()
    )


def expected_calibration_error(
    y: NDArray[np.float64], p: NDArray[np.float64], *, bins: int = 10
) -> float:
    """The mean distance between promise and outcome over the bins, weighted by rows; NaN without
    rows.

    >>> expected_calibration_error(np.array([0.0, 1.0]), np.array([0.25, 0.75]), bins=2)
    0.25
    """
    if len(y) == 0:
        return float("nan")
    table = reliability_table(y, p, bins=bins)
    return sum(b.rows * abs(b.mean_predicted - b.share_positive) for b in table) / len(y)
