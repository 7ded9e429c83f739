"""The routes of serving, called with records."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mainspring.elements.events import Actor
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call
from mainspring.ports.limits import MAX_EXPLAINED_ROWS
from mainspring.ports.placement import Placed
from mainspring.serving.api import answer_live
from mainspring.serving.errors import (
    EmptyRequest,
    NotExplainable,
    NotServing,
    PredictionUnknown,
    ScoreNotFinite,
    TooManyRows,
    UnknownEndpoint,
    WrongTensor,
)
from mainspring.serving.inference_log import find_prediction
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.infer import InferTurns
from mainspring.serving.protocol.statistics import StatisticsKeeper
from tests.unit.serving.conftest import Adder, Linear

TENSOR = {"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}


def call(body=None, **path):
    payload = b"" if body is None else json.dumps(body).encode()
    return Call("POST", path=path, body=payload, actor=Actor("person:ada"))


def inference(scorer):
    model = matrix_model("sum", "sum v1", scorer, ["a", "b"])
    return InferTurns(lambda _: model, StatisticsKeeper(lambda: 0))


@pytest.fixture
def refused(served):
    late = replace(served.endpoints["late"], current=None, refusal="no attestation")
    return replace(served, endpoints={"late": late})


def test_a_prediction_is_answered_and_logged_for_the_actor_of_the_call(api, row, log):
    reply = api.predict(call({"rows": [row]}, name="late"))
    [prediction] = json.loads(reply.body)["predictions"]
    found = find_prediction(log, prediction["id"])
    assert (reply.status, prediction["score"], found[1].actor) == (200, 8.0, "person:ada")


def test_what_was_answered_is_observed_and_what_failed_is_not(api_of, served, row):
    api, observed = api_of(served)
    with pytest.raises(EmptyRequest):
        api.predict(call({"rows": []}, name="late"))
    api.predict(call({"rows": [row, row]}, name="late"))
    [(endpoint, predictions, seconds)] = observed
    assert (endpoint, len(predictions)) == ("late", 2)
    assert seconds > 0


def test_a_predict_call_of_another_form_is_refused(api):
    for body in ({"row": 1}, [], {"rows": [1]}, {"rows": [], "at": 0}):
        with pytest.raises(BadRequest):
            api.predict(call(body, name="late"))


def test_an_endpoint_that_is_not_there_or_has_no_model_is_refused(api, api_of, refused, row):
    with pytest.raises(UnknownEndpoint):
        api.predict(call({"rows": [row]}, name="nobody"))
    with pytest.raises(NotServing, match="no attestation"):
        api_of(refused)[0].predict(call({"rows": [row]}, name="late"))


def test_a_replay_is_rendered_as_it_was_given(api_of, served):
    api, _ = api_of(served, replay=lambda prediction: {"id": prediction})
    assert api.replay(call(id="p-1")).body == b'{"id":"p-1"}'


def test_a_prediction_that_is_not_known_is_refused(api):
    with pytest.raises(PredictionUnknown):
        api.replay(call(id="p-1"))


def test_a_model_is_ready_when_one_may_answer(api, api_of, refused):
    assert (api.model_ready(call(name="late")).status, api.ready(call()).status) == (200, 200)
    waiting = api_of(refused)[0]
    refusal = waiting.model_ready(call(name="late"))
    assert (refusal.status, refusal.body) == (503, b'{"name":"late","ready":false}')
    assert waiting.ready(call()).status == 503


def test_an_environment_without_endpoints_is_not_ready(api_of, served):
    assert api_of(replace(served, endpoints={}))[0].ready(call()).body == b'{"ready":false}'


def test_the_protocol_says_what_server_and_model_are(api):
    [of_server] = [route for route in api.routes() if route.path == "/v2"]
    assert json.loads(of_server.handler(call()).body)["version"] == "9"
    [describe] = [route for route in api.routes() if route.path == "/v2/models/{name}"]
    metadata = json.loads(describe.handler(call(name="late")).body)
    assert (metadata["versions"], metadata["inputs"][0]["shape"]) == (["late v1"], [-1, 2])


def test_tensors_are_scored_by_the_model_and_nothing_is_logged():
    api = inference(Adder(2))
    answer = json.loads(api.answer(call({"inputs": [TENSOR]})).body)
    assert (answer["model_version"], answer["outputs"][0]["data"]) == ("sum v1", [3.0])
    with pytest.raises(WrongTensor):
        api.answer(call({"inputs": [TENSOR | {"shape": [2, 1]}]}))


def test_tensors_without_a_finite_score_are_refused_and_say_what_was_missing():
    api = inference(Linear(2))
    tensor = TENSOR | {"shape": [3, 2], "data": [1, 2, 1, None, 1, None]}
    with pytest.raises(ScoreNotFinite, match="rows 1, 2; missing there: b\n"):
        api.answer(call({"inputs": [tensor]}))
    with pytest.raises(ScoreNotFinite, match="row 0; nothing was missing there\n"):
        api.answer(call({"inputs": [TENSOR | {"data": [1.7e308, 1.7e308]}]}))


def test_only_health_is_open_and_only_what_reads_much_blocks(api):
    assert {route.path for route in api.routes() if route.permission is None} == {
        "/healthz",
        "/v2/health/live",
        "/v2/health/ready",
    }
    assert {route.path for route in api.routes() if route.blocks} == {
        "/v1/predictions/{id}/replay",
        "/v2/repository/models/{name}/load",
        "/v2/repository/models/{name}/unload",
    }
    assert answer_live(call()).body == b'{"live":true}'


def test_calls_of_an_endpoint_on_a_gpu_wait_for_others(api_of, served, model):
    on_gpu = SimpleNamespace(placed=Placed(provider="cuda", declared="cuda"))
    far = replace(served.endpoints["late"], name="far", current=replace(model, scorer=on_gpu))
    api, _ = api_of(replace(served, endpoints={**served.endpoints, "far": far}), gather_s=0.002)
    [rule] = [route.gather for route in api.routes() if route.path.endswith("/predict")]
    apart = {name: rule.is_apart(call(name=name)) for name in ("late", "far", "none")}
    assert apart == {"late": False, "far": True, "none": False}


def test_a_request_explains_few_rows(api, row):
    body = {"rows": [row] * (MAX_EXPLAINED_ROWS + 1), "explain": True}
    with pytest.raises(TooManyRows, match="501 rows"):
        api.predict(call(body, name="late"))


def test_what_cannot_be_explained_refuses_its_own_call_and_is_on_record(api, row, log):
    asked = [call({"rows": [row], "explain": explain}, name="late") for explain in (False, True)]
    plain, refused = api.predict_together(asked).settled()
    [prediction] = json.loads(plain.body)["predictions"]
    assert "explanation" not in prediction
    assert isinstance(refused, NotExplainable)
    with pytest.raises(NotExplainable):
        api.predict(asked[1])
