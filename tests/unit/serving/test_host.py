"""The map of an environment as it is served."""

from dataclasses import replace

import pytest

import mainspring as ms
from mainspring.features.errors import MissingRequestField
from mainspring.serving.errors import NotServing, UnknownEndpoint, UnknownRevision
from mainspring.serving.host import EndpointHost, ServedEnvironment
from mainspring.serving.inference_log import iter_predictions
from mainspring.serving.rollouts.follow import following
from mainspring.serving.rollouts.state import RUNNING, EndpointRevision, EndpointRollout
from mainspring.serving.served_endpoint import ServedEndpoint
from mainspring.testing import SeededIds
from tests.unit.serving.conftest import Adder, clock, explainer_of, log, model, predictor, row

__all__ = ["Adder", "clock", "log", "model", "predictor", "row"]

OLD = EndpointRevision(name="old", version="sha256:" + "5" * 64, map_version=1)
NEW = EndpointRevision(name="new", version="sha256:" + "6" * 64, map_version=2)
CANARY = EndpointRollout(stable=OLD, candidate=NEW, kind="Canary", phase=RUNNING, share=25, epoch=1)
SHADOW = EndpointRollout(stable=OLD, candidate=NEW, kind="Shadow", phase=RUNNING, epoch=1)


@pytest.fixture
def endpoint(model):
    return ServedEndpoint(
        name="late",
        topic="inference:dev:late",
        current=replace(model, label="new", version=NEW.version),
        revision=NEW,
        rollout=ms.Canary(steps=[25, 100], hold="10m"),
    )


def hosted(endpoint, predictor, clock):
    first = ServedEnvironment(environment="dev", version=1, endpoints={"late": endpoint})
    host = EndpointHost(
        lambda served: served if served.version == 1 else first,
        predictor,
        environment="dev",
        clock=clock,
        ids=SeededIds(0),
        explainer_of=explainer_of,
    )
    host.refresh()
    return host


@pytest.fixture
def host(endpoint, predictor, clock, model):
    return hosted(following(endpoint, CANARY, model), predictor, clock)


@pytest.fixture
def shadowed(endpoint, predictor, clock, model):
    doubled = replace(endpoint.current, scorer=Doubler(2))
    shadow = following(replace(endpoint, current=doubled), SHADOW, model)
    return hosted(shadow, predictor, clock)


class Doubler(Adder):
    """Answers twice as much."""

    def predict(self, matrix):
        return 2 * super().predict(matrix)


def cities(row, count):
    return [{**row, "city": f"C{place}"} for place in range(count)]


def test_a_refresh_says_whether_the_map_had_changed(host):
    assert not host.refresh()
    assert host.served.version == 1


def test_a_canary_takes_its_share_of_the_entities(host, row):
    answers = host.predict("late", cities(row, 400), actor="me")
    assert 60 < sum(answer.revision == "new" for answer in answers) < 140


def test_an_entity_is_always_answered_by_one_revision(host, row):
    first, again = (
        {answer.version for answer in host.predict("late", [row] * 20, actor="me")}
        for _ in range(2)
    )
    assert first == again
    assert len(first) == 1


def test_each_answer_names_the_revision_whose_version_it_has(host, row):
    named = {OLD.name: OLD.version, NEW.name: NEW.version}
    answers = host.predict("late", cities(row, 60), actor="me")
    assert all(answer.version == named[answer.revision] for answer in answers)
    assert {answer.revision for answer in answers} == {"old", "new"}


@pytest.mark.parametrize(
    ("asked", "revision"), [("old", "old"), ("stable", "old"), ("candidate", "new"), ("new", "new")]
)
def test_a_caller_may_ask_for_one_revision(host, row, asked, revision):
    answers = host.predict("late", cities(row, 20), actor="me", revision=asked)
    assert {answer.revision for answer in answers} == {revision}


def test_a_revision_that_is_not_there_is_refused_with_those_there_are(host, row):
    with pytest.raises(UnknownRevision, match="it has: old, new"):
        host.predict("late", [row], actor="me", revision="older")


def test_a_shadow_alters_no_answer_and_is_counted(shadowed, row, log):
    answers = shadowed.predict("late", cities(row, 5), actor="me")
    shadowed.run_shadows()
    _, tallies = shadowed.tallies.read("late")
    assert {answer.revision for answer in answers} == {"old"}
    assert (tallies["new"].rows, tallies["new"].differing) == (5, 5)
    assert tallies["new"].largest == answers[0].score
    assert len(list(iter_predictions(log, "inference:dev:late"))) == 5


def test_what_a_caller_did_wrong_is_no_failure_of_a_revision(host):
    with pytest.raises(MissingRequestField):
        host.predict("late", [{"city": "JFK"}], actor="me", revision="new")
    assert "new" not in host.tallies.read("late")[1]


def test_what_waits_for_other_processes_is_at_once_for_who_is_none(
    endpoint, predictor, clock, model
):
    settled = EndpointRollout(stable=OLD)
    waiting = following(replace(endpoint, rollout=None), settled, model)
    assert waiting.share == 0
    assert hosted(waiting, predictor, clock).choose("late").label == "new"


def test_an_unknown_endpoint_is_refused_with_those_there_are(host):
    with pytest.raises(UnknownEndpoint, match="it has: late"):
        host.endpoint("early")


def test_an_endpoint_without_a_model_says_why(endpoint):
    with pytest.raises(NotServing, match="no attestation"):
        replace(endpoint, current=None, refusal="no attestation").choose("r")


def test_a_prediction_records_the_map_that_was_in_force(host, log, row):
    host.predict("late", [row], actor="person:ada")
    [record] = iter_predictions(log, "inference:dev:late")
    assert record.map_version == 1
