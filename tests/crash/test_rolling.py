"""Roll-outs under load, and a server that is killed in the middle of one."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from tests.called_server import COMMAND, post
from tests.crash.rolling import CANARY, declare, make_project, run, standing, wait_for

ROWS = [{"sale": f"s{number}", "bags": 1.0} for number in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with two models."""
    return make_project(tmp_path_factory.mktemp("rolling") / "shop")


def test_no_request_fails_while_revisions_come_and_go(folder: Path) -> None:
    callers = run(folder, 8)
    assert set(callers.statuses) == {200}
    assert all(len(versions) == 1 for versions in callers.versions.values())
    assert len(callers.versions) == 2


class KilledServer:
    """A server that is killed and started again at the same project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [COMMAND, "serve", "--port", "0", "--project", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._url = next(word for word in line.split() if word.startswith("http://"))
        self._token = (self._folder / ".mainspring" / "token").read_text().strip()

    def kill(self) -> None:
        """Kill it as it stands."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def revisions(self) -> set[str]:
        """The revisions that answer forty requests."""
        url = f"{self._url}/v1/endpoints/late/predict"
        answers = [post(url, self._token, {"rows": [row]}) for row in ROWS]
        return {answer["predictions"][0]["revision"] for answer in answers}


def decisions(folder: Path, candidate: str) -> list[str]:
    """What was decided about a candidate."""
    events = Workspace.open(folder).runtime.state.iter_events(kind="rollout.")
    return [
        recorded.event.kind
        for recorded in events
        if recorded.event.facts.get("candidate") == candidate
    ]


def test_a_server_that_is_killed_in_a_rollout_goes_on_with_its_shares(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "shop")
    server = KilledServer(folder)
    wait_for(folder, lambda found: found.stable != "" and found.processes == 1)
    changed = declare(folder, "second", CANARY)
    begun = wait_for(folder, lambda found: found.phase == "running")
    for _ in range(3):
        server.kill()
        server.start()
        again = standing(folder)
        assert (again.share, again.step, again.since) == (begun.share, begun.step, begun.since)
        assert server.revisions() == {begun.stable, begun.candidate}
    changed.rollouts.promote("late")
    wait_for(folder, lambda found: found.phase == "settled")
    server.kill()
    assert decisions(folder, begun.candidate) == ["rollout.started", "rollout.promoted"]
