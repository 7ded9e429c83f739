"""Work that takes for ever: the caller is told, scoring is ended, and a process whose thread does
not come back is replaced; all others are answered meanwhile.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from mainspring.app.http.bare import build_model_service
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.local.supervisor import Supervisor, SupervisorLimits
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.deadline import working_at_most
from mainspring.ports.errors import DeadlinePassed
from mainspring.ports.http import Call, HttpService, Reply, Route, json_reply
from mainspring.ports.limits import HttpLimits
from tests.attacks.wire import (
    PATIENCE_S,
    TOKEN,
    Wire,
    ask,
    bare_service,
    request,
    running,
    served_scorer,
    until,
)
from tests.unit.engines.onnx.test_scorer import AXIS, ROWS, model_of, row_means

SIDE, OPERATORS = 400, 4_000
LIMITS = HttpLimits(loop_s=0.02, work_s=0.3, queue_s=0.3)
INFER = request(
    "POST",
    "/v2/models/endless/infer",
    b'{"inputs": [{"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}]}',
)


def endless() -> bytes:
    """A model of a few kilobytes that passes the scan, and computes for minutes: a column times a
    row is a square, and that times itself thousands of times.
    """
    wide = helper.make_tensor("wide", TensorProto.DOUBLE, [3, SIDE], np.full(3 * SIDE, 1e-9))
    nodes = [
        helper.make_node("MatMul", ["X", "wide"], ["row"]),
        helper.make_node("Transpose", ["row"], ["column"]),
        helper.make_node("MatMul", ["column", "row"], ["s0"]),
        *(
            helper.make_node("MatMul", [f"s{step}", "s0"], [f"s{step + 1}"])
            for step in range(OPERATORS)
        ),
        helper.make_node("ReduceMean", [f"s{OPERATORS}", "axis"], ["value"]),
    ]
    return model_of(nodes, {"value": ["rows", 1]}, constants=[wide, AXIS])


@pytest.fixture(scope="module")
def scorer() -> OnnxScorer:
    return OnnxScorer(endless())


@pytest.fixture(scope="module")
def served(kind: str, scorer: OnnxScorer) -> Iterator[int]:
    """The port of a server of the endless model."""
    service = build_model_service(served_scorer("endless", scorer), token=TOKEN)
    with running(replace(service, limits=LIMITS), kind=kind) as port:
        yield port


def test_scoring_ends_at_the_deadline(scorer: OnnxScorer) -> None:
    for _ in range(2):
        with working_at_most(0.05), pytest.raises(DeadlinePassed) as passed:
            scorer.predict(ROWS[:1])
        assert (passed.value.code, passed.value.limit_s) == ("SRV-048", 0.05)


def test_a_deadline_that_is_not_reached_changes_no_score() -> None:
    quick = OnnxScorer(row_means())
    with working_at_most(PATIENCE_S):
        assert quick.predict(ROWS).tobytes() == OnnxScorer(row_means()).predict(ROWS).tobytes()


def test_one_run_that_is_ended_ends_no_other(scorer: OnnxScorer) -> None:
    def score(limit_s: float) -> bool:
        with working_at_most(limit_s):
            try:
                scorer.predict(ROWS[:1])
            except DeadlinePassed as passed:
                return passed.limit_s == limit_s
        return False

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(score, [0.05, 0.3, 0.1]))


def test_a_model_that_takes_for_ever_is_refused_and_others_are_answered(served: int) -> None:
    asking = Wire(served).send(INFER)
    for _ in range(3):
        assert ask(served, request("GET", "/healthz")).status == 200
    answer = asking.answer()
    assert answer is not None
    assert (answer.status, answer.code) == (504, "SRV-048")
    assert "retry-after" not in answer.headers
    asking.close()


def test_threads_come_back_from_a_model_that_takes_for_ever(served: int) -> None:
    wires = [Wire(served).send(INFER) for _ in range(3)]
    assert {answer.code for wire in wires if (answer := wire.answer())} <= {"SRV-048", "SRV-045"}
    for wire in wires:
        wire.close()
    assert ask(served, INFER).code == "SRV-048"


class Held:
    """A route whose handler returns when it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Semaphore(0), threading.Event()

    def handler(self, _: Call) -> Reply:
        """Wait."""
        self.entered.release()
        return json_reply(self.let_go.wait(PATIENCE_S))

    def service(self, limits: HttpLimits) -> HttpService:
        """The route, beside another in whose place nobody waits."""
        route = Route("POST", "/held", "read", self.handler, blocks=True, alone=True)
        return bare_service(limits, [route])


