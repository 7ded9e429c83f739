"""A server of one bare model, in a world that has neither numba nor Polars."""

import asyncio
import subprocess
import sys

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mainspring.app.http.bare import build_model_service
from mainspring.app.http.model_metrics import ModelServerMetrics
from mainspring.engines.http.application import asgi_application
from mainspring.engines.local.inherited import WorkerPlace
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.http import Call
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.files import FileModels
from tests.unit.engines.onnx.test_scorer import row_means

TENSOR = {"name": "features", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4, 5, 6]}
ABSENT = ("deltalake", "lightgbm", "numba", "onnx", "polars", "scipy", "sklearn")


@pytest.fixture
def ask():
    """Sends one request to the server."""
    scorer = OnnxScorer(row_means())
    model = matrix_model("means", "abc", scorer, list("012"))
    service = build_model_service(FileModels({"means": lambda: model}), token="secret")
    app = asgi_application(service)

    def ask(method, path, body=None, token="secret"):
        async def send():
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://server"
            ) as client:
                return await client.request(
                    method, path, json=body, headers={"Authorization": f"Bearer {token}"}
                )

        return asyncio.run(send())

    return ask


def test_a_bare_model_answers_the_protocol(ask):
    answer = ask("POST", "/v2/models/means/infer", {"inputs": [TENSOR]}).json()
    assert (answer["model_name"], answer["outputs"][0]["data"]) == ("means", [2.0, 5.0])
    assert ask("GET", "/v2/models/means").json()["inputs"][0]["shape"] == [-1, 3]


def test_a_bare_model_needs_its_token(ask):
    assert ask("GET", "/v2/models/means", token="wrong").status_code == 401
    assert ask("GET", "/v2/health/live", token="wrong").status_code == 200


def test_a_bare_model_is_ready_and_no_other_is_there(ask):
    assert ask("GET", "/v2/models/means/ready").json() == {"name": "means", "ready": True}
    assert ask("GET", "/v2/models/medians").json()["code"] == "SRV-091"


def test_a_bare_model_refuses_what_does_not_fit(ask):
    answer = ask("POST", "/v2/models/means/infer", {"inputs": [TENSOR | {"shape": [1, 3]}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "SRV-007")


def samples_of(text):
    """The values of a scrape, by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_bare_server_says_what_it_has_answered():
    model = matrix_model("means", "abc", OnnxScorer(row_means()), list("012"))
    service = build_model_service(FileModels({"means": lambda: model}), token=None)
    path, answered = "/v2/models/means/infer", []

    async def send_all():
        transport = httpx.ASGITransport(asgi_application(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            for inputs in ([TENSOR], [TENSOR], []):
                answered.append(await client.post(path, json={"inputs": inputs}))
            answered.append(await client.get("/v2/models/medians"))
            return samples_of((await client.get("/metrics")).text)

    found, requests = asyncio.run(send_all()), "mainspring_requests_total"
    assert [each.status_code for each in answered] == [200, 200, 400, 404]
    assert found[requests, "/v2/models/{name}/infer", "200"] == 2
    assert found[requests, "/v2/models/{name}/infer", "400"] == 1
    assert found[requests, "/v2/models/{name}", "404"] == 1
    assert found["mainspring_predictions_total", "means", "abc"] == 4
    assert found["mainspring_predict_seconds_bucket", "means", "+Inf"] == 2
    assert found["mainspring_model_info", "means", "means abc", "current", "abc"] == 1
    assert found["mainspring_queue_depth", "means"] == 0
    assert found["mainspring_queue_limit",] == 256


def test_metrics_of_a_bare_server_need_its_token(ask):
    assert ask("GET", "/metrics", token="wrong").status_code == 401


def test_a_scrape_of_one_worker_of_a_bare_server_tells_of_all(tmp_path):
    model = matrix_model("means", "abc", OnnxScorer(row_means()), list("012"))
    first, second = (ModelServerMetrics(WorkerPlace(number, 2, tmp_path)) for number in (1, 2))
    for metrics in (first, second):
        models = FileModels({"means": lambda: model})
        service = build_model_service(models, token="secret", metrics=metrics)
        [index] = [each for each in service.routes if each.path == "/v2/repository/index"]
        index.handler(Call("POST", index.path, body=b"{}"))
        metrics.workers.write()
    found = samples_of(first.reply(Call("GET")).body.decode())
    route = "/v2/repository/index"
    assert [found["mainspring_requests_total", route, "200", worker] for worker in ("1", "2")] == [
        1,
        1,
    ]


def test_a_bare_server_loads_nothing_of_the_platform():
    program = (
        f"import sys; import mainspring.app.http.bare; print(sorted(set({ABSENT!r}) & "
        f"set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
