"""Late labels, joined to predictions."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.spec import Label
from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY
from mainspring.monitoring.join import (
    KeyedLabels,
    KeyedPredictions,
    LabelledPredictions,
    hash_join_key,
    label_changes,
)
from mainspring.sources.spec import Source

SCHEMA = Schema.of(id=DType.STRING, leg=DType.INT64, delay=DType.FLOAT64)
LABEL = Label(Source("truth", id="id", event_time="at"), col("delay") > 15, join_on=["id", "leg"])


def changes(rows: pl.DataFrame, label: Label = LABEL, schema: Schema = SCHEMA) -> dict[int, object]:
    """The changes by the hash of their key; None for a label that is taken away."""
    found = label_changes(label, rows, schema)
    values = [None if np.isnan(value) else value for value in found.values.tolist()]
    return dict(zip(found.keys.tolist(), values, strict=True))


def facts(*rows: tuple[str, str, int, float | None, str]) -> pl.DataFrame:
    """Records of the label's source: `_id`, id, leg, delay and operation."""
    return pl.DataFrame(rows, orient="row", schema=["_id", "id", "leg", "delay", "_op"])


def predictions(*keys: int, day: int = 0, offset: int = 0) -> KeyedPredictions:
    """Predictions of these keys, one after the other in the log."""
    return KeyedPredictions(
        days=np.full(len(keys), day),
        keys=np.array(keys, dtype=np.uint64),
        scores=np.full(len(keys), 0.5),
        labels=np.full(len(keys), np.nan),
        offsets=offset + np.arange(len(keys)),
    )


def labels(known: dict[int, float]) -> KeyedLabels:
    """Labels by key."""
    keys = sorted(known)
    values = np.array([known[key] for key in keys], dtype=np.float64)
    return KeyedLabels(np.array(keys, dtype=np.uint64), values)


def test_a_label_is_keyed_by_all_its_columns_and_a_null_takes_it_away():
    rows = facts(
        ("1", "a", 1, 20.0, "insert"), ("2", "a", 2, 1.0, "insert"), ("3", "b", 1, None, "insert")
    )
    assert changes(rows) == {
        hash_join_key(["a", 1]): 1.0,
        hash_join_key(["a", 2]): 0.0,
        hash_join_key(["b", 1]): None,
    }


def test_an_instant_in_a_key_is_what_a_request_carries():
    rows = pl.DataFrame(
        {"_id": ["1"], "_op": ["insert"], "hour": [77], "delay": [20.0]}
    ).with_columns(pl.col("hour").cast(pl.Datetime("us", "UTC")))
    label = Label(LABEL.source, col("delay") > 15, join_on="hour")
    schema = Schema.of(hour=DType.TIMESTAMP, delay=DType.FLOAT64)
    assert changes(rows, label, schema) == {hash_join_key([77]): 1.0}


def test_the_last_revision_of_a_fact_counts():
    taken_back = facts(("1", "a", 1, 20.0, "insert"), ("1", "a", 1, 20.0, "retract"))
    replaced = facts(("1", "a", 1, 20.0, "retract"), ("1", "a", 1, 1.0, "insert"))
    assert list(changes(taken_back).values()) == [None]
    assert list(changes(replaced).values()) == [0.0]


def test_a_fact_that_was_taken_back_does_not_hide_another_of_the_same_key():
    rows = facts(("1", "a", 1, 20.0, "insert"), ("2", "a", 1, 1.0, "retract"))
    assert list(changes(rows).values()) == [1.0]


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_key_whether_it_came_as_integer_or_float(number):
    assert hash_join_key(["a", number]) == hash_join_key(["a", float(number)])


def test_days_are_those_of_the_prediction_and_few_labels_are_left_out():
    joined = LabelledPredictions()
    joined.add(predictions(*range(60), day=0))
    joined.add(predictions(*range(60, 100), day=1, offset=60))
    joined.apply(labels({key: float(key % 2) for key in range(100)}), day=1)
    measured = joined.measured_days()
    assert [(day.day, day.rows, day.label_rate) for day in measured] == [(0, 60, 0.5)]


def test_a_day_is_measured_anew_when_its_labels_change():
    joined = LabelledPredictions()
    joined.add(predictions(*range(60)))
    joined.apply(labels(dict.fromkeys(range(60), 1.0)), day=0)
    assert [day.label_rate for day in joined.measured_days()] == [1.0]
    joined.apply(labels(dict.fromkeys(range(30), 0.0)), day=9)
    assert [(day.day, day.label_rate) for day in joined.measured_days()] == [(0 * DAY, 0.5)]


def test_the_newest_label_that_is_known_is_joined_to_a_prediction_that_comes_later():
    joined = LabelledPredictions()
    joined.apply(labels({1: 1.0, 2: 1.0}), day=0)
    joined.apply(labels({1: 0.0, 2: float("nan")}), day=1)
    known = joined.join_known(predictions(1, 2, 3, day=2)).labels
    np.testing.assert_array_equal(known, [0.0, np.nan, np.nan])


def test_the_first_offset_is_that_of_a_day_or_later():
    joined = LabelledPredictions()
    joined.add(predictions(1, 2, day=3, offset=7))
    joined.add(predictions(3, day=4, offset=9))
    assert [joined.first_offset(day) for day in (3, 4, 5)] == [7, 9, None]
