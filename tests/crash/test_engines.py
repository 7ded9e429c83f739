"""Killed with -9 at random instants, again and again over the same files, no store loses, doubles
or tears what it acknowledged.
"""

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.events import ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.journal import verify_journal
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.state import SqliteState

pytestmark = pytest.mark.crash

KILLS = 5
LONGEST_LIFE_S = 0.12


def acknowledged_before_kills(store: str, folder: Path) -> list[str]:
    """What writers of this store acknowledged, each killed at an instant of its own after its first
    write.
    """
    instants = random.Random(f"kill {store}")
    acknowledged: list[str] = []
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.crash.writers", store, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged.append(process.stdout.readline().strip())
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=instants.uniform(0, LONGEST_LIFE_S))
            process.kill()
            # The last line may be cut off by the kill; only whole ones count.
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        assert process.returncode == -9
    return acknowledged


def test_objects_are_whole_or_absent(tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kills("objects", tmp_path)
    objects = FileObjects(tmp_path)
    stored = list(objects.iter_digests())
    assert set(map(Digest, acknowledged)) <= set(stored)
    assert all(objects.read(digest) for digest in stored)
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_documents_and_journal_move_together(tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kills("state", tmp_path)
    state = SqliteState(tmp_path / "state.sqlite", ProjectName("crash"))
    counter, head = state.get("counter", "the"), state.journal_head()
    assert counter is not None
    assert counter.version == head >= max(map(int, acknowledged))
    assert verify_journal(state.iter_events()) is None


def test_all_topics_of_an_append_are_in_the_log_or_none(tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kills("log", tmp_path)
    log = SqliteLog(tmp_path / "log.sqlite")
    heads = {topic: log.head(topic) for topic in ("source:a", "quarantine:a")}
    assert len(set(heads.values())) == 1
    assert heads["source:a"] >= max(map(int, acknowledged))
    for topic, head in heads.items():
        read = pl.concat(log.read(topic))
        assert (
            read["_offset"].to_list() == read["_id"].cast(pl.Int64).to_list() == list(range(head))
        )
        assert len(log.find(topic, read["_id"].to_list())) == head


def test_a_log_that_is_joined_and_trimmed_keeps_what_it_says_it_keeps(tmp_path: Path) -> None:
    acknowledged = [
        tuple(map(int, line.split())) for line in acknowledged_before_kills("kept", tmp_path)
    ]
    log = SqliteLog(tmp_path / "log.sqlite")
    first, head = log.first("source:a"), log.head("source:a")
    assert first >= max(kept for kept, _ in acknowledged)
    assert head >= max(reached for _, reached in acknowledged)
    read = pl.concat(log.read("source:a", start=first))
    assert (
        read["_offset"].to_list()
        == read["_id"].cast(pl.Int64).to_list()
        == list(range(first, head))
    )
    assert len(log.find("source:a", [f"{offset}" for offset in range(head)])) == head


def test_rows_and_position_of_a_table_move_together(tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kills("table", tmp_path)
    tables = DeltaTables(tmp_path)
    scan = tables.scan("source:a")
    assert scan is not None
    assert sorted(scan.collect()["_offset"].to_list()) == list(range(tables.position("source:a")))
    assert tables.position("source:a") >= max(map(int, acknowledged))


def test_rows_and_position_of_a_shard_move_together(tmp_path: Path) -> None:
    acknowledged = acknowledged_before_kills("online", tmp_path)
    online = LmdbOnline(tmp_path / "online.lmdb")
    position, _ = online.read("shard", [])
    assert position is not None
    assert {row for _, row in online.iter_rows("shard")} == {
        f"{position.visible_until} ".encode() * 200
    }
    assert position.visible_until >= max(map(int, acknowledged))
    online.commit("shard", {}, expected=position, position=position)
