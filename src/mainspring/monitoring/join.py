"""Join late labels to predictions: a label arrives hours or days after the prediction, is corrected
later, or is there before.

Predictions and the facts that labels are made from are remembered as numbers: the join key as a
hash of 64 bits, the score, the offset in the log.  A prediction takes 40 bytes so, where its record
with all features is a kilobyte, and no window has to decode again what an earlier one has decoded.

Which of several facts is the label is decided as for a training set, by `datasets.labels`, and only
for the predictions that something new speaks about: a fact, or the end of a horizon.  The label
that was decided is remembered, too, since the fact behind it is forgotten before the prediction is.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.labels import join_outcomes, revisions_of
from mainspring.datasets.spec import Label
from mainspring.elements.schema import Schema
from mainspring.elements.time import DAY, Micros
from mainspring.monitoring.limits.label import MIN_LABELS, LabelledDay, measure_day

__all__ = [
    "NO_KEY",
    "NO_LABEL_FACTS",
    "KeyedPredictions",
    "LabelChanges",
    "LabelledPredictions",
    "hash_join_key",
    "label_facts",
    "stack_changes",
    "stack_predictions",
]

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
Key = TypeVar("Key", np.int64, np.uint64)

PLACE_BITS = 56
"""Of a place, those below the number of its segment."""
NO_KEY = 0
"""The hash of a key that is not whole: it is that of no fact."""

NO_LABEL_FACTS = pl.DataFrame(
    schema={
        "_key": pl.UInt64(),
        "_order": pl.String(),
        "_event_time": pl.Int64(),
        "_visible_from": pl.Int64(),
        "_stands": pl.Boolean(),
        "_label": pl.Float64(),
    }
)

_encode = msgspec.msgpack.Encoder().encode


class KeyedPredictions(NamedTuple):
    """Predictions in the order of the log; each field has the shape (rows,).

    Args:
        times: when each was made.
        keys: the hash of what labels are joined on.
        labels: as known; NaN where none is.
        offsets: where each lies in the inference log, as its place there.
    """

    times: Ints
    keys: Hashes
    scores: Floats
    labels: Floats
    offsets: Ints

    def rows(self, chosen: NDArray[np.bool_]) -> "KeyedPredictions":
        """Those that are chosen."""
        return KeyedPredictions(
            times=self.times[chosen],
            keys=self.keys[chosen],
            scores=self.scores[chosen],
            labels=self.labels[chosen],
            offsets=self.offsets[chosen],
        )


class LabelChanges(NamedTuple):
    """What was learned about labels.

    Args:
        facts: records of the label's source, as `label_facts` gives them.
        offsets: of remembered predictions whose label was decided anew; `labels`: what it is now.
    """

    facts: pl.DataFrame
    offsets: Ints
    labels: Floats


def stack_predictions(parts: Sequence[KeyedPredictions]) -> KeyedPredictions:
    """These predictions behind each other; at least one part."""
    return KeyedPredictions(
        times=np.concatenate([part.times for part in parts]),
        keys=np.concatenate([part.keys for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        offsets=np.concatenate([part.offsets for part in parts]),
    )


def stack_changes(parts: Sequence[LabelChanges]) -> LabelChanges:
    """These changes behind each other; at least one part."""
    return LabelChanges(
        facts=pl.concat([part.facts for part in parts]),
        offsets=np.concatenate([part.offsets for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
    )


def hash_join_key(values: Sequence[object]) -> int:
    """A stable hash of the columns that a label is joined on, from 1 to 2 ** 64 - 1; `NO_KEY` where
    one of them is null, since that names nothing.

    Values that compare equal hash alike, whichever of the two sides sent a whole number as a float.
    Cost: 1 µs; two of a hundred million keys share a hash once in four thousand times.

    >>> hash_join_key(["a", 1.0]) == hash_join_key(["a", 1]) != hash_join_key(["a", None])
    True
    """
    if None in values:
        return NO_KEY
    plain = [_as_integer(value) for value in values]
    return int.from_bytes(blake2b(_encode(plain), digest_size=8).digest(), "big") or 1


def _as_integer(value: object) -> object:
    is_whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole and isinstance(value, bool | float) else value


def label_facts(label: Label, records: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Records of the label's source as revisions of outcomes, by the hash of their key.

    Args:
        records: as the log has them, with `_op`.
    """
    stands = pl.col("_op") == "insert"
    revisions = revisions_of(label, records, schema, visible_from="_visible_at", stands=stands)
    # Keys as requests carry them: instants are whole numbers there.
    keys = revisions.select(pl.col(name).to_physical() for name in label.join_on)
    hashes = pl.Series([hash_join_key(key) for key in keys.iter_rows()], dtype=pl.UInt64)
    return revisions.select(
        hashes.alias("_key"), *NO_LABEL_FACTS.columns[1:-1], pl.col("_label").cast(pl.Float64)
    )


