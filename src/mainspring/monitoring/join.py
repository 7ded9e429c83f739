"""Join late labels to predictions: a label arrives hours or days after the prediction, is corrected
later, or is there before.

Predictions and labels are remembered as numbers in arrays: the join key as a hash of 64 bits, the
score, the offset in the log.  A prediction takes 40 bytes so, where its record with all features is
a kilobyte, and no window has to decode again what an earlier one has decoded.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.spec import Label
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.schema import Schema
from mainspring.elements.time import DAY
from mainspring.monitoring.limits.label import MIN_LABELS, LabelledDay, measure_day

__all__ = [
    "KeyedLabels",
    "KeyedPredictions",
    "LabelledPredictions",
    "empty_labels",
    "hash_join_key",
    "label_changes",
    "stack_labels",
    "stack_predictions",
]

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]

_encode = msgspec.msgpack.Encoder().encode


class KeyedPredictions(NamedTuple):
    """Predictions in the order of the log; each field has the shape (rows,).

    Args:
        days: of the prediction times, in days since 1970.
        keys: the hash of what labels are joined on.
        labels: as known; NaN where none is.
        offsets: in the inference log.
    """

    days: Ints
    keys: Hashes
    scores: Floats
    labels: Floats
    offsets: Ints

    def rows(self, chosen: NDArray[np.bool_]) -> "KeyedPredictions":
        """Those that are chosen."""
        return KeyedPredictions(
            days=self.days[chosen],
            keys=self.keys[chosen],
            scores=self.scores[chosen],
            labels=self.labels[chosen],
            offsets=self.offsets[chosen],
        )


class KeyedLabels(NamedTuple):
    """Changes of labels in the order of the log; each field has the shape (rows,).

    Args:
        keys: the hash of what they are joined on.
        values: NaN for a key that has no label any more.
    """

    keys: Hashes
    values: Floats


def stack_predictions(parts: Sequence[KeyedPredictions]) -> KeyedPredictions:
    """These predictions behind each other; at least one part."""
    return KeyedPredictions(
        days=np.concatenate([part.days for part in parts]),
        keys=np.concatenate([part.keys for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        offsets=np.concatenate([part.offsets for part in parts]),
    )


def stack_labels(parts: Sequence[KeyedLabels]) -> KeyedLabels:
    """The last change of each key in these parts, sorted by key."""
    empty = empty_labels()
    return _latest(
        np.concatenate([empty.keys, *(part.keys for part in parts)]),
        np.concatenate([empty.values, *(part.values for part in parts)]),
    )


def empty_labels() -> KeyedLabels:
    """No changes."""
    return KeyedLabels(np.array([], dtype=np.uint64), np.array([], dtype=np.float64))


def hash_join_key(values: Sequence[object]) -> int:
    """A stable hash of the columns that a label is joined on, below 2 ** 64.

    Values that compare equal hash alike, whichever of the two sides sent a whole number as a float.
    Cost: 1 µs; two of a hundred million keys share a hash once in four thousand times.

    >>> hash_join_key(["a", 1.0]) == hash_join_key(["a", 1]) != hash_join_key(["a", None])
    True
    """
    plain = [_as_integer(value) for value in values]
    return int.from_bytes(blake2b(_encode(plain), digest_size=8).digest(), "big")


def _as_integer(value: object) -> object:
    is_whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole and isinstance(value, bool | float) else value


def label_changes(label: Label, records: pl.DataFrame, schema: Schema) -> KeyedLabels:
    """What records of the label's source change: the last revision of a fact gives its key a label,
    or, where it was taken back or has no value, takes it away.

    Args:
        records: as the log has them, with `_id` and `_op`.
    """
    latest = records.unique("_id", keep="last", maintain_order=True)
    value = to_polars(label.value, schema).cast(pl.Float64)
    # Keys as requests carry them: instants are whole numbers there.
    rows = latest.select(
        *(pl.col(name).to_physical() for name in label.join_on),
        pl.when(pl.col("_op") == "insert").then(value).fill_null(np.nan).alias("_label"),
    )
    keys = [hash_join_key(row[:-1]) for row in rows.iter_rows()]
    changes = KeyedLabels(np.array(keys, dtype=np.uint64), rows["_label"].to_numpy())
    # Several facts may share a key.  One that was taken back must not hide another that stands, in
    # whichever order the two lie in the batch: labels come after all that takes labels away.
    order = np.argsort(~np.isnan(changes.values), kind="stable")
    return _latest(changes.keys[order], changes.values[order])


def _latest(keys: Hashes, values: Floats) -> KeyedLabels:
    # `unique` reports the first place of each key, so the order is turned round.
    kept, places = np.unique(keys[::-1], return_index=True)
    return KeyedLabels(kept, np.ascontiguousarray(values[::-1][places]))


class LabelledPredictions:
    """The predictions of the last days, joined with the labels that are known by now.

    A label is remembered as long as a prediction, for it may be there first: where one key is asked
    about again and again, the label of last week belongs to the prediction of today.
    """

    def __init__(self) -> None:
        self._days: dict[int, KeyedPredictions] = {}
        self._labels: dict[int, KeyedLabels] = {}
        self._metrics: dict[int, LabelledDay | None] = {}

    @classmethod
    def restored(
        cls, chunks: Sequence[tuple[int, KeyedPredictions, KeyedLabels]]
    ) -> "LabelledPredictions":
        """What is remembered after these chunks: by each, a day, predictions that were added with
        their labels, and labels that were applied afterwards.

        To apply one chunk's labels after another would search each day once for each chunk.  The
        last change of a key tells all: if it came with a prediction's chunk or later it is the
        prediction's label, and if not, the label that was stored is.
        """
        found, empty = cls(), empty_labels()
        for day, _, labels in chunks:
            found.apply(labels, day=day)
        changes = [labels for _, _, labels in chunks]
        numbers = np.repeat(np.arange(len(chunks)), [len(labels.keys) for labels in changes])
        values = np.concatenate([empty.values, *(labels.values for labels in changes)])
        keys, backwards = np.unique(
            np.concatenate([empty.keys, *(labels.keys for labels in changes)])[::-1],
            return_index=True,
        )
        last = len(values) - 1 - backwards
        for number, (_, predictions, _) in enumerate(chunks):
            places, hit = _search(keys, predictions.keys)
            if hit.any():
                changed = hit & (numbers[last][places] >= number)
                labelled = np.where(changed, values[last][places], predictions.labels)
                predictions = predictions._replace(labels=labelled)
            found.add(predictions)
        return found

    def join_known(self, predictions: KeyedPredictions) -> KeyedPredictions:
        """These predictions with the labels that are known already."""
        labels, found = predictions.labels.copy(), np.zeros(len(predictions.keys), dtype=np.bool_)
        for day in sorted(self._labels, reverse=True):
            places, hit = _search(self._labels[day].keys, predictions.keys)
            fresh = hit & ~found
            labels[fresh] = self._labels[day].values[places[fresh]]
            found |= fresh
        return predictions._replace(labels=labels)

    def add(self, predictions: KeyedPredictions) -> None:
        """Remember predictions with the labels that they have; each once."""
        for day in np.unique(predictions.days).tolist():
            more = predictions.rows(predictions.days == day)
            held = self._days.get(day)
            self._days[day] = more if held is None else stack_predictions([held, more])
            self._metrics.pop(day, None)

    def apply(self, labels: KeyedLabels, *, day: int) -> None:
        """Change the labels of remembered predictions, and remember the labels.

        Args:
            labels: sorted by key, each once.
            day: the day on which they were read, in days since 1970; it never goes back.
        """
        if not len(labels.keys):
            return
        for held_day, held in self._days.items():
            places, hit = _search(labels.keys, held.keys)
            if hit.any():
                changed = np.where(hit, labels.values[places], held.labels)
                self._days[held_day] = held._replace(labels=changed)
                self._metrics.pop(held_day, None)
        self._labels[day] = stack_labels([self._labels.get(day, empty_labels()), labels])

    def forget(self, *, before_day: int, below_offset: int) -> None:
        """Forget what happened before a day, and predictions that the log does not keep."""
        self._labels = {day: held for day, held in self._labels.items() if day >= before_day}
        for day, held in list(self._days.items()):
            kept = held.offsets >= below_offset
            if day < before_day or not kept.any():
                del self._days[day]
            elif not kept.all():
                self._days[day] = held.rows(kept)
            else:
                continue
            self._metrics.pop(day, None)

    def first_offset(self, day: int) -> int | None:
        """The lowest offset of the predictions of a day or later; None where there are none."""
        return min(
            (int(held.offsets.min()) for each, held in self._days.items() if each >= day),
            default=None,
        )

    def measured_days(self) -> list[LabelledDay]:
        """The metrics of every day that has enough labels, oldest first."""
        for day in self._days:
            if day not in self._metrics:
                self._metrics[day] = self._measured(day)
        return [measured for _, measured in sorted(self._metrics.items()) if measured is not None]

    def scores_and_labels(self) -> tuple[Floats, Floats]:
        """Scores and labels of every prediction that has a label, by day and offset."""
        held = [_labelled(predictions) for _, predictions in sorted(self._days.items())]
        empty = np.array([], dtype=np.float64)
        return (
            np.concatenate([empty, *(scores for scores, _ in held)]),
            np.concatenate([empty, *(labels for _, labels in held)]),
        )

    def _measured(self, day: int) -> LabelledDay | None:
        scores, labels = _labelled(self._days[day])
        return measure_day(day * DAY, labels, scores) if len(labels) >= MIN_LABELS else None


def _labelled(predictions: KeyedPredictions) -> tuple[Floats, Floats]:
    known = ~np.isnan(predictions.labels)
    return predictions.scores[known], predictions.labels[known]


def _search(haystack: Hashes, keys: Hashes) -> tuple[Ints, NDArray[np.bool_]]:
    """For each key a place in the sorted haystack, and whether the key stands there."""
    places = np.searchsorted(haystack, keys)
    places[places == len(haystack)] = 0
    if not len(haystack):
        return places, np.zeros(len(keys), dtype=np.bool_)
    return places, haystack[places] == keys
