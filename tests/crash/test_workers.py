"""Workers behind one port, under load: who is killed loses what it was at, who is asked to end
loses nothing.
"""

import http.client
import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.engines.local.supervisor import SupervisorLimits
from mainspring.engines.local.worker_group import WorkerGroup
from mainspring.interface.traffic import parse_samples
from mainspring.ports.errors import LeaseHeld, PortTaken
from tests.attacks.wire import ask, request, shop_project, until
from tests.unit.engines.onnx.test_scorer import row_means

PATIENCE_S = 60.0
CLIENTS, WORKERS = 8, 2
ACCESS_LOG = "access.log"
LIMITS = SupervisorLimits(start_s=PATIENCE_S, first_pause_s=0.01)
TOKEN = "a-token-that-all-workers-read-from-a-file"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


class Clients:
    """Callers that ask one request after the other, each on a connection that it keeps as long as
    the server does.

    Args:
        answers: by status; `lost` for a request without an answer, `refused` for a connection that
            there was none to.
    """

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self._body = _body_for(port)
        self.lost_by = Counter[int]()
        self.answers = Counter[str]()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def wait_for(self, count: int) -> None:
        """Return when so many more are answered."""
        wanted = self.answers["200"] + count
        until(lambda: self.answers["200"] >= wanted)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        while not self._stop.is_set():
            answer = self._asked(connection)
            with self._lock:
                self.answers[answer] += 1
                self.lost_by[number] += answer == "lost"
            if answer == "refused":
                self._stop.wait(0.01)
        connection.close()

    def _asked(self, connection: http.client.HTTPConnection) -> str:
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            return "refused"
        try:
            connection.request("POST", "/v2/models/means/infer", self._body, HEADERS)
            response = connection.getresponse()
            response.read()
        except (ConnectionError, http.client.HTTPException):
            connection.close()
            return "lost"
        return str(response.status)


@contextmanager
def group_of(
    command: Callable[[int], list[str]], *, count: int = WORKERS
) -> Iterator[tuple[WorkerGroup, Callable[[], int]]]:
    """A group that runs in a thread, and what waits for its exit code; it ends with the block."""
    group, codes = WorkerGroup(command, count=count, port=0, limits=LIMITS), list[int]()
    thread = threading.Thread(target=lambda: codes.append(group.run()))

    def joined() -> int:
        thread.join(PATIENCE_S)
        return codes[0]

    thread.start()
    try:
        yield group, joined
    finally:
        group.stop()
        joined()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[WorkerGroup, Callable[[], int]]]:
    """Two workers that serve one model, ready."""
    model, token = tmp_path / "means.onnx", tmp_path / "token"
    model.write_bytes(row_means())
    token.touch(0o600)
    token.write_text(TOKEN)
    main = "from mainspring.app.cli import main; main()"
    words = ["serve-model", str(model), "--name", "means", "--token-file", str(token)]
    words += ["--access-log", str(tmp_path / ACCESS_LOG), "--port"]
    with group_of(lambda port: [sys.executable, "-c", main, *words, str(port)]) as run:
        until(lambda: list(run[0].health.workers) == [True] * WORKERS)
        yield run


Served = tuple[WorkerGroup, Callable[[], int]]


def test_a_killed_worker_loses_what_it_was_at_and_is_replaced(served: Served) -> None:
    group, _ = served
    with Clients(group.port) as clients:
        clients.wait_for(200)
        killed = group.health.processes[0]
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(lambda: group.health.restarts == 1 and all(group.health.workers))
        clients.wait_for(200)
    assert set(clients.answers) <= {"200", "lost"}
    assert max(clients.lost_by.values()) <= 1
    assert killed not in group.health.processes


def test_workers_that_are_replaced_on_demand_lose_nothing(served: Served) -> None:
    group, _ = served
    before = set(group.health.processes)
    with Clients(group.port) as clients:
        clients.wait_for(200)
        group.replace()
        until(lambda: group.health.replaced == WORKERS and all(group.health.workers))
        until(lambda: not any(_is_alive(process) for process in before if process))
        clients.wait_for(200)
    assert set(clients.answers) == {"200"}
    assert before.isdisjoint(group.health.processes)
    assert group.health.restarts == 0


def test_a_worker_that_is_asked_to_end_by_itself_loses_nothing(served: Served) -> None:
    group, _ = served
    with Clients(group.port) as clients:
        clients.wait_for(200)
        process = group.health.processes[1]
        assert process is not None
        os.kill(process, signal.SIGTERM)
        until(lambda: group.health.restarts == 1 and all(group.health.workers))
        clients.wait_for(200)
    assert set(clients.answers) == {"200"}


