"""What a model was trained on, in a few kilobytes: a histogram of each column, and the largest PSI
that a single day of the training rows has against all of them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.stored import StoredRecord, parse_stored, render_stored
from mainspring.elements.time import DAY
from mainspring.monitoring.errors import UnreadableBaseline
from mainspring.stats.change_of_level import largest_change
from mainspring.stats.histogram import edges_from, histogram
from mainspring.stats.psi import psi
from mainspring.stats.roc_auc import roc_auc

__all__ = [
    "Baseline",
    "ColumnBaseline",
    "HoldoutPredictions",
    "baseline_of_column",
    "daily_shares",
    "make_baseline",
    "parse_baseline",
    "render_baseline",
]

_BINS = 10
_MIN_ROWS_A_DAY = 50
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class HoldoutPredictions(NamedTuple):
    """Scores, labels and prediction times of the test set, each (rows,)."""

    scores: Floats
    labels: Floats
    times: Ints


class ColumnBaseline(msgspec.Struct, frozen=True):
    """The histogram of a column, and `limit`: the largest population stability index (PSI) that one
    of the baseline's own days has against the whole.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    limit: float

    def psi_of(self, values: Floats) -> float:
        """The PSI of these values against the baseline; 0 where both have the same shares."""
        return psi(np.array(self.counts), histogram(values, np.array(self.edges)))


class Baseline(StoredRecord, frozen=True, kw_only=True):
    """What live data is compared with.

    Args:
        features: by the name of the model's column; texts are counted by their codes.
        score: of the rows that the model was tested on.
        label_rate: the mean label of the fitted rows.
        label_change: the largest change of level in the daily label rate; None when the rows span
            too few days.
        daily_auc: the mean ROC AUC within one day of those rows, weighted by rows; None where no
            day has both labels.
    """

    title = "a baseline"

    features: dict[str, ColumnBaseline]
    score: ColumnBaseline
    label_rate: float
    label_change: float | None
    daily_auc: float | None


def render_baseline(baseline: Baseline) -> bytes:
    """Canonical bytes; `parse_baseline` is the inverse."""
    return render_stored(baseline)


def parse_baseline(payload: bytes) -> Baseline:
    """The baseline of these bytes.  Raises: UnreadableBaseline MON-002."""
    try:
        return parse_stored(payload, Baseline)
    except msgspec.DecodeError as error:
        raise UnreadableBaseline(reason=str(error)) from error


def make_baseline(
    matrix: Floats,
    names: Sequence[str],
    *,
    times: Ints,
    labels: Floats,
    holdout: HoldoutPredictions,
) -> Baseline:
    """Summarise the fitted rows.

    Args:
        matrix: (rows, features) as the model takes it.
        times: prediction times of the rows.
        labels: of the rows.
        holdout: what the model predicted for the rows that it was tested on.
    """
    days = times // DAY
    shares = daily_shares(labels, days)
    return Baseline(
        features={
            name: baseline_of_column(np.ascontiguousarray(matrix[:, place]), days)
            for place, name in enumerate(names)
        },
        score=baseline_of_column(holdout.scores, holdout.times // DAY),
        label_rate=float(labels.mean()),
        label_change=largest_change(list(shares.values())),
        daily_auc=_daily_auc(holdout),
    )


def baseline_of_column(values: Floats, days: Ints) -> ColumnBaseline:
    """The histogram of a column and the most that one of its days differs from the whole."""
    edges = edges_from(values, _BINS)
    whole = histogram(values, edges)
    indices = [
        psi(whole, histogram(values[places], edges))
        for places in _places_by_day(days)
        if len(places) >= _MIN_ROWS_A_DAY
    ]
    return ColumnBaseline(tuple(edges.tolist()), tuple(whole.tolist()), max(indices, default=0.0))


def daily_shares(labels: Floats, days: Ints) -> Mapping[int, float]:
    """The mean label of each day, in the order of days; days with few rows left out."""
    return {
        int(days[places[0]]): float(labels[places].mean())
        for places in _places_by_day(days)
        if len(places) >= _MIN_ROWS_A_DAY
    }


def _daily_auc(holdout: HoldoutPredictions) -> float | None:
    """Within days and not over all rows: that some days are worse for everybody is no merit of the
    model, and one day's AUC cannot show it.
    """
    if not np.isin(holdout.labels, (0.0, 1.0)).all():
        return None
    parts = [
        places
        for places in _places_by_day(holdout.times // DAY)
        if len(places) >= _MIN_ROWS_A_DAY and 0.0 < holdout.labels[places].mean() < 1.0
    ]
    if not parts:
        return None
    return float(
        np.average(
            [roc_auc(holdout.labels[places], holdout.scores[places]) for places in parts],
            weights=[len(places) for places in parts],
        )
    )


def _places_by_day(days: Ints) -> list[Ints]:
    order = np.argsort(days, kind="stable")
    return [
        part.astype(np.int64) for part in np.split(order, np.flatnonzero(np.diff(days[order])) + 1)
    ]
