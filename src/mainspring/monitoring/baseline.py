"""What a model was trained on, in a few kilobytes: a histogram of each column, and how much its
shares vary between the days and between the hours of the training rows.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.errors import RecordUnreadable
from mainspring.elements.stored import StoredRecord, parse_stored, render_stored
from mainspring.elements.time import DAY
from mainspring.monitoring.errors import UnreadableBaseline
from mainspring.monitoring.limits.column import ColumnBaseline, WindowsOfRows, baseline_of_column
from mainspring.monitoring.limits.label import MIN_LABELS, daily_auc_error
from mainspring.monitoring.limits.source import IngestedRows
from mainspring.stats.change_of_level import largest_change
from mainspring.stats.roc_auc import roc_auc

__all__ = [
    "Baseline",
    "HoldoutPredictions",
    "daily_shares",
    "make_baseline",
    "parse_baseline",
    "render_baseline",
]

_FORMAT = 2
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class HoldoutPredictions(NamedTuple):
    """Scores, labels and prediction times of the test set, each (rows,)."""

    scores: Floats
    labels: Floats
    times: Ints


class Baseline(StoredRecord, frozen=True, kw_only=True):
    """What live data is compared with.

    In format 1 a column has a limit for days; from format 2 on it has a spread, from which limits
    for any number of rows follow.

    Args:
        features: by the name of the model's column; texts are counted by their codes.
        score: of the rows that the model was tested on.
        label_rate: the mean label of the fitted rows.
        label_change: the largest change of level in the daily label rate; None when the rows span
            too few days.
        daily_auc: the mean ROC AUC within one day of those rows, weighted by rows; None where no
            day has both labels.
        daily_auc_error: its standard error.
        ingested: by source, the rows that had come when the baseline was made.
    """

    title = "a baseline"
    newest_format: ClassVar[int] = _FORMAT

    features: dict[str, ColumnBaseline]
    score: ColumnBaseline
    label_rate: float
    label_change: float | None
    daily_auc: float | None
    daily_auc_error: float | msgspec.UnsetType = msgspec.UNSET
    ingested: dict[str, IngestedRows] | msgspec.UnsetType = msgspec.UNSET


def render_baseline(baseline: Baseline) -> bytes:
    """Canonical bytes; `parse_baseline` is the inverse."""
    return render_stored(baseline)


def parse_baseline(payload: bytes) -> Baseline:
    """The baseline of these bytes.  Raises: UnreadableBaseline MON-002."""
    try:
        return parse_stored(payload, Baseline)
    except RecordUnreadable as error:
        raise UnreadableBaseline(reason=error.reason) from error


def make_baseline(
    matrix: Floats,
    names: Sequence[str],
    *,
    times: Ints,
    labels: Floats,
    holdout: HoldoutPredictions,
    ingested: Mapping[str, IngestedRows],
) -> Baseline:
    """Summarise the fitted rows.

    Args:
        matrix: (rows, features) as the model takes it.
        times: prediction times of the rows.
        labels: of the rows.
        holdout: what the model predicted for the rows that it was tested on.
        ingested: by source, the rows that have come so far.
    """
    windows, shares = WindowsOfRows(times), daily_shares(labels, times // DAY)
    daily_auc, error = _daily_auc(holdout)
    return Baseline(
        record_format=_FORMAT,
        features={
            name: baseline_of_column(np.ascontiguousarray(matrix[:, place]), windows)
            for place, name in enumerate(names)
        },
        score=baseline_of_column(holdout.scores, WindowsOfRows(holdout.times)),
        label_rate=float(labels.mean()),
        label_change=largest_change(list(shares.values())),
        daily_auc=daily_auc,
        daily_auc_error=error,
        ingested=dict(ingested),
    )


def daily_shares(labels: Floats, days: Ints) -> Mapping[int, float]:
    """The mean label of each day, in the order of days; days with few rows left out."""
    return {
        int(days[places[0]]): float(labels[places].mean())
        for places in _places_by_day(days)
        if len(places) >= MIN_LABELS
    }


def _daily_auc(holdout: HoldoutPredictions) -> tuple[float | None, float]:
    """The AUC and its standard error.

    Within days and not over all rows: that some days are worse for everybody is no merit of the
    model, and one day's AUC cannot show it.
    """
    if not np.isin(holdout.labels, (0.0, 1.0)).all():
        return None, 0.0
    parts = [
        places
        for places in _places_by_day(holdout.times // DAY)
        if len(places) >= MIN_LABELS and 0.0 < holdout.labels[places].mean() < 1.0
    ]
    if not parts:
        return None, 0.0
    rows = [len(places) for places in parts]
    aucs = [roc_auc(holdout.labels[places], holdout.scores[places]) for places in parts]
    auc = float(np.average(aucs, weights=rows))
    positives = [int(holdout.labels[places].sum()) for places in parts]
    return auc, daily_auc_error(auc, rows, positives)


def _places_by_day(days: Ints) -> list[Ints]:
    order = np.argsort(days, kind="stable")
    return [
        part.astype(np.int64) for part in np.split(order, np.flatnonzero(np.diff(days[order])) + 1)
    ]
