"""Where an endpoint logs asynchronously, its answers leave first, and say so."""

import json
import threading
from dataclasses import replace

import pytest

from mainspring.elements.time import MINUTE
from mainspring.ports.errors import StoreFailed
from mainspring.ports.http import Call, RecordedAnswers
from mainspring.serving.api import ServingApi
from mainspring.serving.asked import AskedOf
from mainspring.serving.host import EndpointHost, ServedEnvironment
from mainspring.serving.inference.pending import PendingPredictions
from mainspring.serving.inference.policy import LogPolicy
from mainspring.serving.inference_log import iter_predictions
from mainspring.serving.served_endpoint import ServedEndpoint
from mainspring.serving.turn import AskedRows, answer_turn
from mainspring.testing import SeededIds
from mainspring.testing.failing import FailingLog, Failures
from tests.unit.serving.conftest import explainer_of

TOPIC = "inference:dev:late"
LATER = LogPolicy(asynchronous=True)


@pytest.fixture
def hosted(model, predictor, clock):
    """A host of an endpoint that logs so."""

    def hosted(policy=LATER):
        endpoint = ServedEndpoint(name="late", topic=TOPIC, current=model, log=policy)
        served = ServedEnvironment(environment="dev", version=1, endpoints={"late": endpoint})
        host = EndpointHost(
            lambda _: served,
            predictor,
            environment="dev",
            clock=clock,
            ids=SeededIds(0),
            explainer_of=explainer_of,
        )
        host.refresh()
        return host

    return hosted


@pytest.fixture
def answered(predictor, model, row):
    """So many groups of two rows."""

    def answered(count):
        asked = [AskedRows(model, [row, row], f"caller {n}") for n in range(count)]
        return answer_turn(asked, predictor, at=8 * MINUTE, map_version=1).groups

    return answered


def ids(log):
    return [each.id for each in iter_predictions(log, TOPIC)]


def asked(host, row):
    """The predictions for two rows, and what logs them."""
    turn, keep = host.predict_together("late", [AskedOf([row, row], "me")])
    [predictions] = turn.answers
    return predictions, keep


def test_an_answer_leaves_before_it_is_logged_and_says_that_it_is_queued(hosted, row, log):
    host = hosted()
    pending = host.log_later()
    predictions, keep = asked(host, row)
    assert keep is None
    assert {(each.logged, each.queued) for each in predictions} == {(False, True)}
    assert ids(log) == []
    pending.flush()
    assert ids(log) == [each.id for each in predictions]


def test_a_notebook_logs_before_it_answers_whatever_is_declared(hosted, row, log):
    predictions, keep = asked(hosted(), row)
    assert all(each.logged for each in predictions)
    keep()
    assert ids(log) == [each.id for each in predictions]


def test_a_sample_may_be_logged_later_too(hosted, row, log):
    host = hosted(replace(LATER, sample=0.5))
    pending = host.log_later()
    predictions = [each for _ in range(20) for each in asked(host, row)[0]]
    pending.flush()
    assert set(ids(log)) == {each.id for each in predictions if each.queued is True}
    assert 0 < len(ids(log)) < 40
    assert all(each.id.startswith("unlogged-") != (each.queued is True) for each in predictions)


def test_what_a_full_queue_does_not_take_says_that_it_is_not_logged(hosted, row, log):
    host = hosted()
    host.log_later(limit=4)
    answers = [asked(host, row)[0] for _ in range(3)]
    assert [each.queued is True for [each, _] in answers] == [True, True, False]
    assert answers[2][0].id.startswith("unlogged-")
    host.drain()
    assert ids(log) == [each.id for found in answers[:2] for each in found]


def test_the_route_answers_without_waiting_for_the_log(hosted, row, log):
    host = hosted()
    host.log_later()
    api = ServingApi(
        host,
        replay=str,
        version="9",
        require_ready=lambda: None,
        observe=lambda *_: None,
        draining=threading.Event(),
    )
    body = json.dumps({"rows": [row]}).encode()
    path = "/v1/endpoints/late/predict"
    answers = api.predict_together([Call("POST", path, path={"name": "late"}, body=body)])
    assert not isinstance(answers, RecordedAnswers)
    [prediction] = json.loads(answers[0].body)["predictions"]
    assert (prediction["logged"], prediction["queued"]) == (False, True)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_write_that_fails_is_made_again_and_nothing_twice(predictor, answered, log, when):
    failing = FailingLog(log, Failures(every=2, when=when))
    pending = PendingPredictions(replace(predictor, log=failing))
    groups = answered(3)
    pending.put(groups[:1], topic=TOPIC, log=LATER)
    pending.flush()
    pending.put(groups[1:], topic=TOPIC, log=LATER)
    with pytest.raises(StoreFailed):
        pending.flush()
    assert len(pending) == 4
    pending.put(answered(1), topic=TOPIC, log=LATER)
    pending.flush()
    assert len(pending) == 0
    assert len(ids(log)) == len(set(ids(log))) == 8
    assert ids(log)[:6] == [each for group in groups for each in group.ids]


def test_what_waits_goes_into_one_append(predictor, answered, log):
    second_fails = Failures(every=2)
    pending = PendingPredictions(replace(predictor, log=FailingLog(log, second_fails)))
    for group in answered(5):
        pending.put([group], topic=TOPIC, log=LATER)
    pending.flush()
    assert (second_fails.failed, len(ids(log))) == (0, 10)


def test_a_drain_says_how_many_are_lost(predictor, answered, log, caplog):
    failing = FailingLog(log, Failures(every=1, when="before"))
    pending = PendingPredictions(replace(predictor, log=failing))
    pending.put(answered(2), topic=TOPIC, log=LATER)
    assert pending.drain() == 4
    assert "4 predictions are lost" in caplog.text
