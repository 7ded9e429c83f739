"""One window of production data compared with the baseline: pure functions from predictions, labels
and ingestion counts to findings.
"""

from collections.abc import Mapping, Sequence
from typing import Literal as OneOf

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import Micros
from mainspring.monitoring.baseline import Baseline
from mainspring.stats.calibration import expected_calibration_error
from mainspring.stats.change_of_level import PRIOR_DAYS, RECENT_DAYS, change_of_level
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc

__all__ = [
    "MIN_ROWS",
    "FindingKind",
    "LabelledDay",
    "MonitorFinding",
    "WindowReport",
    "data_quality_findings",
    "drift_findings",
    "label_findings",
    "measure_day",
]

FindingKind = OneOf[
    "feature_drift", "score_drift", "data_quality", "label_rate", "performance", "parity"
]
Floats = NDArray[np.float64]

MIN_ROWS = 50
"""Fewer rows are not compared: their statistics vary more than what they would show."""

_QUARANTINE_SHARE = 0.01
_AUC_DROP = 0.08
_PERFORMANCE_DAYS = 7


class MonitorFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic that is beyond its limit.

    Args:
        subject: the column or source that it is about.
        statistic, limit: what was measured, and the limit that was fitted on the baseline's own
            days (times the sensitivity).
        sentence: for people.
    """

    kind: FindingKind
    subject: str
    statistic: float
    limit: float
    sentence: str


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


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor measured and found in one window.

    Args:
        predictions: made in the window; labelled: of those days, with a label by now.
    """

    start: Micros
    end: Micros
    predictions: int
    labelled: int
    findings: tuple[MonitorFinding, ...]
    latest_labelled: LabelledDay | None = None


def drift_findings(
    baseline: Baseline, matrix: Floats, names: Sequence[str], *, scores: Floats, sensitivity: float
) -> list[MonitorFinding]:
    """Features and scores of one window whose PSI exceeds the limit; too few rows are not compared.

    Args:
        matrix: (predictions, features) as the model takes it.
    """
    if len(scores) < MIN_ROWS:
        return []
    found = []
    for place, name in enumerate(names):
        column = baseline.features[name]
        value = column.psi_of(np.ascontiguousarray(matrix[:, place]))
        limit = column.limit * sensitivity
        if value > limit:
            found.append(_drift("feature_drift", name, value, limit=limit))
    value, limit = baseline.score.psi_of(scores), baseline.score.limit * sensitivity
    if value > limit:
        found.append(_drift("score_drift", "score", value, limit=limit))
    return found


def _drift(kind: FindingKind, subject: str, value: float, *, limit: float) -> MonitorFinding:
    sentence = (
        f"{subject}: PSI {value:.2f} exceeds the limit {limit:.2f} fitted on the baseline's days"
    )
    return MonitorFinding(
        kind=kind, subject=subject, statistic=value, limit=limit, sentence=sentence
    )


def data_quality_findings(
    counts: Mapping[str, tuple[int, Mapping[str, int]]], *, usual: Mapping[str, float]
) -> list[MonitorFinding]:
    """Sources whose rows fail their contract more often than usual.

    Args:
        counts: by source, the rows accepted in the window, and the rows quarantined by reason.
        usual: by source, the share quarantined when its history was imported.
    """
    found = []
    for source, (accepted, reasons) in sorted(counts.items()):
        quarantined = sum(reasons.values())
        rows = accepted + quarantined
        share = quarantined / max(rows, 1)
        limit = max(_QUARANTINE_SHARE, 3 * usual.get(source, 0.0))
        if share > limit and rows >= MIN_ROWS:
            worst = max(sorted(reasons), key=lambda reason: reasons[reason])
            sentence = (
                f"{source}: {share:.1%} of {rows:,} rows failed the contract, most of them "
                f"{worst}; the limit is {limit:.1%}"
            )
            found.append(
                MonitorFinding(
                    kind="data_quality",
                    subject=f"{source} {worst}",
                    statistic=share,
                    limit=limit,
                    sentence=sentence,
                )
            )
    return found


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


def label_findings(
    baseline: Baseline, days: Sequence[LabelledDay], *, sensitivity: float
) -> list[MonitorFinding]:
    """Label rate and performance beyond their limits, of the days up to now, oldest first."""
    return [*_label_rate_findings(baseline, days, sensitivity), *_performance(baseline, days)]


def _label_rate_findings(
    baseline: Baseline, days: Sequence[LabelledDay], sensitivity: float
) -> list[MonitorFinding]:
    change = change_of_level([day.label_rate for day in days])
    if (
        change is None
        or baseline.label_change is None
        or abs(change) <= (limit := baseline.label_change * sensitivity)
    ):
        return []
    sentence = (
        f"the label rate changed by {change:+.3f} (the last {RECENT_DAYS} days against the "
        f"{PRIOR_DAYS} before), which exceeds the limit {limit:.3f} fitted on the baseline's days"
    )
    return [
        MonitorFinding(
            kind="label_rate", subject="label", statistic=change, limit=limit, sentence=sentence
        )
    ]


def _performance(baseline: Baseline, days: Sequence[LabelledDay]) -> list[MonitorFinding]:
    recent = [day for day in days[-_PERFORMANCE_DAYS:] if day.roc_auc is not None]
    if len(recent) < _PERFORMANCE_DAYS or baseline.daily_auc is None:
        return []
    auc = sum((day.roc_auc or 0.0) * day.rows for day in recent) / sum(day.rows for day in recent)
    limit = baseline.daily_auc - _AUC_DROP
    if auc >= limit:
        return []
    sentence = (
        f"ROC AUC within a day is {auc:.3f} over {_PERFORMANCE_DAYS} days, below the limit "
        f"{limit:.3f}; it was {baseline.daily_auc:.3f} on the test set"
    )
    return [
        MonitorFinding(
            kind="performance", subject="roc_auc", statistic=auc, limit=limit, sentence=sentence
        )
    ]
