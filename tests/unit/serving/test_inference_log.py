"""Groups of predictions in segments of the log, beside what earlier releases wrote."""

from msgspec.structs import replace

from mainspring.elements.time import MINUTE
from mainspring.serving.inference_log import (
    find_prediction,
    inference_segments,
    iter_placed,
    iter_predictions,
    newest_predictions,
    segment_topic,
)
from tests.logged import append_records, earlier_frame

TOPIC = "inference:dev:late"


def answered(predictor, model, rows, actor="a"):
    at = [8 * MINUTE + place for place in range(len(rows))]
    return predictor.answer(model, rows, at=at, map_version=3, actor=actor, revision="late-2")


def test_a_group_is_read_back_as_it_was_answered(predictor, model, log, row):
    group = answered(predictor, model, [row, row | {"city": None}, row | {"bags": None}])
    predictor.keep([group], topic=TOPIC)
    assert [*iter_predictions(log, TOPIC)] == [*group.records()]
    assert log.head(TOPIC) == 1


def test_a_field_that_only_some_requests_have_is_absent_from_the_others(predictor, model, log, row):
    without = {name: value for name, value in row.items() if name != "trip"}
    predictor.keep([answered(predictor, model, [row, without])], topic=TOPIC)
    first, second = iter_predictions(log, TOPIC)
    assert (first.request["trip"], "trip" in second.request) == ("t1", False)


def test_every_prediction_of_a_group_is_found_by_its_id_and_no_other(predictor, model, log, row):
    group = answered(predictor, model, [row] * 3)
    predictor.keep([group], topic=TOPIC)
    for name in group.ids:
        assert find_prediction(log, name)[1].id == name
    assert find_prediction(log, f"{group.id}-3") is None


def test_segments_are_read_together_and_places_tell_them_apart(predictor, model, log, row):
    records = [next(answered(predictor, model, [row]).records()) for _ in range(4)]
    log.append({TOPIC: earlier_frame(records[:1])}, expected={})
    for segment, record in zip((1, 2, 12), records[1:], strict=True):
        append_records(log, segment_topic(TOPIC, segment), [record])
    append_records(log, "inference:dev:late-2:1", [replace(records[0], id="of another endpoint")])
    segments = inference_segments(log, TOPIC)
    assert segments == [TOPIC, f"{TOPIC}:1", f"{TOPIC}:2", f"{TOPIC}:12"]
    places = [place for topic in segments for place, _ in iter_placed(log, topic)]
    assert places == sorted({*places})
    found = newest_predictions(log, TOPIC, 10)
    assert {record.id for record in found} == {record.id for record in records}


def test_what_an_earlier_release_logged_is_found_and_says_no_revision(predictor, model, log, row):
    record = next(answered(predictor, model, [row]).records())
    log.append({TOPIC: earlier_frame([record])}, expected={})
    assert find_prediction(log, record.id) == (TOPIC, replace(record, revision="", latency_us=0))
