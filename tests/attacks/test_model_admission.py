"""`serve-model` that is asked for more than it can answer: on both servers, over the wire."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from numpy.typing import NDArray

from mainspring.app.http.bare import build_model_service
from mainspring.interface.traffic import Samples, parse_samples
from mainspring.ports.deadline import present_deadline
from mainspring.ports.errors import DeadlinePassed
from mainspring.ports.placement import Placed
from mainspring.serving.admission import AdmissionLimits, CallerRate
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.files import FileModels
from tests.attacks.wire import PATIENCE_S, TOKEN, Answer, ask, request, running, until
from tests.unit.engines.onnx.test_scorer import row_means

TENSOR = {"name": "features", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}
BODY = json.dumps({"inputs": [TENSOR]}).encode()
INFER = "/v2/models/held/infer"
READY = ("/v2/health/ready", "/v2/models/held/ready")


class Held:
    """A scorer that answers once it is let go, or ends at its deadline as every scorer does."""

    feature_count, datatype, score_shape, placed = 1, "FP64", (-1,), Placed()

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        deadline = present_deadline()
        limit_s = deadline.at - monotonic() if deadline else PATIENCE_S
        if not self.let_go.wait(max(0.0, limit_s)):
            raise DeadlinePassed(limit_s=limit_s)
        return matrix[:, 0]


class Server:
    """Asks a server of one held model."""

    def __init__(self, port: int, scorer: Held) -> None:
        self.port, self.scorer = port, scorer

    def infer(self, model: str = "held", *headers: str) -> Answer:
        path = INFER.replace("held", model)
        return ask(self.port, request("POST", path, BODY, headers=("Host: localhost", *headers)))

    def get(self, path: str) -> Answer:
        return ask(self.port, request("GET", path))

    def metrics(self) -> Samples:
        return parse_samples(self.get("/metrics").body.decode())

    def value(self, name: str, **labels: str) -> float:
        """Of one sample; 0 where there is none."""
        return self.metrics().get(name, {}).get(frozenset(labels.items()), 0.0)


@contextmanager
def serving(kind: str, limits: AdmissionLimits) -> Iterator[Server]:
    scorer = Held()
    models = FileModels({"held": lambda: matrix_model("held", "1", scorer, ["x"])})
    service = build_model_service(models, token=TOKEN, limits=limits)
    with running(service, kind=kind) as port:
        try:
            yield Server(port, scorer)
        finally:
            scorer.let_go.set()


@pytest.fixture
def full(kind: str) -> Iterator[Server]:
    """A server whose queue of two is full."""
    with serving(kind, AdmissionLimits(queue=2)) as server, ThreadPoolExecutor(2) as pool:
        held = [pool.submit(server.infer) for _ in range(2)]
        until(lambda: server.value("mainspring_queue_depth", endpoint="held") == 2)
        yield server
        server.scorer.let_go.set()
        assert [each.result(PATIENCE_S).status for each in held] == [200, 200]
        until(lambda: server.value("mainspring_queue_depth", endpoint="held") == 0)
        assert server.infer().status == 200


def test_beyond_the_queue_a_request_is_told_to_come_again(full: Server) -> None:
    refused = full.infer()
    assert (refused.status, refused.code) == (503, "SRV-100")
    assert refused.headers["retry-after"] == "1"
    assert str(refused.problem["error"]).startswith("SRV-100 2 requests wait for held")


def test_readiness_is_off_while_requests_are_refused_and_on_again_after(full: Server) -> None:
    assert [full.get(path).status for path in READY] == [200, 200]
    assert full.infer().status == 503
    for path in READY:
        unready = full.get(path)
        assert (unready.status, unready.headers["retry-after"]) == (503, "1")
        assert json.loads(unready.body)["reason"].startswith("SRV-100 2 requests wait for held")
    assert [full.get(path).status for path in ("/healthz", "/v2/health/live")] == [200, 200]
    full.scorer.let_go.set()
    until(lambda: [full.get(path).status for path in READY] == [200, 200])


def test_what_can_wait_is_refused_without_a_word_to_readiness(full: Server) -> None:
    assert full.infer("held", "Mainspring-Priority: batch").code == "SRV-100"
    assert full.get(READY[0]).status == 200


def test_a_refusal_is_counted_with_its_reason(full: Server) -> None:
    full.infer()
    rejected, route = "mainspring_requests_rejected_total", "/v2/models/{name}/infer"
    assert full.value(rejected, endpoint="held", reason="queue") == 1
    assert full.value("mainspring_requests_total", route=route, status="503") == 1


def test_what_the_queue_is_not_for_is_answered_while_it_is_full(full: Server) -> None:
    assert full.get("/v2/models/held").status == 200
    assert full.infer("made-up").code == "SRV-091"


def test_who_asks_too_often_is_told_when_to_come_again(kind: str) -> None:
    with serving(kind, AdmissionLimits(rate=CallerRate(per_s=0.01, burst=2))) as server:
        server.scorer.let_go.set()
        assert [server.infer().status for _ in range(2)] == [200, 200]
        refused = server.infer()
        assert (refused.status, refused.code) == (429, "SRV-101")
        assert 90 <= int(refused.headers["retry-after"]) <= 100
        assert "error" in refused.problem
        assert server.get(READY[0]).status == 200
        assert server.value("mainspring_requests_rejected_total", endpoint="held", reason="rate")


def test_names_that_callers_make_up_are_no_metric(kind: str) -> None:
    with serving(kind, AdmissionLimits(rate=CallerRate(per_s=0.01, burst=1))) as server:
        server.scorer.let_go.set()
        assert [server.infer(f"made-up-{n}").status for n in range(3)] == [404, 429, 429]
        text = server.get("/metrics").body
        assert b"made-up" not in text
        assert server.value("mainspring_requests_rejected_total", endpoint="", reason="rate") == 2


@pytest.mark.parametrize("supervised", [[], ["--workers", "1"]], ids=["alone", "supervised"])
def test_the_options_of_the_command_are_the_limits(
    tmp_path: Path, kind: str, supervised: list[str]
) -> None:
    (tmp_path / "means.onnx").write_bytes(row_means())
    words = ["serve-model", "held=means.onnx", "--no-auth", "--server", kind]
    words += ["--queue", "7", "--requests-per-s", "0.01", "--burst", "2", *supervised]
    program = "from mainspring.app.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split("http://")[1].split("/")[0]
        server = Server(int(address.partition(":")[2]), Held())
        assert [server.infer().status for _ in range(3)] == [400, 400, 429]
        limits = server.metrics()["mainspring_queue_limit"]
        assert set(limits.values()) == {7.0}
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
