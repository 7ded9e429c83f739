"""A new view on an old log: history and the live tail join without a gap and without a double,
whatever happens on the way.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from mainspring.app.workspace import Workspace
from mainspring.features.state.replicate import forget_snapshot
from tests.topics import facts_topic
from tests.unit.serving.state.shops import (
    PROJECT,
    applied,
    counted,
    running,
    sell,
    state_of,
    wait_until_folded,
    write_project,
)

ONE_VIEW = PROJECT[: PROJECT.index("newest")]
OLD = 20_000


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project of one view, with many sales in its log."""
    opened = applied(tmp_path / "shops", text=ONE_VIEW)
    for first in range(0, OLD, 5_000):
        sell(opened, first, 5_000)
    return opened


def anew(workspace: Workspace) -> list[tuple[object, object]]:
    """Rows and offsets of state that was dropped and folded again from the log."""
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    workspace.streams.once()
    return told(workspace)


def told(workspace: Workspace) -> list[tuple[object, object]]:
    """Rows and offsets of all partitions of both views."""
    return [
        (state.rows, state.position.offsets) for state in state_of(workspace) if state is not None
    ]


def test_a_view_is_built_while_sales_keep_coming_and_the_old_view_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    sold, stop = [OLD], Event()

    def sell_on() -> None:
        while not stop.is_set():
            sell(workspace, sold[0], 50)
            sold[0] += 50

    selling = Thread(target=sell_on)
    with running(workspace.streams.consumer()):
        selling.start()
        later = applied(tmp_path / "shops")
        stop.set()
        selling.join()
        wait_until_folded(later)
    assert counted(later) == sold[0] > OLD
    assert told(later) == anew(later)


def test_a_build_that_was_killed_on_its_way_goes_on_where_it_stopped(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_project(tmp_path / "shops")
    command = [
        sys.executable,
        "-c",
        "from mainspring.app.cli import main; main()",
        "apply",
        "--project",
        str(tmp_path / "shops"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as applying:
        while applying.poll() is None and not any(
            shard.startswith("newest@") for shard in workspace.runtime.online.shards()
        ):
            with suppress(subprocess.TimeoutExpired):
                applying.wait(timeout=0.001)
        applying.kill()
    sell(workspace, OLD, 100)
    later = applied(tmp_path / "shops")
    later.streams.once()
    assert counted(later) == OLD + 100
    assert told(later) == anew(later)


def test_a_view_on_a_trimmed_log_begins_with_the_table(
    workspace: Workspace, tmp_path: Path
) -> None:
    whole = applied(tmp_path / "shops")
    whole.streams.once()
    expected = told(whole)
    workspace.ingest("sales", [])
    assert workspace.runtime.log.trim(facts_topic(workspace, "sales"), 15_000) == 15_000
    assert anew(whole) == expected


def test_a_snapshot_and_the_tail_are_the_whole_log(workspace: Workspace, tmp_path: Path) -> None:
    whole = applied(tmp_path / "shops")
    whole.streams.once(takes_snapshots=True)
    sell(whole, OLD, 1_000)
    restored = anew(whole)
    for shard in whole.runtime.online.shards():
        forget_snapshot(shard, whole.runtime.state)
    assert restored == anew(whole)
