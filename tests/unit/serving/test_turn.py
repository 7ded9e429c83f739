"""Requests of one turn are answered as each of them alone, and logged in one append."""

import json
from dataclasses import replace as changed

import pytest

from mainspring.elements.time import MINUTE
from mainspring.features.errors import MissingRequestField
from mainspring.serving.errors import EmptyRequest, ScoreNotFinite
from mainspring.serving.inference_log import find_prediction, iter_predictions
from mainspring.serving.turn import AskedRows, answer_turn
from tests.unit.serving.conftest import Linear

TOPIC = "inference:dev:late"


@pytest.fixture
def answer(predictor):
    def answer(*asked):
        turn = answer_turn(asked, predictor, at=8 * MINUTE, map_version=3)
        predictor.keep(turn.groups, topic=TOPIC)
        return turn.answers

    return answer


def test_each_request_gets_the_answers_to_its_own_rows(answer, model, row):
    asked = [
        AskedRows(model, [row], "a"),
        AskedRows(model, [row | {"bags": 0}, row | {"city": None}], "b"),
        AskedRows(model, [row | {"bags": 1}], "a"),
    ]
    together = answer(*asked)
    alone = [answer(each)[0] for each in asked]
    assert [[one.score for one in answers] for answers in together] == [
        [one.score for one in answers] for answers in alone
    ]


def test_every_answer_is_logged_for_who_asked_in_one_record_an_actor(answer, model, row, log):
    answers = answer(*(AskedRows(model, [row | {"bags": n}], "ab"[n % 2]) for n in range(6)))
    assert log.head(TOPIC) == 2
    for number, [prediction] in enumerate(answers):
        _, record = find_prediction(log, prediction.id)
        assert (record.actor, record.request["bags"]) == ("ab"[number % 2], number)
        assert (record.score, record.at) == (prediction.score, prediction.at)


def test_a_bad_request_is_refused_alone(answer, model, row, log):
    without = {name: value for name, value in row.items() if name != "city"}
    first, empty, bad, last = answer(
        AskedRows(model, [row], "a"),
        AskedRows(model, [], "a"),
        AskedRows(model, [row, without], "a"),
        AskedRows(model, [row], "a"),
    )
    assert (len(first), len(last)) == (1, 1)
    assert (type(empty), type(bad)) == (EmptyRequest, MissingRequestField)
    assert len([*iter_predictions(log, TOPIC)]) == 2


def test_a_score_that_is_no_number_refuses_its_own_request(answer, model, row):
    linear = changed(model, scorer=Linear(2))
    good, bad = answer(
        AskedRows(linear, [row], "a"), AskedRows(linear, [row, row | {"bags": None}], "a")
    )
    assert good[0].score == 8.0
    assert isinstance(bad, ScoreNotFinite)
    assert "row 1" in str(bad)


def test_fields_that_only_one_request_has_are_absent_from_the_others(answer, model, row, log):
    without = {name: value for name, value in row.items() if name != "trip"}
    answer(AskedRows(model, [without], "a"), AskedRows(model, [row], "a"))
    assert [record.request.get("trip", "-") for record in iter_predictions(log, TOPIC)] == [
        "-",
        "t1",
    ]
    assert (
        json.dumps([record.request for record in iter_predictions(log, TOPIC)]).count("trip") == 1
    )
