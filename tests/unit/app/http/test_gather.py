"""Requests for a model on a GPU, gathered by a whole server of either kind."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from mainspring.app.http.bare import build_model_service
from mainspring.engines.http.native.server import NativeServer
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.placement import Placed
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.files import FileModels
from tests.unit.serving.conftest import Adder

PATIENCE_S = 30
WAIT_S = 10.0


class OnGpu(Adder):
    """A scorer that says that it is on a GPU, and notes how many rows it is given."""

    placed = Placed(provider="cuda", declared="cuda")

    def __init__(self) -> None:
        super().__init__(2)
        self.runs: list[int] = []

    def predict(self, matrix):
        self.runs.append(len(matrix))
        return super().predict(matrix)


@pytest.fixture
def scorer() -> OnGpu:
    return OnGpu()


@pytest.fixture(params=[NativeServer, UvicornServer])
def port(request: pytest.FixtureRequest, scorer: OnGpu) -> Iterator[int]:
    model = matrix_model("sum", "1", scorer, ["a", "b"])
    service = build_model_service(FileModels({"sum": lambda: model}), token=None, gather_s=WAIT_S)
    ports, stop = SimpleQueue[int](), threading.Event()
    bound = {"port": 0, "on_bound": ports.put, "stop": stop}
    thread = threading.Thread(target=request.param().serve, args=(service,), kwargs=bound)
    thread.start()
    try:
        yield ports.get(timeout=PATIENCE_S)
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def inferred(port: int, first: int, rows: int) -> list[float]:
    """The sums of rows that count up from a number."""
    data = [[first + row, 1] for row in range(rows)]
    tensor = {"name": "features", "shape": [rows, 2], "datatype": "FP64", "data": data}
    url = f"http://127.0.0.1:{port}/v2/models/sum/infer"
    body = json.dumps({"inputs": [tensor]}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=PATIENCE_S) as answer:
        return json.load(answer)["outputs"][0]["data"]


def test_requests_that_wait_for_each_other_are_one_run(port: int, scorer: OnGpu) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(inferred, port, 100 * number, 16) for number in range(4)]
        found = [each.result(PATIENCE_S) for each in asked]

    assert scorer.runs == [64]
    assert found == [[100 * number + row + 1.0 for row in range(16)] for number in range(4)]
