"""One window of live data judged against the baseline: a pure decision from predictions, labels and
ingestion counts to findings.
"""

from collections.abc import Mapping, Sequence
from typing import Literal as OneOf

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import Micros
from mainspring.monitoring.baseline import Baseline
from mainspring.monitoring.change import change_of_level
from mainspring.stats.calibration import expected_calibration_error
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc

__all__ = [
    "FindingKind",
    "LabelledDay",
    "MonitorFinding",
    "WindowReport",
    "judge_ingestion",
    "judge_labels",
    "judge_window",
    "measure_day",
]

FindingKind = OneOf[
    "feature_drift", "score_drift", "data_quality", "label_rate", "performance", "parity"
]
Floats = NDArray[np.float64]

MIN_ROWS = 50
_QUARANTINE_SHARE = 0.01
_AUC_DROP = 0.08
_PERFORMANCE_DAYS = 7


class MonitorFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was.

    Args:
        subject: the column or source that it is about.
        statistic, limit: what was measured, and what the baseline's own days never exceeded (times
            the sensitivity).
        sentence: for people.
    """

    kind: FindingKind
    subject: str
    statistic: float
    limit: float
    sentence: str


class LabelledDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day's predictions whose truth is known by now.

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
    """What a monitor saw in one window."""

    start: Micros
    end: Micros
    predictions: int
    labelled: int
    findings: tuple[MonitorFinding, ...]
    latest_labelled: LabelledDay | None = None


def judge_window(
    baseline: Baseline, matrix: Floats, names: Sequence[str], *, scores: Floats, sensitivity: float
) -> list[MonitorFinding]:
    """Features and scores of one window against the baseline; too few rows are not judged.

    Args:
        matrix: (predictions, features) as the model saw it.
    """
    if len(scores) < MIN_ROWS:
        return []
    found = []
    for place, name in enumerate(names):
        column = baseline.features[name]
        index, limit = (
            column.index_of(np.ascontiguousarray(matrix[:, place])),
            column.limit * sensitivity,
        )
        if index > limit:
            found.append(_drift("feature_drift", name, index, limit=limit))
    index, limit = baseline.score.index_of(scores), baseline.score.limit * sensitivity
    if index > limit:
        found.append(_drift("score_drift", "score", index, limit=limit))
    return found


def _drift(kind: FindingKind, subject: str, index: float, *, limit: float) -> MonitorFinding:
    sentence = (
        f"{subject}: stability index {index:.2f}, and no day of the baseline came near {limit:.2f}"
    )
    return MonitorFinding(
        kind=kind, subject=subject, statistic=index, limit=limit, sentence=sentence
    )


def judge_ingestion(
    counts: Mapping[str, tuple[int, Mapping[str, int]]], *, usual: Mapping[str, float]
) -> list[MonitorFinding]:
    """Sources whose rows break their contract more often than usual.

    Args:
        counts: by source, the rows accepted in the window, and the rows quarantined by reason.
        usual: by source, the share quarantined when its history was imported.
    """
    found = []
    for source, (accepted, reasons) in sorted(counts.items()):
        quarantined = sum(reasons.values())
        share, limit = (
            quarantined / max(accepted + quarantined, 1),
            max(_QUARANTINE_SHARE, 3 * usual.get(source, 0.0)),
        )
        if share > limit and accepted + quarantined >= MIN_ROWS:
            worst = max(sorted(reasons), key=lambda reason: reasons[reason])
            sentence = (
                f"{source}: {share:.1%} of {accepted + quarantined} rows broke the "
                f"contract, most by {worst}"
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


def judge_labels(
    baseline: Baseline, days: Sequence[LabelledDay], *, sensitivity: float
) -> list[MonitorFinding]:
    """Label rate and performance of the days up to now, oldest first."""
    return [*_judge_label_rate(baseline, days, sensitivity), *_judge_performance(baseline, days)]


def _judge_label_rate(
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
        f"the share of positive labels moved by {change:+.3f} within six weeks; while the "
        f"model learned it never moved by {limit:.3f}"
    )
    return [
        MonitorFinding(
            kind="label_rate", subject="label", statistic=change, limit=limit, sentence=sentence
        )
    ]


def _judge_performance(baseline: Baseline, days: Sequence[LabelledDay]) -> list[MonitorFinding]:
    recent = [day for day in days[-_PERFORMANCE_DAYS:] if day.roc_auc is not None]
    if len(recent) < _PERFORMANCE_DAYS or baseline.daily_auc is None:
        return []
    auc = sum((day.roc_auc or 0.0) * day.rows for day in recent) / sum(day.rows for day in recent)
    limit = baseline.daily_auc - _AUC_DROP
    if auc >= limit:
        return []
    sentence = (
        f"ROC AUC within a day is {auc:.3f} over {_PERFORMANCE_DAYS} days; it was "
        f"{baseline.daily_auc:.3f} when the model was judged"
    )
    return [
        MonitorFinding(
            kind="performance", subject="roc_auc", statistic=auc, limit=limit, sentence=sentence
        )
    ]
