"""The folder of a workspace's state is removed, moved, replaced, made read-only or filled up under
a running server: it says so, acknowledges nothing that it does not keep, and goes on once it can.
"""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

import mainspring as ms
from mainspring.sources.topic import topic_of
from tests.copies import copied_tree
from tests.journeys.lateness import Server, make_project, serving, wait_until

pytestmark = pytest.mark.crash

PREDICT, PUSH = "/v1/endpoints/late/predict", "/v1/sources/sales/events"
READY = ("/v2/health/ready", "/v2/models/late/ready")
MOVED_AFTER_S = 0.5


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "shop")


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied_tree(applied, tmp_path / "shop")


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    with serving(project) as running:
        assert statuses(running) == [200, 200, 200, 200]
        yield running


def state_of(project: Path) -> Path:
    return project / ".mainspring"


def push(server: Server, name: str) -> tuple[int, dict[str, object]]:
    sale = {"sale": name, "shop": "a", "at": "2024-05-05T00:00:00Z", "amount": 1.0}
    status, told = server.ask(PUSH, {"rows": [sale]})
    return status, cast("dict[str, object]", told)


def predict(server: Server) -> tuple[int, dict[str, object]]:
    status, told = server.ask(PREDICT, {"rows": [{"shop": "a"}]})
    return status, cast("dict[str, object]", told)


def statuses(server: Server) -> list[int]:
    """Of both routes of readiness, a prediction and a push."""
    ready = [server.ask(path)[0] for path in READY]
    return [*ready, predict(server)[0], push(server, "first")[0]]


def assert_refused(server: Server, code: str, reason: str) -> None:
    """Neither ready nor writing, and each answer says why.

    A folder that is exchanged goes file by file, and a server may look in between.
    """
    wait_until(lambda: statuses(server) == [503, 503, 503, 503])
    assert server.ask("/healthz")[0] == 200
    wait_until(lambda: all(reason in json.dumps(server.ask(path)[1]) for path in READY))
    for _, told in (predict(server), push(server, "next")):
        assert told["code"] == code
        assert reason in str(told["detail"])


def test_a_removed_folder_is_not_written_to_and_does_not_come_back(
    project: Path, server: Server
) -> None:
    shutil.rmtree(state_of(project))
    assert_refused(server, "ENG-030", ".mainspring")
    assert not state_of(project).exists()


def facts_of(workspace: ms.Workspace, ids: list[str]) -> list[str]:
    """Those of the ids that sales have facts of."""
    return sorted(workspace.runtime.log.find(topic_of(workspace.source("sales").stream), ids))


def test_what_is_acknowledged_while_the_folder_goes_is_in_it(project: Path, server: Server) -> None:
    moved = project / "moved"
    acknowledged = list[str]()
    going = threading.Timer(MOVED_AFTER_S, lambda: state_of(project).rename(moved))
    going.start()
    while push(server, f"sale {len(acknowledged)}")[0] == 200:
        acknowledged.append(f"sale {len(acknowledged)}")
    going.join()
    moved.rename(state_of(project))
    assert acknowledged
    workspace = ms.Workspace.open(project)
    assert facts_of(workspace, acknowledged) == sorted(acknowledged)


def test_a_folder_that_is_moved_back_is_used_again(project: Path, server: Server) -> None:
    moved = state_of(project).rename(project / "moved")
    assert_refused(server, "ENG-030", "was removed or moved")
    moved.rename(state_of(project))
    wait_until(lambda: statuses(server) == [200, 200, 200, 200])


def test_a_folder_in_its_place_is_not_taken_for_it(project: Path, server: Server) -> None:
    copy = copied_tree(state_of(project), project / "copy")
    shutil.rmtree(state_of(project))
    copy.rename(state_of(project))
    assert_refused(server, "ENG-030", "was replaced by another")


@pytest.mark.parametrize("file", ["log.db", "log-inference.db", "state.db", "log.db-wal"])
def test_one_file_that_is_removed_is_missed(file: str, project: Path, server: Server) -> None:
    (state_of(project) / file).unlink()
    route: Callable[[], tuple[int, dict[str, object]]] = (
        (lambda: predict(server)) if "inference" in file else (lambda: push(server, "next"))
    )
    status, told = route()
    assert (status, told["code"]) == (503, "ENG-030")
    left = state_of(project) / file
    # SQLite begins a write-ahead log for whoever opens the file in this instant: an empty one.
    assert not left.exists() or (file.endswith("-wal") and not left.stat().st_size)


def mounted(folder: Path, *options: str) -> None:
    """Mount something on a folder, or skip the test where this user may not."""
    command = ["mount", *options, str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")


@pytest.fixture
def small_disk(project: Path, tmp_path: Path) -> Iterator[Path]:
    """The state folder on a disk of its own, with little room on it."""
    state = state_of(project)
    moved = state.rename(tmp_path / "moved")
    state.mkdir(mode=0o700)
    mounted(state, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
    try:
        copied_tree(moved, state, dirs_exist_ok=True)
        yield state
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    return filler


def test_a_full_disk_refuses_and_goes_on_once_there_is_room(
    small_disk: Path, project: Path
) -> None:
    with serving(project) as server:
        assert statuses(server) == [200, 200, 200, 200]
        filler = fill(small_disk)
        assert_refused(server, "ENG-001", "is full")
        filler.unlink()
        wait_until(lambda: statuses(server) == [200, 200, 200, 200])
        assert push(server, "after")[0] == 200
    assert facts_of(ms.Workspace.open(project), ["after", "next"]) == ["after"]


def test_a_read_only_disk_refuses_and_goes_on_once_it_can_be_written(
    project: Path, server: Server
) -> None:
    state = state_of(project)
    mounted(state, "--bind", str(state))
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(state)], check=True)
        assert_refused(server, "ENG-001", "read-only")
    finally:
        subprocess.run(["umount", str(state)], check=True)
    wait_until(lambda: statuses(server) == [200, 200, 200, 200])
