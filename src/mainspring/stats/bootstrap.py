"""The paired bootstrap: an interval for the difference of two models' metrics on the same rows.

Rows are drawn once per resample and used for both models, so what makes a row hard cancels out.
Only metrics that are a function of a mean of per-row losses come here; one resample is then two
gathers and two means.  AUC is not of that form: see `delong`.

Source: B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), percentile interval,
    chapter 13.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.interval import Interval

__all__ = ["paired_bootstrap"]


def paired_bootstrap(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    resamples: int = 200,
    confidence: float = 0.95,
    metric_of_mean: Callable[[float], float] = float,
) -> Interval:
    """The metric of `ours` minus the metric of `theirs` with its percentile interval; unknown
    without rows.

    Args:
        ours: loss of each row under our model, (rows,) float64.
        theirs: loss of the same rows under the other model.
        rng: draws the rows; the same generator state gives the same interval.
        resamples: how many draws; 200 settle a 95 % interval to about a tenth of its width.
        metric_of_mean: turns the mean loss into the metric, e.g. `math.sqrt` for RMSE; `float`
            leaves it as it is.

    Cost: 0.1 s for 80,000 rows and 200 resamples.

    >>> same = np.array([0.1, 0.4, 0.3])
    >>> paired_bootstrap(same, same, rng=np.random.default_rng(7))
    Interval(estimate=0.0, low=0.0, high=0.0, confidence=0.95)
    """
    rows = len(ours)
    if rows == 0:
        return Interval.unknown(confidence)
    differences = np.empty(resamples, dtype=np.float64)
    for resample in range(resamples):
        drawn = rng.integers(0, rows, rows)
        differences[resample] = _difference(ours.take(drawn), theirs.take(drawn), metric_of_mean)
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail]).tolist()
    return Interval(
        estimate=_difference(ours, theirs, metric_of_mean),
        low=low,
        high=high,
        confidence=confidence,
    )


def _difference(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], metric_of_mean: Callable[[float], float]
) -> float:
    """The difference of the two metrics over these rows."""
    return metric_of_mean(float(ours.mean())) - metric_of_mean(float(theirs.mean()))
