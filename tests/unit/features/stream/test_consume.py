"""The log is folded continuously, by one process or several, and a read sees what came."""

import logging
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY, SECOND
from mainspring.features.state.replicate import SNAPSHOT
from mainspring.features.state.stream import shards_of
from mainspring.features.stream.meter import StreamReport
from mainspring.registry.errors import UnknownAsset
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


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return applied(tmp_path / "shops")


def test_what_is_pushed_is_read_a_moment_later(workspace: Workspace) -> None:
    with running(workspace.streams.consumer()):
        for batch in range(3):
            sell(workspace, 50 * batch, 50)
            wait_until_folded(workspace)
            assert counted(workspace) == 50 * (batch + 1)


def test_several_consumers_make_the_rows_that_one_makes(
    workspace: Workspace, tmp_path: Path
) -> None:
    with running(*(workspace.streams.consumer() for _ in range(3))):
        for batch in range(10):
            sell(workspace, 30 * batch, 30)
        wait_until_folded(workspace)
    told = state_of(workspace)
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    workspace.streams.once()
    assert [each.rows for each in told] == [each.rows for each in state_of(workspace)]
    assert [each.position.offsets for each in told] == [
        each.position.offsets for each in state_of(workspace)
    ]


def test_a_consumer_that_ends_gives_back_what_it_held(workspace: Workspace) -> None:
    with running(workspace.streams.consumer()):
        sell(workspace, 0, 10)
        wait_until_folded(workspace)
    assert list(workspace.runtime.state.iter_documents("member")) == []
    sell(workspace, 10, 10)
    with running(workspace.streams.consumer()):
        wait_until_folded(workspace)


def test_one_view_may_be_folded_alone(workspace: Workspace) -> None:
    sell(workspace, 0, 20)
    with running(workspace.streams.consumer(["newest"])):
        wait_until_folded(workspace, "newest")
    assert {
        state.position.offset(facts_topic(workspace, "sales"))
        for state in state_of(workspace, "takings")
    } == {0}
    with pytest.raises(UnknownAsset, match="newest, takings"):
        workspace.streams.consumer(["oldest"])


def test_a_view_that_is_applied_while_a_consumer_runs_is_folded_by_it(tmp_path: Path) -> None:
    both = PROJECT
    first = applied(tmp_path / "shops", text=both[: both.index("newest")])
    with running(first.streams.consumer()):
        sell(first, 0, 30)
        later = applied(tmp_path / "shops", text=both)
        sell(first, 30, 30)
        wait_until_folded(later)
    assert counted(later) == 60


def test_each_second_says_how_it_goes(workspace: Workspace) -> None:
    told: list[StreamReport] = []
    began = workspace.runtime.clock.now()
    with running(workspace.streams.consumer(on_report=told.append)):
        sell(workspace, 0, 100)
        wait_until_folded(workspace)
        while not any(report.shards == 14 for report in told):
            assert len(told) < 20
    # Each is of one second at least, and of no more than lies between it and the one before.
    assert sum(report.events_per_s for report in told) <= 101
    lengths = [after - before for before, after in pairwise([began, *(each.at for each in told)])]
    events = sum(
        report.events_per_s * length / SECOND for report, length in zip(told, lengths, strict=True)
    )
    assert events >= 99
    assert (told[-1].lag_records, told[-1].of, told[-1].members) == (0, 14, 1)


def test_a_store_that_lost_its_rows_begins_with_snapshots(workspace: Workspace) -> None:
    sell(workspace, 0, 200)
    report = workspace.streams.once(takes_snapshots=True)
    assert (report.shards, report.lag_records) == (14, 0)
    before = state_of(workspace)
    sell(workspace, 200, 50)
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    workspace.runtime.log.trim(facts_topic(workspace, "sales"), 200)
    with running(workspace.streams.consumer()):
        wait_until_folded(workspace)
    assert counted(workspace) == 250
    assert [each.position.kept_from for each in state_of(workspace)] == [
        each.position.kept_from for each in before
    ]


def test_a_consumer_that_takes_snapshots_takes_them_once_it_has_caught_up(
    workspace: Workspace,
) -> None:
    sell(workspace, 0, 20)
    with running(workspace.streams.consumer(takes_snapshots=True)):
        while len(list(workspace.runtime.state.iter_documents(SNAPSHOT))) < 14:
            pass
    kept = workspace.runtime.state.get(SNAPSHOT, shards_of(workspace.reader.view("takings"))[0])
    assert kept is not None
    assert f'["{facts_topic(workspace, "sales")}",20]'.encode() in kept.payload


def test_a_damaged_snapshot_is_told_and_the_log_is_folded_instead(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    sell(workspace, 0, 20)
    workspace.streams.once(takes_snapshots=True)
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    assert workspace.folder is not None
    shutil.rmtree(workspace.folder / "objects")
    with caplog.at_level(logging.WARNING, "mainspring.stream"):
        workspace.streams.once()
    assert counted(workspace) == 20
    assert "is folded from the log: ENG-002" in caplog.text


def test_another_number_of_partitions_is_built_beside_the_old_one_and_gc_drops_that(
    workspace: Workspace, tmp_path: Path
) -> None:
    sell(workspace, 0, 60)
    workspace.streams.once()
    again = Workspace.open(write_project(tmp_path / "shops", partitions=2))
    assert again.plan().is_empty
    again.streams.once()
    assert counted(workspace) == counted(again) == 60
    workspace.streams.once(takes_snapshots=True)
    again.garbage_collector.collect(again.garbage_collector.plan(DAY))
    assert list(again.runtime.state.iter_documents(SNAPSHOT)) == []
    assert sorted(again.runtime.online.shards()) == sorted(
        [*shards_of(again.reader.view("takings")), *shards_of(again.reader.view("newest"))]
    )