def test_work_that_cannot_be_ended_keeps_its_turn_and_its_bytes(kind: str) -> None:
    held, payload = Held(), request("POST", "/held", b"x" * 600)
    limits = replace(LIMITS, work_s=0.1, all_bodies_bytes=1_000)
    with running(held.service(limits), kind=kind) as port:
        assert ask(port, payload).code == "SRV-048"
        # Alone: it waits for its turn, and its body has no room beside the first.
        assert ask(port, request("POST", "/held", b"x")).code == "SRV-045"
        assert ask(port, payload).code == "SRV-045"
        assert held.entered.acquire(timeout=PATIENCE_S)
        assert not held.entered.acquire(blocking=False)
        held.let_go.set()
        until(lambda: ask(port, payload).status == 200)


def is_quiet(beats: list[int]) -> bool:
    """Whether none comes while an event loop turns five times."""
    before = len(beats)
    threading.Event().wait(0.5)
    return len(beats) == before


def test_the_heart_stops_while_a_thread_does_not_come_back() -> None:
    held, beats, stop, bound = Held(), list[int](), threading.Event(), list[int]()
    limits = replace(LIMITS, work_s=0.1, stuck_s=0.5)
    server = threading.Thread(
        target=UvicornServer(beats.append).serve,
        args=(held.service(limits),),
        kwargs={"port": 0, "on_bound": bound.append, "stop": stop},
    )
    server.start()
    try:
        until(lambda: len(beats) > 1)
        assert ask(bound[0], request("POST", "/held", b"x")).code == "SRV-048"
        until(lambda: is_quiet(beats))
        assert ask(bound[0], request("GET", "/healthz")).status == 200
        assert is_quiet(beats)
        before = len(beats)
        held.let_go.set()
        until(lambda: len(beats) > before)
    finally:
        held.let_go.set()
        stop.set()
        server.join(PATIENCE_S)


STUCK = """
import os, sys, time
from pathlib import Path
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.local.heartbeat import heartbeat_of
from mainspring.ports.http import HttpService, Route, json_reply
from mainspring.ports.limits import HttpLimits

route = Route("GET", "/stuck", None, lambda _: time.sleep(3600), blocks=True)
service = HttpService(
    routes=[route, Route("GET", "/me", None, lambda _: json_reply(os.getpid()))],
    authorise=None,
    refuse=lambda call, error: json_reply(error.code, 504),
    limits=HttpLimits(work_s=0.1, stuck_s=0.5),
)
print("ready", flush=True)
UvicornServer(heartbeat_of(os.environ)).serve(
    service, port=int(sys.argv[1]), on_bound=lambda port: print(port, flush=True)
)
"""


def test_a_process_whose_thread_does_not_come_back_is_replaced() -> None:
    limits = SupervisorLimits(deadline_s=1.0, start_s=PATIENCE_S, first_pause_s=0.01)
    supervisor = Supervisor(
        lambda port: [sys.executable, "-c", STUCK, str(port)], port=0, limits=limits
    )
    supervising = threading.Thread(target=supervisor.run)
    supervising.start()
    try:
        until(supervisor.is_ready)
        port = supervisor.health.port
        first = ask(port, request("GET", "/me")).body
        assert json.loads(ask(port, request("GET", "/stuck")).body) == "SRV-048"
        until(lambda: supervisor.health.restarts == 1 and supervisor.is_ready())
        assert ask(port, request("GET", "/me")).body != first
        # It is asked to end while a thread is stuck again, and nobody waits for that.
        assert json.loads(ask(port, request("GET", "/stuck")).body) == "SRV-048"
    finally:
        supervisor.stop()
        supervising.join(PATIENCE_S)
    assert not supervising.is_alive()


def test_a_process_does_not_wait_for_a_thread_that_does_not_come_back() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK, "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        port = int(process.stdout.readline())
        assert json.loads(ask(port, request("GET", "/stuck")).body) == "SRV-048"
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@contextmanager
def supervised_model(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """`serve-model` under a supervisor: the process, its port of health, and that of the model."""
    (folder / "model.onnx").write_bytes(row_means())
    program = "from mainspring.app.cli import main; main()"
    words = ["serve-model", "model.onnx", "--port", "0", "--token-file", "token"]
    command = [sys.executable, "-c", program, *words, "--health-port", "0"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            health = int(process.stderr.readline().split("127.0.0.1:")[1].split("/")[0])
            port = int(process.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
            yield process, health, port
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_a_bare_model_is_served_under_a_supervisor_with_one_token(tmp_path: Path) -> None:
    with supervised_model(tmp_path) as (process, health, port):
        secret = (tmp_path / "token").read_text().strip()
        metadata = request("GET", "/v2/models/model", token=secret)
        assert ask(port, metadata).status == 200
        until(lambda: ask(health, request("GET", "/readyz")).status == 200)
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        [worker] = [child for task in tasks for child in task.read_text().split()]
        os.kill(int(worker), signal.SIGKILL)
        until(lambda: json.loads(ask(health, request("GET", "/readyz")).body)["restarts"] == 1)
        until(lambda: ask(health, request("GET", "/readyz")).status == 200)
        assert ask(port, metadata).status == 200
    assert process.returncode == 0
