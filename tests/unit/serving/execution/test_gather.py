"""Which requests wait for others, and how many rows they are taken to have."""

import pytest

from mainspring.ports.http import Call
from mainspring.ports.placement import Placed
from mainspring.serving.errors import UnknownEndpoint
from mainspring.serving.execution.gather import gather_rule, rows_of_predict, rows_of_tensors
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.api import ProtocolApi
from mainspring.serving.protocol.files import FileModels
from tests.unit.serving.conftest import Adder


class OnGpu(Adder):
    """A scorer that says that it is on a GPU."""

    placed = Placed(provider="cuda", declared="cuda")


class Fallback(Adder):
    """One that was declared to be there."""

    placed = Placed(declared="cuda", reason="it is not installed")


def infer_of(gather_s):
    scorers = {"near": Adder(2), "far": OnGpu(2), "fallback": Fallback(2)}
    models = FileModels(
        {
            name: lambda name=name, scorer=scorer: matrix_model(name, "1", scorer, ["a", "b"])
            for name, scorer in scorers.items()
        }
    )
    routes = ProtocolApi(models, version="1", ready=lambda _: None, gather_s=gather_s).routes()
    return next(route for route in routes if route.path == "/v2/models/{name}/infer")


@pytest.mark.parametrize(
    ("name", "is_apart"), [("far", True), ("near", False), ("fallback", False), ("none", False)]
)
def test_what_is_on_a_gpu_is_answered_in_a_thread_where_calls_may_wait(name, is_apart):
    rule = infer_of(0.002).gather
    assert (rule.wait_s, rule.is_apart(Call("POST", path={"name": name}))) == (0.002, is_apart)


def test_without_a_declaration_nothing_waits():
    assert infer_of(0.0).gather is None


def test_a_call_of_no_endpoint_is_refused_in_the_event_loop():
    def provider_of(call):
        raise UnknownEndpoint(endpoint="x", environment="dev", known="late")

    rule = gather_rule(0.002, provider_of=provider_of, rows_of=rows_of_predict)
    assert not rule.is_apart(Call("POST"))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"inputs": [{"name": "x", "shape": [8, 30], "data": []}]}', 8),
        (b'{"inputs":[{"name":"x","shape":[1],"data":[1]},{"shape":[9]}]}', 1),
        (b'{"inputs": [{"name": "x", "shape": [-3, 30]}]}', 1),
        (b'{"inputs": [{"name": "x", "shape": [0, 30]}]}', 1),
        (b"\x1f\x8b compressed", 1),
        (b"", 1),
    ],
)
def test_the_rows_of_tensors_are_those_that_the_request_says(body, rows):
    assert rows_of_tensors(Call("POST", body=body)) == rows


@pytest.mark.parametrize(
    ("body", "rows"), [(b'{"rows": [{}, {}, {}]}', 3), (b'{"rows": []}', 1), (b"", 1)]
)
def test_each_row_of_a_request_is_an_object(body, rows):
    assert rows_of_predict(Call("POST", body=body)) == rows
