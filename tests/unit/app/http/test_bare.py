"""A server of one bare model, in a world that has neither numba nor Polars."""

import asyncio
import subprocess
import sys

import httpx
import pytest

from mainspring.app.http.bare import build_model_service
from mainspring.engines.http.application import asgi_application
from mainspring.engines.onnx.scorer import OnnxScorer
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


def test_a_bare_server_loads_nothing_of_the_platform():
    program = (
        f"import sys; import mainspring.app.http.bare; print(sorted(set({ABSENT!r}) & "
        f"set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
