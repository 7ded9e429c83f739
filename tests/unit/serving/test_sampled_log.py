"""Where a share of the predictions is logged, every answer says truly whether it is."""

import pytest

from mainspring.elements.time import MINUTE
from mainspring.serving.errors import PredictionUnknown
from mainspring.serving.inference.errors import PredictionNotLogged
from mainspring.serving.inference.policy import LogPolicy
from mainspring.serving.inference.sample import is_within_sample
from mainspring.serving.inference_log import (
    find_prediction,
    iter_predictions,
    no_such_prediction,
)
from mainspring.serving.turn import AskedRows, answer_turn

TOPIC = "inference:dev:late"


@pytest.fixture
def answer(predictor, model, row):
    """The predictions for this many rows, asked by two callers in one turn."""

    def answer(rows, share):
        half = [[row | {"bags": n} for n in range(rows)][part::2] for part in range(2)]
        asked = [AskedRows(model, each, actor) for each, actor in zip(half, "ab", strict=True)]
        turn = answer_turn(asked, predictor, at=8 * MINUTE, map_version=3, sample=share)
        predictor.keep(turn.groups, topic=TOPIC)
        return [each for found in turn.answers for each in found]

    return answer


def test_what_an_answer_says_of_the_log_is_what_the_log_has(answer, log):
    answers = answer(40, 0.4)
    found = {each.id: each for each in iter_predictions(log, TOPIC)}
    assert {each.id for each in answers if each.logged} == found.keys()
    assert 0 < len(found) < 40
    assert all(found[each.id].score == each.score for each in answers if each.logged)


def test_a_logged_row_is_found_by_its_id_with_its_own_request(answer, log):
    for each in answer(40, 0.4):
        found = find_prediction(log, each.id)
        assert (found is not None) == each.logged
        if found is not None:
            assert (found[1].id, found[1].score) == (each.id, each.score)


def test_whoever_has_the_id_finds_the_same_choice(answer):
    for each in answer(40, 0.4):
        assert is_within_sample(each.id, 0.4) == each.logged


def test_a_larger_share_has_all_of_a_smaller_one():
    ids = [f"prediction-{n}" for n in range(300)]
    few, many = ({each for each in ids if is_within_sample(each, share)} for share in (0.2, 0.5))
    assert few < many


def test_all_or_none_are_logged_at_the_ends_of_the_range(answer, log):
    assert not any(each.logged for each in answer(8, 0.0))
    assert log.head(TOPIC) == 0
    assert all(each.logged for each in answer(8, 1.0))


def test_an_id_that_is_not_logged_is_told_from_one_that_was_never_given(answer):
    [left_out] = {type(no_such_prediction(each.id)) for each in answer(8, 0.0)}
    assert left_out is PredictionNotLogged
    assert type(no_such_prediction("prediction-01jd3")) is PredictionUnknown


def test_a_call_from_a_notebook_is_within_sample_too(predictor, model, row, log):
    answers = predictor.predict(
        model, [row] * 30, topic=TOPIC, map_version=3, actor="a", log=LogPolicy(sample=0.5)
    )
    kept = {each.id for each in iter_predictions(log, TOPIC)}
    assert kept == {each.id for each in answers if each.logged}
    assert 0 < len(kept) < 30
