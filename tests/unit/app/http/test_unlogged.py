"""What is not logged is told over HTTP: in the answer, in the metrics, and by who asks for it."""

from dataclasses import replace

import pytest

from mainspring.serving.inference.policy import LogPolicy

PREDICT = "/v1/endpoints/late/predict"


@pytest.fixture
def policy():
    return LogPolicy(sample=0.0)


@pytest.fixture
def endpoints(endpoints, policy):
    return endpoints | {"late": replace(endpoints["late"], log=policy)}


def test_an_answer_that_is_not_logged_says_so_and_is_counted(post, get, row):
    answers = post(PREDICT, {"rows": [row, row]}).json()["predictions"]
    assert [each["logged"] for each in answers] == [False, False]
    assert not any("queued" in each for each in answers)
    assert 'mainspring_predictions_unlogged_total{endpoint="late"} 2.0' in get("/metrics").text


@pytest.mark.parametrize("policy", [LogPolicy(asynchronous=True)])
def test_what_waits_to_be_logged_is_shown_until_it_is(host, post, get, row):
    pending = host.log_later()
    [answer] = post(PREDICT, {"rows": [row]}).json()["predictions"]
    assert (answer["logged"], answer["queued"]) == (False, True)
    assert "mainspring_predictions_pending 1.0" in get("/metrics").text
    pending.flush()
    told = get("/metrics").text
    assert "mainspring_predictions_pending 0.0" in told
    assert "mainspring_predictions_unlogged_total{" not in told
