"""Join late labels to what was predicted: the truth arrives hours or days after the answer."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from mainspring.datasets.spec import Label
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.schema import Schema
from mainspring.elements.time import DAY, Micros
from mainspring.monitoring.window import MIN_ROWS, LabelledDay, measure_day

__all__ = ["labels_by_key", "measure_days"]

Key = tuple[object, ...]


def labels_by_key(label: Label, facts: pl.DataFrame, schema: Schema) -> dict[Key, float]:
    """The known truth by the label's join key, from the standing facts; nulls are left out."""
    stands = (
        facts.filter(pl.col("_visible_to") == np.iinfo(np.int64).max)
        if "_visible_to" in facts.columns
        else facts
    )
    # Keys as requests carry them: instants are whole numbers there.
    keys = [pl.col(name).to_physical() for name in label.join_on]
    rows = stands.select(
        *keys, to_polars(label.value, schema).cast(pl.Float64).alias("_label")
    ).drop_nulls()
    return {tuple(row[:-1]): float(row[-1]) for row in rows.iter_rows()}


def measure_days(
    predictions: Iterable[tuple[Micros, Key, float]], labels: dict[Key, float]
) -> Sequence[LabelledDay]:
    """The metrics of every day that has enough labelled predictions, oldest first.

    Args:
        predictions: prediction time, the label's join key, and the score.
    """
    by_day: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for at, key, score in predictions:
        if (truth := labels.get(key)) is not None:
            by_day[at // DAY].append((truth, score))
    measured = []
    for day, pairs in sorted(by_day.items()):
        if len(pairs) >= MIN_ROWS:
            truth, scores = np.array(pairs).T
            measured.append(
                measure_day(day * DAY, np.ascontiguousarray(truth), np.ascontiguousarray(scores))
            )
    return measured