def test_all_that_was_read_is_answered_when_the_group_ends(served: Served) -> None:
    group, joined = served
    with Clients(group.port) as clients:
        clients.wait_for(200)
        group.stop()
        assert joined() == 0
    assert set(clients.answers) <= {"200", "refused"}


def test_a_scrape_of_any_worker_has_the_counts_of_all(served: Served) -> None:
    group, _ = served
    with Clients(group.port) as clients:
        clients.wait_for(200)
    answered = clients.answers["200"]
    labels = frozenset({("endpoint", "means")})

    def counted() -> float:
        scrape = ask(group.port, request("GET", "/metrics", token=TOKEN)).body.decode()
        return parse_samples(scrape)["mainspring_predict_seconds_count"][labels]

    until(lambda: counted() == answered)


def test_the_access_log_has_each_answer_of_every_worker_once(
    served: Served, tmp_path: Path
) -> None:
    group, joined = served
    with Clients(group.port) as clients:
        clients.wait_for(100)
        group.replace()
        until(lambda: group.health.replaced == WORKERS and all(group.health.workers))
        clients.wait_for(100)
    group.stop()
    assert joined() == 0
    lines = [json.loads(line) for line in (tmp_path / ACCESS_LOG).read_text().splitlines()]
    inferred = [line for line in lines if line["path"] == "/v2/models/means/infer"]
    assert len(inferred) == clients.answers["200"]
    assert {line["worker"] for line in inferred} == {1, 2}
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert not any("dropped" in line for line in lines)


def test_a_port_that_others_share_already_is_taken(served: Served) -> None:
    with pytest.raises(PortTaken):
        WorkerGroup(lambda _: [], count=1, port=served[0].port)


def test_a_group_whose_worker_cannot_start_ends_with_its_code() -> None:
    with group_of(lambda _: [sys.executable, "-c", "raise SystemExit(2)"]) as (_, joined):
        assert joined() == 2


@pytest.fixture
def environment() -> Iterator[WorkerGroup]:
    """Two workers that serve the environment of a project, ready."""
    main = "from mainspring.app.cli import main; main()"
    words = ["serve", "--no-supervise", "--project", str(shop_project()), "--port"]
    with group_of(lambda port: [sys.executable, "-c", main, *words, str(port)]) as (group, _):
        until(lambda: list(group.health.workers) == [True] * WORKERS)
        yield group


def test_workers_of_an_environment_answer_alike_and_count_together(
    environment: WorkerGroup,
) -> None:
    port, asked = environment.port, 40
    token = (shop_project() / ".mainspring" / "token").read_text().strip()
    predict = request("POST", "/v1/endpoints/late/predict", b'{"rows":[{"shop":"a"}]}', token=token)
    answers = [ask(port, predict) for _ in range(asked)]
    assert {answer.status for answer in answers} == {200}
    versions = {json.loads(answer.body)["predictions"][0]["version"] for answer in answers}
    assert len(versions) == 1
    scrape = request("GET", "/metrics", token=token)

    def predicted() -> dict[str, float]:
        found = re.findall(
            rb'mainspring_predictions_total{.*worker="(\d)".*} (.*)', ask(port, scrape).body
        )
        return {worker.decode(): float(count) for worker, count in found}

    until(lambda: sum(predicted().values()) == asked and set(predicted()) == {"1", "2"})


def test_one_worker_of_an_environment_does_what_only_one_should(environment: WorkerGroup) -> None:
    state = Workspace.open(shop_project()).runtime.state

    def leader() -> str:
        try:
            state.release(state.acquire("background/dev", "test", ttl=1))
        except LeaseHeld as error:
            return error.holder
        return ""

    # Workers answer before the first of them takes the lease.
    until(lambda: leader().startswith("server"))
    killed = int(leader().removeprefix("server "))
    place = environment.health.processes.index(killed)
    os.kill(killed, signal.SIGKILL)
    until(lambda: environment.health.restarts == 1)
    until(lambda: leader().startswith("server"))
    until(lambda: environment.health.workers[place])


def _body_for(port: int) -> str:
    """A request for one row, with the input by its name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", "/v2/models/means", headers=HEADERS)
    [described] = json.loads(connection.getresponse().read())["inputs"]
    connection.close()
    data = {**described, "shape": [1, 3], "data": [1.0, 2.0, 3.0]}
    return json.dumps({"inputs": [data]})


def _is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