class LabelledPredictions:
    """The predictions of the last days, joined with the labels that are known by now.

    The fact behind a label is remembered as long as a prediction, for it may be there first: where
    one key is asked about again and again, the label of last week belongs to the prediction of
    today.
    """

    def __init__(self) -> None:
        self._days: dict[int, KeyedPredictions] = {}
        self._facts: dict[int, pl.DataFrame] = {}
        self._metrics: dict[int, LabelledDay | None] = {}

    @classmethod
    def restored(
        cls, chunks: Sequence[tuple[int, KeyedPredictions, LabelChanges]]
    ) -> "LabelledPredictions":
        """What is remembered after these chunks: by each, a day, predictions that were added with
        their labels, and what was learned about labels afterwards.
        """
        found = cls()
        if not chunks:
            return found
        for day, _, changes in chunks:
            found._remember(changes.facts, day)
        _, offsets, labels = stack_changes([changes for _, _, changes in chunks])
        predictions = stack_predictions([predictions for _, predictions, _ in chunks])
        # `unique` reports the first place of each offset, so the order is turned round: the last
        # decision about a prediction counts.
        decided, backwards = np.unique(offsets[::-1], return_index=True)
        places, hit = _search(decided, predictions.offsets)
        if hit.any():
            newest = np.where(hit, labels[::-1][backwards][places], predictions.labels)
            predictions = predictions._replace(labels=newest)
        found.add(predictions)
        return found

    def join_known(
        self, predictions: KeyedPredictions, *, horizon: Micros | None, now: Micros
    ) -> KeyedPredictions:
        """These predictions with the labels that are known already.

        Args:
            horizon: of the label; None where absence says nothing.
        """
        labels = self._decided(predictions, horizon=horizon, now=now)
        return predictions._replace(labels=labels)

    def add(self, predictions: KeyedPredictions) -> None:
        """Remember predictions with the labels that they have; each once."""
        days = predictions.times // DAY
        for day in np.unique(days).tolist():
            more = predictions.rows(days == day)
            held = self._days.get(day)
            self._days[day] = more if held is None else stack_predictions([held, more])
            self._metrics.pop(day, None)

    def apply(
        self, facts: pl.DataFrame, *, horizon: Micros | None, since: Micros, now: Micros
    ) -> LabelChanges:
        """Remember facts, and decide anew the labels that they speak about, and those that time
        does: of a fact that has become visible, of a horizon that has passed.

        Args:
            facts: as `label_facts` gives them, in the order of the log.
            since: until when time was looked at before.
            now: until when it has come; it never goes back.
        """
        self._remember(facts, (now - 1) // DAY)
        appeared = pl.col("_visible_from").is_between(since, now, closed="right")
        keys = [facts["_key"], *(held.filter(appeared)["_key"] for held in self._facts.values())]
        changed = np.unique(pl.concat(keys).to_numpy())
        offsets, labels = [np.array([], dtype=np.int64)], [np.array([], dtype=np.float64)]
        for day, held in list(self._days.items()):
            _, touched = _search(changed, held.keys)
            if horizon is not None:
                passed = held.times + horizon
                touched |= (since < passed) & (passed <= now)
            if touched.any():
                decided = held.labels.copy()
                decided[touched] = self._decided(held.rows(touched), horizon=horizon, now=now)
                self._days[day] = held._replace(labels=decided)
                self._metrics.pop(day, None)
                offsets.append(held.offsets[touched])
                labels.append(decided[touched])
        return LabelChanges(facts, np.concatenate(offsets), np.concatenate(labels))

    def _remember(self, facts: pl.DataFrame, day: int) -> None:
        if facts.height:
            self._facts[day] = pl.concat([self._facts.get(day, NO_LABEL_FACTS), facts])

    def _decided(
        self, predictions: KeyedPredictions, *, horizon: Micros | None, now: Micros
    ) -> Floats:
        """The label of each prediction by the facts that are remembered."""
        key = pl.Series("_key", predictions.keys)
        rows = pl.DataFrame(
            [key.replace(NO_KEY, None), pl.Series("_prediction_time", predictions.times)]
        )
        keys = rows.select(pl.col("_key").unique())
        held = [self._facts[day].join(keys, on="_key", how="semi") for day in sorted(self._facts)]
        known = pl.concat([NO_LABEL_FACTS, *held]).filter(pl.col("_visible_from") <= now)
        is_newest = pl.col("_place") == pl.col("_place").max().over("_order")
        revisions = known.with_row_index("_place").with_columns(pl.col("_stands") & is_newest)
        outcomes = join_outcomes(rows, revisions, on=["_key"], horizon=horizon, now=now)
        return outcomes["_label"].fill_null(np.nan).to_numpy(writable=True)

    def forget(self, *, before_day: int, kept_from: Sequence[int]) -> None:
        """Forget what happened before a day, and predictions that the log does not keep.

        Args:
            kept_from: of each segment the place of the first prediction that is kept, in the order
                of their numbers.
        """
        bounds = np.array([0, *kept_from], dtype=np.int64)
        self._facts = {day: held for day, held in self._facts.items() if day >= before_day}
        for day, held in list(self._days.items()):
            segments = held.offsets >> PLACE_BITS
            first = np.searchsorted(bounds >> PLACE_BITS, segments, side="right") - 1
            kept = (held.offsets >= bounds[first]) & (bounds[first] >> PLACE_BITS == segments)
            if day < before_day or not kept.any():
                del self._days[day]
            elif not kept.all():
                self._days[day] = held.rows(kept)
            else:
                continue
            self._metrics.pop(day, None)

    def first_offsets(self, day: int) -> dict[int, int]:
        """By segment the lowest place of the predictions of a day or later; without segments that
        have none.
        """
        held = [predictions.offsets for each, predictions in self._days.items() if each >= day]
        found: dict[int, int] = {}
        for place in np.sort(np.concatenate([*held, np.array([], dtype=np.int64)]))[::-1].tolist():
            found[place >> PLACE_BITS] = place
        return found

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


def _search(haystack: NDArray[Key], keys: NDArray[Key]) -> tuple[Ints, NDArray[np.bool_]]:
    """For each key a place in the sorted haystack, and whether the key stands there."""
    places = np.searchsorted(haystack, keys)
    places[places == len(haystack)] = 0
    if not len(haystack):
        return places, np.zeros(len(keys), dtype=np.bool_)
    return places, haystack[places] == keys
