"""Several processes share the folding of a log; killed with -9 at random instants, they lose and
double nothing.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from mainspring.app.workspace import Workspace
from mainspring.features.state.stream import merge_runs
from tests.unit.serving.state.shops import applied, counted, sell, state_of, wait_until_folded

pytestmark = pytest.mark.crash

STREAMS, KILLS, BATCH = 3, 6, 40
LONGEST_LIFE_S, PAUSE_S = 0.4, 0.02


def started(folder: Path) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-c",
        "from mainspring.app.cli import main; main()",
        "stream",
        "--json",
        "--project",
        str(folder),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def until_it_holds_something(stream: "subprocess.Popen[str]") -> None:
    assert stream.stdout is not None
    while json.loads(stream.stdout.readline())["shards"] == 0:
        pass


@contextmanager
def selling(workspace: Workspace) -> Iterator[list[int]]:
    """Take sales in all the time; how many were acknowledged.  The pauses leave the processors to
    the streams, which start the sooner and have less to catch up on.
    """
    acknowledged, stop = [0], Event()

    def sell_on() -> None:
        while not stop.is_set():
            sell(workspace, acknowledged[0], BATCH)
            acknowledged[0] += BATCH
            stop.wait(PAUSE_S)

    thread = Thread(target=sell_on)
    thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        thread.join()


def test_streams_that_are_killed_and_replaced_make_the_rows_that_one_makes(tmp_path: Path) -> None:
    chance, workspace = random.Random("streams"), applied(tmp_path / "shops")
    streams = [started(tmp_path / "shops") for _ in range(STREAMS)]
    try:
        with selling(workspace) as acknowledged:
            for _ in range(KILLS):
                stream = streams.pop(chance.randrange(len(streams)))
                until_it_holds_something(stream)
                with suppress(subprocess.TimeoutExpired):
                    stream.wait(timeout=chance.uniform(0, LONGEST_LIFE_S))
                stream.kill()
                stream.communicate()
                assert stream.returncode == -9
                streams.append(started(tmp_path / "shops"))
        for stream in streams:
            until_it_holds_something(stream)
        wait_until_folded(workspace)
    finally:
        for stream in streams:
            stream.terminate()
            stream.communicate()
    assert [stream.returncode for stream in streams] == [0] * STREAMS
    assert counted(workspace) == acknowledged[0] > 0
    assert list(workspace.runtime.state.iter_documents("member")) == []
    told = trees_of(workspace)
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    workspace.streams.once()
    assert told == trees_of(workspace)


def trees_of(workspace: Workspace) -> list[tuple[object, object]]:
    """The rows of all shards once what was appended is in their trees, and how far each is."""
    for view in workspace.reader.views():
        merge_runs(view, online=workspace.runtime.online, now=workspace.runtime.data_clock.now())
    return [(each.rows, each.position.offsets) for each in state_of(workspace)]
