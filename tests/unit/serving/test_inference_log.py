"""Groups of predictions in segments of the log, beside what earlier releases wrote."""

import msgspec
import pytest
from msgspec.structs import replace

from mainspring.elements.time import MINUTE
from mainspring.serving.inference.group import pack_group
from mainspring.serving.inference_log import (
    find_prediction,
    find_predictions,
    inference_segments,
    iter_placed,
    iter_predictions,
    newest_predictions,
    segment_topic,
    start_of_newest,
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


def test_what_a_gpu_answered_is_of_a_later_format_and_all_else_of_the_first(predictor, model, row):
    group = answered(predictor, model, [row])
    heads = [
        msgspec.msgpack.decode(pack_group(each).shared)
        for each in (group, replace(group, provider="cuda"))
    ]
    found = [(head.get("record_format"), head.get("provider")) for head in heads]
    assert found == [(None, None), (3, "cuda")]


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


class CountedLog:
    """A log that counts what it is asked for."""

    def __init__(self, log):
        self._log, self.finds, self.frames, self.records = log, [], 0, 0

    def __getattr__(self, name):
        return getattr(self._log, name)

    def find(self, topic, ids):
        self.finds.append(topic)
        return self._log.find(topic, ids)

    def read(self, topic, **bounds):
        for frame in self._log.read(topic, **bounds):
            self.frames += 1
            self.records += frame.height
            yield frame


@pytest.fixture
def grouped(predictor, model, log, row):
    """Three hundred groups of five predictions, in the order of their times."""
    for place in range(300):
        at = [8 * MINUTE + place] * 5
        group = predictor.answer(model, [row] * 5, at=at, map_version=3, actor="a")
        predictor.keep([group], topic=TOPIC)
    return [record.id for record in iter_predictions(log, TOPIC)]


@pytest.mark.parametrize(("count", "records"), [(1, 40), (12, 40), (100, 80), (1_400, 1_000)])
def test_the_newest_are_found_by_reading_about_as_many(log, grouped, count, records):
    counted = CountedLog(log)
    found = newest_predictions(counted, TOPIC, count)
    assert len(found) == count
    assert {each.id for each in found} <= {*grouped[-count - 5 :]}
    assert counted.records <= records


@pytest.mark.parametrize("count", [1, 80, 81, 1_499, 1_500, 9_999])
def test_a_segment_has_its_newest_from_some_record_on(log, grouped, count):
    start = start_of_newest(log, TOPIC, count)
    found = [record.id for record in iter_predictions(log, TOPIC, start=start)]
    assert found == grouped[-len(found) :]
    assert len(found) >= min(count, len(grouped))
    assert start_of_newest(log, TOPIC, count, first=290) >= 290


def test_records_of_an_earlier_release_are_one_prediction_each(predictor, model, log, row):
    records = [next(answered(predictor, model, [row]).records()) for _ in range(40)]
    log.append({TOPIC: earlier_frame(records)}, expected={})
    assert start_of_newest(log, TOPIC, 20) == 40 - 32
    assert len(newest_predictions(log, TOPIC, 20)) == 20


@pytest.fixture
def segments(predictor, model, log, row):
    """Forty predictions in each of two segments, and the records of all."""
    records = [next(answered(predictor, model, [row]).records()) for _ in range(80)]
    for segment, part in ((1, records[:40]), (2, records[40:])):
        for record in part:
            append_records(log, segment_topic(TOPIC, segment), [record])
    return records


def test_many_predictions_are_found_as_each_is(predictor, model, log, row, segments):
    group = answered(predictor, model, [row] * 3)
    predictor.keep([group], topic=TOPIC)
    earlier = next(answered(predictor, model, [row]).records())
    log.append({f"{TOPIC}-earlier": earlier_frame([earlier])}, expected={})
    names = [*group.ids, earlier.id, *(record.id for record in segments), f"{group.id}-9", "none"]
    found = find_predictions(log, reversed(names), environment="dev")
    assert found.removed == {}
    assert {name: found.records.get(name) for name in names} == {
        name: find_prediction(log, name) for name in names
    }


def test_each_segment_is_asked_once_and_each_frame_is_read_once(log, segments):
    counted = CountedLog(log)
    log.compact(segment_topic(TOPIC, 1))
    names = [record.id for record in (*segments[:40:3], segments[40], segments[79])]
    assert [*find_predictions(counted, names, environment="dev").records] == names
    assert counted.finds == [segment_topic(TOPIC, 1), segment_topic(TOPIC, 2)]
    # One that compaction has made, and two that lie far from each other.
    assert counted.frames == 3


def test_predictions_of_another_environment_are_not_found(log, segments):
    found = find_predictions(log, [segments[0].id], environment="staging")
    assert found == ({}, {})


def test_what_retention_has_removed_is_told_from_what_never_was(log, segments):
    topic = segment_topic(TOPIC, 1)
    log.trim(topic, 5)
    names = [segments[0].id, segments[4].id, segments[5].id, "none"]
    found = find_predictions(log, names, environment="dev")
    assert found.removed == {segments[0].id: topic, segments[4].id: topic}
    assert [*found.records] == [segments[5].id]


def test_what_retention_removes_while_it_is_looked_for_is_removed(log, segments):
    topic = segment_topic(TOPIC, 1)

    class Trimming(CountedLog):
        def read(self, topic, **bounds):
            frames = super().read(topic, **bounds)
            yield next(frames)
            log.trim(topic, 10)
            yield from frames

    names = [record.id for record in segments[:20]]
    found = find_predictions(Trimming(log), names, environment="dev")
    assert {*found.records} == {names[0], *names[10:]}
    assert found.removed == dict.fromkeys(names[1:10], topic)
