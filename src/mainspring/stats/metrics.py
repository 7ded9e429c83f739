"""The metrics that a gate or a monitor may name, each with its direction and the interval that
suits it.

`METRICS["roc_auc"]` is a record: its value, how to judge it alone (`interval`) and how to compare
two models on the same rows (`difference`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mainspring.stats.accuracy import accuracy, hits
from mainspring.stats.bootstrap import paired_bootstrap
from mainspring.stats.brier import brier_score
from mainspring.stats.classes import class_hits, class_log_losses, class_squared_errors
from mainspring.stats.delong import auc_difference_interval, auc_interval
from mainspring.stats.interval import Interval
from mainspring.stats.log_loss import log_loss, log_losses
from mainspring.stats.mean_absolute_error import mean_absolute_error
from mainspring.stats.normal import mean_interval
from mainspring.stats.roc_auc import roc_auc
from mainspring.stats.root_mean_squared_error import root_mean_squared_error
from mainspring.stats.wilson import wilson_interval

__all__ = ["METRICS", "METRICS_OF_CLASSES", "Metric"]

Floats = NDArray[np.float64]


def _squared_errors(y: Floats, p: Floats) -> Floats:
    """`(p - y)²` of each row."""
    return np.square(p - y)


def _absolute_errors(y: Floats, p: Floats) -> Floats:
    """`|p - y|` of each row."""
    return np.abs(p - y)


def _root(mean: float) -> float:
    """The metric of a mean of squares; an interval's lower end below zero means zero."""
    return math.sqrt(max(mean, 0.0))


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of labels `y` and predictions `p`, both (rows,) float64; of several classes p is
    (rows, classes), and y the place of the class.

    `per_row` gives the values whose mean (through `of_mean`) is the metric; it is None for a metric
    of ranks.  `per_row_of_classes` does so for several classes; None where the metric knows none.
    """

    name: str
    greater_is_better: bool
    value: Callable[[Floats, Floats], float]
    per_row: Callable[[Floats, Floats], Floats] | None = None
    per_row_of_classes: Callable[[Floats, Floats], Floats] | None = None
    of_mean: Callable[[float], float] = float
    is_share: bool = False

    @property
    def knows_classes(self) -> bool:
        """Whether it is one of several classes, too."""
        return self.per_row_of_classes is not None

    def __call__(self, y: Floats, p: Floats) -> float:
        """The metric's value; NaN where it is undefined on these rows."""
        if p.ndim == 1:
            return self.value(y, p)
        values = self._values(y, p)
        return float(values.mean()) if values is not None and len(values) else math.nan

    def _values(self, y: Floats, p: Floats) -> Floats | None:
        """Whose mean is the metric; None of a metric of ranks."""
        of_rows = self.per_row if p.ndim == 1 else self.per_row_of_classes
        return None if of_rows is None else of_rows(y, p)

    def is_better(self, ours: float, theirs: float) -> bool:
        """Whether `ours` is strictly better than `theirs`; never with NaN."""
        return ours > theirs if self.greater_is_better else ours < theirs

    def interval(self, y: Floats, p: Floats, *, confidence: float = 0.95) -> Interval:
        """The value with its interval: DeLong for ranks, Wilson for shares, normal for other
        means.
        """
        values = self._values(y, p)
        if values is None:
            return auc_interval(y, p, confidence=confidence)
        if self.is_share:
            return wilson_interval(int(values.sum()), len(values), confidence=confidence)
        mean = mean_interval(values, confidence=confidence)
        if not mean.is_known:
            return mean
        return Interval(
            estimate=self.of_mean(mean.estimate),
            low=self.of_mean(mean.low),
            high=self.of_mean(mean.high),
            confidence=confidence,
        )

    def difference(
        self,
        y: Floats,
        *,
        ours: Floats,
        theirs: Floats,
        rng: np.random.Generator,
        confidence: float = 0.95,
    ) -> Interval:
        """The value of `ours` minus that of `theirs` on the same rows: DeLong for ranks, the paired
        bootstrap (200 resamples) otherwise.
        """
        of_ours, of_theirs = self._values(y, ours), self._values(y, theirs)
        if of_ours is None or of_theirs is None:
            return auc_difference_interval(y, ours=ours, theirs=theirs, confidence=confidence)
        return paired_bootstrap(
            of_ours,
            of_theirs,
            rng=rng,
            confidence=confidence,
            metric_of_mean=self.of_mean,
        )


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                name="accuracy",
                greater_is_better=True,
                value=accuracy,
                per_row=hits,
                per_row_of_classes=class_hits,
                is_share=True,
            ),
            Metric(
                name="brier",
                greater_is_better=False,
                value=brier_score,
                per_row=_squared_errors,
                per_row_of_classes=class_squared_errors,
            ),
            Metric(
                name="log_loss",
                greater_is_better=False,
                value=log_loss,
                per_row=log_losses,
                per_row_of_classes=class_log_losses,
            ),
            Metric(
                name="mae",
                greater_is_better=False,
                value=mean_absolute_error,
                per_row=_absolute_errors,
            ),
            Metric(
                name="rmse",
                greater_is_better=False,
                value=root_mean_squared_error,
                per_row=_squared_errors,
                of_mean=_root,
            ),
            Metric(name="roc_auc", greater_is_better=True, value=roc_auc),
        )
    }
)

METRICS_OF_CLASSES = tuple(sorted(name for name, each in METRICS.items() if each.knows_classes))
"""Those that judge a probability for each of several classes, too."""
