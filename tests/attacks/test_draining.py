"""A server that is asked to end answers whoever asked in time, and says to all others that it ends.

What each caller sent is compared with what they got: a request without an answer is one that may or
may not have been done.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.engines.http.drain import IDLE_S
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import HttpLimits
from tests.attacks.wire import PATIENCE_S, Answer, Wire, bare_service, request, running
from tests.unit.engines.onnx.test_scorer import row_means

CALLERS = 12
INFER = request(
    "POST",
    "/v2/models/model/infer",
    b'{"inputs": [{"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}]}',
    token="{token}",
)


@contextmanager
def model_server(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int, bytes]]:
    """`serve-model` in a process of its own: the process, its port and a request."""
    file, secret = folder / "model.onnx", folder / "token"
    file.write_bytes(row_means())
    program = "from mainspring.app.cli import main; main()"
    with subprocess.Popen(
        [
            *(sys.executable, "-c", program, "serve-model", str(file)),
            *("--port", "0", "--token-file", str(secret)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(2)]
            port = int(said[0].split("127.0.0.1:")[1].split("/")[0])
            yield process, port, INFER.replace(b"{token}", secret.read_bytes().strip())
        finally:
            process.kill()


def calls_until_told(port: int, payload: bytes) -> tuple[int, list[Answer]]:
    """Send the request on one connection again and again, until the server says that it ends: how
    often it was sent, and the answers.
    """
    wire, sent, answers = Wire(port), 0, list[Answer]()
    try:
        while True:
            wire.send(payload)
            sent += 1
            answer = wire.answer()
            if answer is None:
                return sent, answers
            answers.append(answer)
            if answer.headers.get("connection") == "close":
                return sent, answers
    finally:
        wire.close()


def test_a_signal_under_load_loses_no_request(tmp_path: Path) -> None:
    with model_server(tmp_path) as (process, port, payload), ThreadPoolExecutor(CALLERS) as pool:
        calling = [pool.submit(calls_until_told, port, payload) for _ in range(CALLERS)]
        # Kept open, and silent until the signal has come.
        kept = Wire(port).send(payload)
        first = kept.answer()
        threading.Event().wait(0.3)
        process.send_signal(signal.SIGTERM)
        late = kept.send(payload).answer()
        for each in calling:
            sent, answers = each.result(PATIENCE_S)
            assert sent == len(answers)
            assert {answer.status for answer in answers} == {200}
        assert process.wait(PATIENCE_S) == 0
    assert first is not None
    assert late is not None
    assert (first.status, late.status) == (200, 200)
    kept.close()


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.12, 0.2, 0.3])
def test_a_request_on_a_kept_connection_after_the_signal_is_answered_as_its_last(
    kind: str,
    delay_s: float,
) -> None:
    stop = threading.Event()
    with running(bare_service(HttpLimits()), stop, kind=kind) as port:
        wire = Wire(port).send(request("GET", "/healthz"))
        assert wire.answer() is not None
        stop.set()
        threading.Event().wait(0.15 + delay_s)  # it looks for the event ten times a second
        answer = wire.send(request("GET", "/healthz")).answer()
        assert answer is not None
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.ends()
        wire.close()


def test_a_request_that_is_still_being_sent_is_waited_for(kind: str) -> None:
    stop = threading.Event()
    with running(bare_service(HttpLimits()), stop, kind=kind) as port:
        whole = request("GET", "/v2/models/means")
        wires = [Wire(port).send(whole[:part]) for part in (1, 20, len(whole) - 1)]
        body = request("POST", "/v2/models/means/infer", b"{}  ")
        half = Wire(port).send(body[:-2])
        stop.set()
        threading.Event().wait(1.0)
        for wire, part in zip(wires, (1, 20, len(whole) - 1), strict=True):
            answer = wire.send(whole[part:]).answer()
            assert answer is not None
            assert answer.status == 200
            wire.close()
        answer = half.send(body[-2:]).answer()
        assert answer is not None
        assert answer.status == 400
        half.close()


def test_what_is_under_way_is_answered_and_idle_connections_hold_up_nothing(kind: str) -> None:
    stop, entered, let_go = threading.Event(), threading.Event(), threading.Event()

    def wait(_: Call) -> Reply:
        entered.set()
        return json_reply(let_go.wait(PATIENCE_S))

    service = bare_service(HttpLimits(), [Route("GET", "/held", "read", wait, blocks=True)])
    with running(service, stop, kind=kind) as port:
        silent = [Wire(port) for _ in range(5)]
        wire = Wire(port).send(request("GET", "/held"))
        assert entered.wait(PATIENCE_S)
        stop.set()
        for each in silent:
            assert each.ends()
            each.close()
        let_go.set()
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 200
        wire.close()


def test_an_answer_that_is_read_slowly_is_sent_to_its_end(kind: str) -> None:
    stop, asked = threading.Event(), threading.Event()

    def answer(_: Call) -> Reply:
        asked.set()
        assert service.draining.wait(PATIENCE_S)
        return Reply(200, bytes(20_000_000))

    service = bare_service(HttpLimits(), [Route("GET", "/large", "read", answer, blocks=True)])
    with running(service, stop, kind=kind) as port:
        wire = Wire(port).send(request("GET", "/large"))
        assert asked.wait(PATIENCE_S)
        stop.set()
        threading.Event().wait(IDLE_S + 1.0)
        answered = wire.answer()
        assert answered is not None
        assert (answered.status, len(answered.body)) == (200, 20_000_000)
        wire.close()


def test_a_server_that_ends_is_live_and_no_longer_ready(kind: str) -> None:
    stop, paths = threading.Event(), ("/v2/health/ready", "/v2/models/means/ready")
    service = bare_service(HttpLimits())
    with running(service, stop, kind=kind) as port:
        asked = [*paths, "/healthz", "/v2/health/live", "/v2/models/means"]
        wires = [Wire(port).send(request("GET", path)) for path in asked]
        assert [answer.status for wire in wires if (answer := wire.answer())] == [200] * 5
        stop.set()
        assert service.draining.wait(PATIENCE_S)
        for wire, path in zip(wires, asked, strict=True):
            answer = wire.send(request("GET", path)).answer()
            assert answer is not None
            assert answer.status == (503 if path in paths else 200)
            assert answer.headers["connection"] == "close"
            assert (b"SRV-051" in answer.body) == (path in paths)
            wire.close()
