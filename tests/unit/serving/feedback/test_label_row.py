"""The row of a label's source that feedback stands for."""

import msgspec
import pytest

from mainspring.datasets.spec import Label
from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Schema
from mainspring.serving.feedback.errors import (
    FeedbackContradicts,
    FeedbackIncomplete,
    LabelComputed,
)
from mainspring.serving.feedback.label_row import LabelPlace, label_row
from mainspring.serving.inference.record import PredictionRecord
from mainspring.sources.spec import Source

SCHEMA = Schema.of(case=DType.STRING, payment=DType.INT64, at=DType.TIMESTAMP, fraud=DType.BOOLEAN)
CASES = Source("cases", id="case", event_time="at")
MADE = PredictionRecord(
    id="prediction-1",
    version="sha256:1",
    map_version=1,
    at=60_000_000,
    declared_at=None,
    request={"payment": 7, "amount": 2.5},
    features=[],
    read_at={},
    score=0.5,
    actor="person:ada",
)


def place(value=None):
    value = col("fraud") if value is None else value
    return LabelPlace("fraud", Label(CASES, value, join_on="payment"), CASES, SCHEMA)


def test_an_id_and_a_label_make_a_whole_row_of_the_source():
    row = label_row({"prediction": "prediction-1", "label": True}, place(), MADE)
    assert row == {
        "fraud": True,
        "payment": 7,
        "case": "prediction-1",
        "at": "1970-01-01T00:01:00Z",
    }


def test_what_the_row_says_is_not_overwritten():
    given = {"case": "c1", "event_time": "1970-01-02T00:00:00Z", "label": False, "payment": "7"}
    row = label_row({"prediction": "prediction-1", **given}, place(), MADE)
    assert (row["case"], row["at"], row["payment"]) == ("c1", "1970-01-02T00:00:00Z", "7")


def test_a_prediction_that_was_asked_for_without_the_key_says_what_to_send():
    made = msgspec.structs.replace(MADE, request={"amount": 2.5})
    with pytest.raises(FeedbackIncomplete, match="prediction-1 lacks payment of source 'cases'"):
        label_row({"prediction": "prediction-1", "label": True}, place(), made)


def test_a_row_by_key_needs_all_columns_that_the_source_reads():
    with pytest.raises(FeedbackIncomplete, match="lacks case, at of"):
        label_row({"payment": 7, "label": True}, place(), None)


def test_a_label_that_is_computed_is_sent_as_its_columns():
    with pytest.raises(LabelComputed, match="computed from fraud"):
        label_row({"prediction": "prediction-1", "label": True}, place(~col("fraud")), MADE)
    row = label_row({"prediction": "prediction-1", "fraud": True}, place(~col("fraud")), MADE)
    assert row["fraud"] is True


def test_another_key_than_was_asked_for_is_refused():
    with pytest.raises(FeedbackContradicts, match="payment = 7, and payment of the row is 8"):
        label_row({"prediction": "prediction-1", "payment": 8, "label": True}, place(), MADE)


def test_a_column_of_the_source_that_is_called_label_is_that_column():
    schema = Schema.of(
        case=DType.STRING, payment=DType.INT64, at=DType.TIMESTAMP, label=DType.INT64
    )
    label = Label(CASES, col("label") > 3, join_on="payment")
    at = LabelPlace("fraud", label, CASES, schema)
    assert label_row({"prediction": "prediction-1", "label": 5}, at, MADE)["label"] == 5


def test_a_key_that_is_written_otherwise_is_the_same_key():
    for same in ("7", 7.0, " 7"):
        given = {"prediction": "prediction-1", "payment": same, "label": True}
        assert label_row(given, place(), MADE)["payment"] == same


def test_an_instant_that_is_a_key_is_compared_as_an_instant():
    schema = Schema.of(at=DType.TIMESTAMP, fraud=DType.BOOLEAN)
    source = Source("hours", id="at", event_time="at")
    at = LabelPlace("fraud", Label(source, col("fraud"), join_on="at"), source, schema)
    made = msgspec.structs.replace(MADE, request={"at": 3_600_000_000})
    given = {"prediction": "prediction-1", "label": True}
    assert label_row(given, at, made)["at"] == "1970-01-01T01:00:00Z"
    same = {**given, "at": "1970-01-01T02:00:00+01:00"}
    assert label_row(same, at, made)["at"] == same["at"]
    with pytest.raises(FeedbackContradicts, match="at = 1970-01-01T01:00:00Z"):
        label_row({**given, "at": "1970-01-01T02:00:00Z"}, at, made)


def test_two_values_of_one_column_are_refused():
    given = {"prediction": "prediction-1", "label": True}
    assert label_row({**given, "fraud": True}, place(), MADE)["fraud"] is True
    with pytest.raises(FeedbackContradicts, match="fraud = False, and label of the row is True"):
        label_row({**given, "fraud": False}, place(), MADE)
    when = {"at": "1970-01-02T00:00:00Z", "event_time": "1970-01-03T00:00:00Z"}
    with pytest.raises(FeedbackContradicts, match="event_time of the row is 1970-01-03"):
        label_row({**given, **when}, place(), MADE)


def test_a_value_that_is_none_of_its_column_is_left_to_the_source():
    given = {"prediction": "prediction-1", "payment": "seven", "label": True}
    assert label_row(given, place(), MADE)["payment"] == "seven"
