"""A server that stands still, dies or cannot start: the supervisor goes on answering for health."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from mainspring.app.cli.faults import EXIT_MISUSE
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.local.health import serving_health
from mainspring.engines.local.heartbeat import heartbeat_of
from mainspring.engines.local.supervisor import Supervisor, SupervisorLimits
from mainspring.ports.errors import PortTaken
from mainspring.ports.http import HttpService, Reply, Route
from tests.journeys.lateness import call

PATIENCE_S = 60
LIMITS = SupervisorLimits(deadline_s=2.0, start_s=PATIENCE_S, first_pause_s=0.01)
WORKER = """
import os, signal, sys, time
from mainspring.engines.local.heartbeat import heartbeat_of

beat, began = heartbeat_of(os.environ), "began" in os.listdir()
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(7))
signal.signal(signal.SIGINT, lambda *_: stopped.append(130))
open("began", "w").close()
with open("started", "a") as file:
    file.write(f"{os.getpid()} {sys.argv[1]}\\n")
while not stopped:
    beat(int(sys.argv[1]) or 4321)
    time.sleep(0.05)
    if not began:
        {fate}
sys.exit(stopped[0])
"""


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


class Supervised:
    """A supervisor in a thread of its own, and what its workers wrote down."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        command = [sys.executable, "-c", program]
        self.supervisor = Supervisor(lambda port: [*command, str(port)], port=0, limits=LIMITS)
        self.code: list[int] = []
        self._thread = threading.Thread(target=lambda: self.code.append(self.supervisor.run()))
        self._thread.start()

    def starts(self) -> list[list[str]]:
        """The process and the port of each worker."""
        path = self._folder / "started"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def join(self) -> int:
        """The exit code, once it has ended."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.code[0]


@contextlib.contextmanager
def supervised(folder: Path, fate: str = "pass") -> Iterator[Supervised]:
    """A worker whose first process meets its fate; all are stopped at the end."""
    with contextlib.chdir(folder):
        run = Supervised(folder, WORKER.replace("{fate}", fate))
        try:
            yield run
        finally:
            run.supervisor.stop()
            run.join()


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("time.sleep(3600)", "stood still and was killed"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "stood still and was killed"),
        ("os._exit(9)", "ended with exit code 9"),
        ("os.abort()", "was ended by SIGABRT"),
    ],
    ids=["sleeps", "is stopped", "ends", "aborts"],
)
def test_a_worker_that_does_not_turn_is_replaced_on_its_port(
    fate: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with supervised(tmp_path, fate) as run:
        wait_until(lambda: len(run.starts()) == 2 and run.supervisor.is_ready())
        (first, asked), (second, port) = run.starts()
        assert (asked, port, run.supervisor.health.restarts) == ("0", "4321", 1)
        assert first != second
        assert f"the server process {first} {said}; another one is started" in caplog.text
        with pytest.raises(ProcessLookupError):
            os.kill(int(first), 0)


def test_a_signal_is_passed_on_and_the_exit_code_is_the_workers(tmp_path: Path) -> None:
    with supervised(tmp_path) as run:
        wait_until(run.supervisor.is_ready)
        run.supervisor.stop(signal.SIGINT)
        assert run.join() == 130
    assert len(run.starts()) == 1


def test_a_worker_that_is_asked_to_end_has_time_for_it_and_is_not_ready(tmp_path: Path) -> None:
    # It ends a second after its loop stood still for longer than a worker may that goes on.
    program = WORKER.replace("{fate}", "pass") + "time.sleep(3)"
    program = program.replace("sys.exit(stopped[0])\n", "") + "\nsys.exit(7)"
    with contextlib.chdir(tmp_path):
        run = Supervised(tmp_path, program)
        wait_until(run.supervisor.is_ready)
        run.supervisor.stop()
        assert not run.supervisor.is_ready()
        assert run.join() == 7


def test_a_worker_that_cannot_start_ends_the_supervisor_with_its_code(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        assert Supervised(tmp_path, "raise SystemExit(2)").join() == 2


def test_a_worker_whose_supervisor_was_killed_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from mainspring.engines.local.supervisor import *;"
        "Supervisor(lambda port: [sys.executable, '-c', sys.argv[1], str(port)], port=0).run()"
    )
    command = [sys.executable, "-c", program, WORKER.replace("{fate}", "pass")]
    supervisor = subprocess.Popen(command, cwd=tmp_path)
    started = tmp_path / "started"
    wait_until(lambda: started.exists() and bool(started.read_text()))
    supervisor.kill()
    supervisor.wait()
    worker = int(started.read_text().split()[0])
    wait_until(lambda: not _is_alive(worker))


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def asked(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", path)
    return connection.getresponse().status


def test_health_is_answered_whatever_the_worker_does() -> None:
    ready = [True]
    with serving_health(0, lambda: (ready[0], {})) as port:
        assert [asked(port, path) for path in ("/healthz", "/readyz", "/x")] == [200, 200, 404]
        ready[0] = False
        assert [asked(port, path) for path in ("/healthz", "/readyz")] == [200, 503]


def test_half_open_connections_do_not_hold_health_up() -> None:
    with serving_health(0, lambda: (True, {})) as port, contextlib.ExitStack() as opened:
        for _ in range(63):
            half = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            half.sendall(b"GET /heal")
        assert asked(port, "/healthz") == 200


def test_a_port_of_health_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken):
        serving_health(taken.getsockname()[1], lambda: (True, {})).__enter__()


def refused(*_: object) -> NoReturn:
    """What a route without a permission never asks for."""
    raise AssertionError


def test_the_event_loop_of_a_server_beats_with_its_port() -> None:
    read, write = os.pipe()
    beat, stop, bound = heartbeat_of({"MAINSPRING_HEARTBEAT": str(write)}), threading.Event(), []
    route = Route("GET", "/healthz", None, lambda _: Reply(200, b"", "text/plain"))
    service = HttpService(routes=[route], authorise=refused, refuse=refused)
    server = UvicornServer(beat)
    thread = threading.Thread(
        target=server.serve,
        args=(service,),
        kwargs={"port": 0, "on_bound": bound.append, "stop": stop},
    )
    thread.start()
    try:
        assert os.read(read, 100).split()[0] == str(bound[0]).encode()
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        os.close(read)
        os.close(write)


def test_without_a_supervisor_nothing_beats() -> None:
    heartbeat_of({})(80)
    heartbeat_of({"MAINSPRING_HEARTBEAT": "no number"})(80)


@pytest.mark.parametrize(
    ("words", "is_said"),
    [
        (["--env", "staging"], True),
        (["--env", "staging", "--trust", "trust.toml"], True),
        (["--env", "staging", "--no-supervise"], False),
        ([], False),
        (["--supervise"], True),
    ],
)
def test_a_protected_environment_is_served_under_a_supervisor(
    words: list[str], is_said: bool, tmp_path: Path
) -> None:
    (tmp_path / "project.toml").write_text('name = "shop"\n')
    (tmp_path / "trust.toml").write_text("")
    # It cannot start, and that is what the supervisor ends with.
    answer = call(tmp_path, ["serve", *words, "--port", "0", "--as-of", "never"])
    assert answer.code == EXIT_MISUSE
    assert ("Under a supervisor" in answer.err) == is_said


def test_a_bare_model_under_a_supervisor_needs_a_token_that_outlives_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    words = ["serve-model", "model.onnx", "--health-port", "0"]
    assert call(tmp_path, words).code == EXIT_MISUSE
