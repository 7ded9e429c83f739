"""Late labels, and changes of level."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.spec import Label
from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, FOREVER
from mainspring.monitoring.change import change_of_level, largest_change
from mainspring.monitoring.join import labels_by_key, measure_days
from mainspring.sources.spec import Source

SCHEMA = Schema.of(id=DType.STRING, leg=DType.INT64, delay=DType.FLOAT64)
LABEL = Label(Source("truth", id="id", event_time="at"), col("delay") > 15, join_on=["id", "leg"])


def test_labels_are_found_by_all_their_columns_and_nulls_left_out():
    facts = pl.DataFrame({"id": ["a", "a", "b"], "leg": [1, 2, 1], "delay": [20.0, 1.0, None]})
    assert labels_by_key(LABEL, facts, SCHEMA) == {("a", 1): 1.0, ("a", 2): 0.0}


def test_an_instant_in_a_key_is_what_a_request_carries():
    facts = pl.DataFrame({"hour": [77], "delay": [20.0]}).with_columns(
        pl.col("hour").cast(pl.Datetime("us", "UTC"))
    )
    label = Label(LABEL.source, col("delay") > 15, join_on="hour")
    assert labels_by_key(label, facts, Schema.of(hour=DType.TIMESTAMP, delay=DType.FLOAT64)) == {
        (77,): 1.0
    }


def test_only_what_stands_is_true():
    facts = pl.DataFrame(
        {"id": ["a", "a"], "leg": [1, 1], "delay": [20.0, 1.0], "_visible_to": [5, FOREVER]}
    )
    assert labels_by_key(LABEL, facts, SCHEMA) == {("a", 1): 0.0}


def test_days_are_those_of_the_question_and_few_rows_are_left_out():
    predictions = [(place * DAY // 60, (place,), 0.5) for place in range(100)]
    days = measure_days(predictions, {(place,): float(place % 2) for place in range(100)})
    assert [(day.day, day.rows, day.label_rate) for day in days] == [(0, 60, 0.5)]


def test_what_has_no_label_yet_is_not_counted():
    predictions = [(0, (place,), 0.5) for place in range(100)]
    assert measure_days(predictions, {(place,): 1.0 for place in range(49)}) == []


@given(st.lists(st.floats(0, 1), min_size=42, max_size=80), st.floats(-1, 1))
def test_a_change_of_level_does_not_see_the_level_itself(series, shift):
    moved = change_of_level([value + shift for value in series])
    np.testing.assert_allclose(moved, change_of_level(series), atol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=42, max_size=80))
def test_a_change_backwards_is_the_same_change(series):
    assert change_of_level([-value for value in series]) == -change_of_level(series)


@given(st.lists(st.floats(0, 1), max_size=80))
def test_no_change_in_a_series_exceeds_its_largest(series):
    largest, last = largest_change(series), change_of_level(series)
    assert (largest is None) == (last is None) == (len(series) < 42)
    assert last is None or abs(last) <= largest
