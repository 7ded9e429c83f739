"""Whether labels say that the world or the model has changed: the level of the label, and how well
scores order it within a day.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import Micros
from mainspring.monitoring.limits.judgement import Judgement
from mainspring.monitoring.limits.share import Strictness
from mainspring.stats.calibration import expected_calibration_error
from mainspring.stats.change_of_level import PRIOR_DAYS, RECENT_DAYS, change_of_level
from mainspring.stats.hanley_mcneil import auc_standard_error
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc
from mainspring.stats.student_t import t_quantile

__all__ = [
    "MIN_LABELS",
    "LabelledDay",
    "daily_auc_error",
    "judge_label_rate",
    "judge_performance",
    "measure_day",
]

Floats = NDArray[np.float64]

MIN_LABELS = 50
"""A day with fewer labels has no metrics."""

_AUC_DROP = 0.08
_PERFORMANCE_DAYS = 7
_LABELS = f" of {MIN_LABELS} labels"


class LabelledDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day's predictions whose labels are known by now.

    `roc_auc` is None without both classes; all three metrics are where the label is a number and
    not yes or no.
    """

    day: Micros
    rows: int
    label_rate: float
    mean_score: float
    log_loss: float | None
    roc_auc: float | None
    calibration_error: float | None


def measure_day(day: Micros, labels: Floats, scores: Floats) -> LabelledDay:
    """The metrics of one day."""
    binary = bool(np.isin(labels, (0.0, 1.0)).all())
    both = binary and 0.0 < labels.mean() < 1.0
    return LabelledDay(
        day=day,
        rows=len(labels),
        label_rate=float(labels.mean()),
        mean_score=float(scores.mean()),
        log_loss=log_loss(labels, scores) if binary else None,
        roc_auc=roc_auc(labels, scores) if both else None,
        calibration_error=expected_calibration_error(labels, scores) if binary else None,
    )


def judge_label_rate(
    largest: float | None, days: Sequence[LabelledDay], *, strictness: Strictness
) -> Judgement:
    """Judge the label rate of the days up to now, oldest first.

    Args:
        largest: the largest change of level in the baseline; None where that has too few days.
    """
    needed = RECENT_DAYS + PRIOR_DAYS
    if largest is None:
        reason = f"the baseline has fewer than {needed} days{_LABELS}"
        return Judgement.impossible("label_rate", "label", len(days), reason)
    rates = [day.label_rate for day in days]
    change = change_of_level(rates)
    if change is None:
        return Judgement.needs("label_rate", "label", len(days), needed, unit="day", which=_LABELS)
    # What the baseline shows holds for days of its size; smaller days vary more by chance alone.
    limit = strictness.sensitivity * max(largest, _change_by_chance(rates, strictness.level))
    if abs(change) <= limit:
        return Judgement("label_rate", "label")
    sentence = (
        f"the label rate changed by {change:+.3f} (the last {RECENT_DAYS} days against the "
        f"{PRIOR_DAYS} before); the limit for so many labels is {limit:.3f}"
    )
    return Judgement.beyond("label_rate", "label", change, limit=limit, sentence=sentence)


def _change_by_chance(rates: Sequence[float], level: float) -> float:
    """How far the two means of a quiet world lie apart, as days before the change vary."""
    spread = float(np.std(rates[-RECENT_DAYS - PRIOR_DAYS : -RECENT_DAYS], ddof=1))
    t = t_quantile(1 - level / 2, degrees=PRIOR_DAYS - 1)
    return t * spread * math.sqrt(1 / RECENT_DAYS + 1 / PRIOR_DAYS)


def judge_performance(
    usual: float | None, error: float, days: Sequence[LabelledDay], *, strictness: Strictness
) -> Judgement:
    """Judge how well scores order the labels of a day, over the last days.

    Args:
        usual: the daily ROC AUC of the test set; None where it has no day to tell by.
        error: its standard error.
        days: up to now, oldest first.
    """
    recent = [day for day in days[-_PERFORMANCE_DAYS:] if day.roc_auc is not None]
    if usual is None:
        reason = f"the test set has no day{_LABELS}, yes and no"
        return Judgement.impossible("performance", "roc_auc", len(days), reason)
    if len(recent) < _PERFORMANCE_DAYS:
        return Judgement.needs(
            "performance",
            "roc_auc",
            len(recent),
            _PERFORMANCE_DAYS,
            unit="day",
            which=f"{_LABELS}, yes and no",
        )
    rows = [day.rows for day in recent]
    auc = float(np.average([day.roc_auc or 0.0 for day in recent], weights=rows))
    positives = [round(day.rows * day.label_rate) for day in recent]
    by_chance = math.hypot(error, daily_auc_error(usual, rows, positives))
    z = NormalDist().inv_cdf(1 - strictness.level)
    limit = usual - max(_AUC_DROP, strictness.sensitivity * z * by_chance)
    if auc >= limit:
        return Judgement("performance", "roc_auc")
    sentence = (
        f"ROC AUC within a day is {auc:.3f} over {_PERFORMANCE_DAYS} days, below the limit "
        f"{limit:.3f} for so many labels; it was {usual:.3f} on the test set"
    )
    return Judgement.beyond("performance", "roc_auc", auc, limit=limit, sentence=sentence)


def daily_auc_error(auc: float, rows: Sequence[int], positives: Sequence[int]) -> float:
    """The standard error of a mean of daily AUCs that is weighted by rows; each day has both
    classes.
    """
    variances = [
        (count * auc_standard_error(auc, positives=found, negatives=count - found)) ** 2
        for count, found in zip(rows, positives, strict=True)
    ]
    return math.sqrt(sum(variances)) / sum(rows)
