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
    NO_KEY,
    NO_LABEL_FACTS,
    KeyedPredictions,
    LabelledPredictions,
    hash_join_key,
    label_facts,
)
from mainspring.monitoring.position import REMEMBERED_DAYS, first_remembered_day
from mainspring.sources.spec import Source

SCHEMA = Schema.of(id=DType.STRING, leg=DType.INT64, delay=DType.FLOAT64)
TIMES = ("_event_time", "_visible_at")
LABEL = Label(Source("truth", id="id", event_time="at"), col("delay") > 15, join_on=["id", "leg"])


def facts(*rows: tuple[str | None, int, float | None]) -> pl.DataFrame:
    """Records of the label's source: id, leg and delay."""
    schema = {"id": pl.String, "leg": pl.Int64, "delay": pl.Float64}
    frame = pl.DataFrame(rows, orient="row", schema=schema).with_columns(_id=pl.lit("x"))
    return frame.with_columns(_op=pl.lit("insert"), **dict.fromkeys(TIMES, pl.lit(0)))


def predictions(*keys: int, day: int = 0, offset: int = 0) -> KeyedPredictions:
    """Predictions of these keys, one after the other in the log."""
    return KeyedPredictions(
        times=np.full(len(keys), day * DAY),
        keys=np.array(keys, dtype=np.uint64),
        scores=np.full(len(keys), 0.5),
        labels=np.full(len(keys), np.nan),
        offsets=offset + np.arange(len(keys)),
    )


def outcomes(known: dict[int, float | None], *, at: int = 0) -> pl.DataFrame:
    """Facts of these keys, that came at a time."""
    rows = [(key, f"{key} {at}", at, at, True, value) for key, value in known.items()]
    return pl.DataFrame(rows, schema=NO_LABEL_FACTS.schema, orient="row")


def apply(joined: LabelledPredictions, facts: pl.DataFrame, *, day: int) -> None:
    """Apply facts on a day."""
    joined.apply(facts, horizon=None, since=-1, now=day * DAY + 1)


def test_a_label_is_keyed_by_all_its_columns_and_keeps_a_null():
    found = label_facts(LABEL, facts(("a", 1, 20.0), ("a", 2, 1.0), ("b", 1, None)), SCHEMA)
    keys = [hash_join_key(key) for key in (["a", 1], ["a", 2], ["b", 1])]
    assert found.select("_key", "_label").rows() == list(zip(keys, [1.0, 0.0, None], strict=True))


def test_a_fact_with_half_a_key_is_of_no_prediction():
    assert label_facts(LABEL, facts((None, 1, 20.0)), SCHEMA).height == 0
    assert hash_join_key([None, 1]) == NO_KEY


def test_an_instant_in_a_key_is_what_a_request_carries():
    rows = facts(("a", 1, 20.0)).with_columns(hour=pl.lit(77).cast(pl.Datetime("us", "UTC")))
    label = Label(LABEL.source, col("delay") > 15, join_on="hour")
    schema = Schema.of(id=DType.STRING, hour=DType.TIMESTAMP, delay=DType.FLOAT64)
    assert label_facts(label, rows, schema)["_key"].to_list() == [hash_join_key([77])]


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_key_whether_it_came_as_integer_or_float(number):
    assert hash_join_key(["a", number]) == hash_join_key(["a", float(number)])


def test_days_are_those_of_the_prediction_and_few_labels_are_left_out():
    joined = LabelledPredictions()
    joined.add(predictions(*range(1, 61), day=0))
    joined.add(predictions(*range(61, 101), day=1, offset=60))
    apply(joined, outcomes({key: float(key % 2) for key in range(1, 101)}), day=1)
    measured = joined.measured_days()
    assert [(day.day, day.rows, day.label_rate) for day in measured] == [(0, 60, 0.5)]


def test_a_day_is_measured_anew_when_its_labels_change():
    joined = LabelledPredictions()
    joined.add(predictions(*range(1, 61)))
    apply(joined, outcomes(dict.fromkeys(range(1, 61), 1.0)), day=0)
    assert [day.label_rate for day in joined.measured_days()] == [1.0]
    apply(joined, outcomes(dict.fromkeys(range(1, 31), 0.0), at=1), day=9)
    assert [(day.day, day.label_rate) for day in joined.measured_days()] == [(0 * DAY, 0.5)]


def test_the_newest_label_that_is_known_is_joined_to_a_prediction_that_comes_later():
    joined = LabelledPredictions()
    apply(joined, outcomes({1: 1.0, 2: 1.0}), day=0)
    apply(joined, outcomes({1: 0.0, 2: None}, at=1), day=1)
    known = joined.join_known(predictions(1, 2, 3, day=2), horizon=None, now=2 * DAY).labels
    np.testing.assert_array_equal(known, [0.0, np.nan, np.nan])


def test_the_first_offset_is_that_of_a_day_or_later():
    joined = LabelledPredictions()
    joined.add(predictions(1, 2, day=3, offset=7))
    joined.add(predictions(3, day=4, offset=9))
    assert [joined.first_offsets(day) for day in (3, 4, 5)] == [{0: 7}, {0: 9}, {}]


def test_a_horizon_that_passes_makes_a_prediction_negative_and_a_later_fact_leaves_it_so():
    joined = LabelledPredictions()
    joined.add(predictions(1, 2, NO_KEY))
    labels = []
    for day, late in ((1, {}), (2, {1: 1.0}), (3, {}), (9, {2: 1.0})):
        facts = outcomes(late, at=day * DAY)
        joined.apply(facts, horizon=3 * DAY, since=(day - 1) * DAY, now=day * DAY)
        labels.append(sorted(joined.scores_and_labels()[1].tolist()))
    assert labels == [[], [], [0.0, 1.0], [0.0, 1.0]]


def test_a_horizon_is_remembered_beyond_the_days_that_a_window_sees():
    assert first_remembered_day(200 * DAY, horizon=180 * DAY) == 20 - REMEMBERED_DAYS
