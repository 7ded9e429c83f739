"""From a request to an answer that is on record."""

from dataclasses import replace as changed

import pytest
from msgspec.structs import replace

from mainspring.elements.time import MINUTE
from mainspring.features.errors import HorizonPassed
from mainspring.ports.limits import MAX_ROWS
from mainspring.serving.errors import EmptyRequest, ScoreNotFinite, TooManyRows
from mainspring.serving.inference_log import find_prediction, iter_predictions
from mainspring.serving.tracing.replay import ReplayOutcome, replay_predictions
from mainspring.sources.facts import read_source_rows
from tests.unit.serving.conftest import Linear

TOPIC = "inference:dev:late"


def facts_from(log):
    return lambda source: read_source_rows(source, log=log)


def test_a_row_is_scored_from_what_is_known_now_and_from_the_request(predict, row):
    [answer] = predict(row)
    assert (answer.score, answer.at) == (2.0 + 6.0, 8 * MINUTE)


def test_an_idle_key_decays_without_any_event(predict, clock, row):
    clock.advance(8 * MINUTE)
    assert predict(row)[0].score == 1.0 + 6.0


def test_an_answer_is_in_the_log_with_all_that_it_came_from(predict, log, row):
    [answer] = predict(row)
    [record] = iter_predictions(log, TOPIC)
    assert (record.id, record.features, record.read_at, record.actor) == (
        answer.id,
        [6, 2],
        {"delays": 2},
        "person:ada",
    )
    assert record.request == {"city": "JFK", "bags": 3, "at": 68 * MINUTE, "trip": "t1"}


def test_the_log_keeps_the_time_at_which_training_would_have_asked(predict, log, row):
    predict(row, row | {"at": None})
    assert [record.declared_at for record in iter_predictions(log, TOPIC)] == [8 * MINUTE, None]


def test_rows_of_one_request_get_answers_in_order_and_ids_of_their_own(predict, row):
    answers = predict(row, row | {"bags": 0}, row | {"city": None})
    assert [answer.score for answer in answers] == [8.0, 2.0, 6.0]
    assert len({answer.id for answer in answers}) == 3


def test_many_rows_are_answered_as_each_of_them_alone(predictor, model, row):
    rows = [
        row | {"city": city, "bags": bags} for bags in (None, *range(50)) for city in ("JFK", None)
    ]
    at = [8 * MINUTE] * len(rows)
    together = predictor.answer(model, rows, at=at, map_version=3, actor="a")
    alone = [
        next(predictor.answer(model, [each], at=at[:1], map_version=3, actor="a").records())
        for each in rows
    ]
    assert [replace(record, id="", latency_us=0) for record in together.records()] == [
        replace(record, id="", latency_us=0) for record in alone
    ]


def test_a_bad_row_leaves_nothing_in_the_log(predict, log, row):
    with pytest.raises(EmptyRequest):
        predict()
    with pytest.raises(TooManyRows):
        predict(*[row] * (MAX_ROWS + 1))
    assert log.head(TOPIC) == 0


def test_a_row_without_a_finite_score_refuses_the_whole_request_and_names_what_it_lacks(
    predictor, model, log, row
):
    linear = changed(model, scorer=Linear(2))
    with pytest.raises(ScoreNotFinite, match="rows 1, 2; missing there: double\n"):
        predictor.predict(
            linear,
            [row, row | {"bags": None}, row | {"bags": None, "city": None}],
            topic=TOPIC,
            map_version=1,
            actor="person:ada",
        )
    assert log.head(TOPIC) == 0


def test_a_view_without_state_refuses_rather_than_answers_zero(predictor, model, row):
    predictor.online.drop("delays")
    with pytest.raises(HorizonPassed):
        predictor.predict(model, [row], topic=TOPIC, map_version=1, actor="person:ada")


def test_a_prediction_is_found_by_its_id_alone(predict, log, row):
    predict(row)
    [_, second] = predict(row, row)
    topic, record = find_prediction(log, second.id)
    assert (topic, record.id) == (TOPIC, second.id)
    assert find_prediction(log, "prediction-nobody") is None


def test_a_replay_is_identical(predict, log, model, row):
    predict(row, row | {"city": None}, row | {"bags": None})
    replays = replay_predictions(
        list(iter_predictions(log, TOPIC)), lambda _: model, facts_from(log)
    )
    assert [(replay.outcome, replay.score) for replay in replays] == [
        (ReplayOutcome.IDENTICAL, 8.0),
        (ReplayOutcome.IDENTICAL, 6.0),
        (ReplayOutcome.IDENTICAL, 2.0),
    ]
