"""The map of an environment as it is served."""

from dataclasses import replace

import pytest

from mainspring.elements.time import MINUTE
from mainspring.serving.errors import NotServing, UnknownEndpoint
from mainspring.serving.host import EndpointHost, ServedEndpoint, ServedEnvironment
from mainspring.serving.inference_log import iter_predictions
from mainspring.serving.spec import Canary
from mainspring.testing import SeededIds
from tests.unit.serving.conftest import clock, log, model, predictor, row

__all__ = ["clock", "log", "model", "predictor", "row"]

CANARY = Canary(steps=[25, 100], hold="10m")


@pytest.fixture
def endpoint(model, clock):
    return ServedEndpoint(
        name="late",
        topic="inference:dev:late",
        current=replace(model, label="new"),
        previous=model,
        rollout=CANARY,
        since=clock.now(),
    )


@pytest.fixture
def host(endpoint, predictor, clock):
    first = ServedEnvironment(environment="dev", version=1, endpoints={"late": endpoint})
    host = EndpointHost(
        lambda served: served if served.version == 1 else first,
        predictor,
        environment="dev",
        clock=clock,
        ids=SeededIds(0),
    )
    host.refresh()
    return host


def test_a_refresh_says_whether_the_map_had_changed(host):
    assert not host.refresh()
    assert host.served.version == 1


def test_a_canary_takes_its_share_and_then_all(host, clock):
    shares = []
    for _ in range(2):
        shares.append(sum(host.choose("late").label == "new" for _ in range(400)))
        clock.advance(10 * MINUTE)
    assert 60 < shares[0] < 140
    assert shares[1] == 400


def test_an_unknown_endpoint_is_refused_with_those_there_are(host):
    with pytest.raises(UnknownEndpoint, match="it has: late"):
        host.endpoint("early")


def test_an_endpoint_without_a_model_says_why(endpoint):
    with pytest.raises(NotServing, match="no attestation"):
        replace(endpoint, current=None, refusal="no attestation").model_for("r", 0)


def test_a_prediction_records_the_map_that_was_in_force(host, log, row):
    host.predict("late", [row], actor="person:ada")
    [record] = iter_predictions(log, "inference:dev:late")
    assert record.map_version == 1
