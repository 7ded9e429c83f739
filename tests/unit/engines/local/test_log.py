"""What only the log in SQLite promises: how many frames it keeps, and that joining them survives
company.
"""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from mainspring.engines.local.log import SqliteLog
from mainspring.ports.log import PackedRecord
from mainspring.testing.contracts.log import FACTS, PREDICTIONS, records


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    return SqliteLog(tmp_path / "log.db")


def batches(tmp_path: Path) -> list[tuple[int, int]]:
    with sqlite3.connect(tmp_path / "log.db") as connection:
        return connection.execute("SELECT start, count FROM batches ORDER BY start").fetchall()


def fill(log: SqliteLog, *sizes: int, **payload: str) -> None:
    for size in sizes:
        head = log.head(FACTS)
        columns = {name: [value] * size for name, value in payload.items()}
        log.append(
            {FACTS: records([f"{head + row}" for row in range(size)], **columns)}, expected={}
        )


def test_small_neighbours_become_one_frame(log: SqliteLog, tmp_path: Path) -> None:
    fill(log, *[5] * 100)
    assert log.compact(FACTS) == 99
    assert batches(tmp_path) == [(0, 500)]


def test_frames_that_are_half_full_are_left_alone(log: SqliteLog, tmp_path: Path) -> None:
    fill(log, 10, 40_000, 10, 10)
    assert log.compact(FACTS) == 1
    assert batches(tmp_path) == [(0, 10), (10, 40_000), (40_010, 20)]


def test_no_frame_grows_beyond_its_limit(log: SqliteLog, tmp_path: Path) -> None:
    fill(log, *[30_000] * 5)
    log.compact(FACTS)
    assert batches(tmp_path) == [(0, 60_000), (60_000, 60_000), (120_000, 30_000)]


def test_a_frame_of_large_records_has_few_of_them(log: SqliteLog) -> None:
    """Whoever reads one record has its whole frame in memory."""
    payload = os.urandom(4 << 20)
    for row in range(24):
        made = PackedRecord(f"p{row}", row, b"head", row.to_bytes(2, "big") + payload)
        log.append_packed(PREDICTIONS, [made], on_disk=False)
    assert log.compact(PREDICTIONS) > 0
    sizes = [frame.estimated_size() for frame in log.read(PREDICTIONS)]
    assert len(sizes) < 24
    assert max(sizes) <= 33 << 20
    # What was joined is left alone, so doing it often costs little.
    assert log.compact(PREDICTIONS) == 0
    assert sum(frame.height for frame in log.read(PREDICTIONS)) == 24


def test_frames_of_other_columns_are_not_joined(log: SqliteLog, tmp_path: Path) -> None:
    fill(log, 1, 1)
    fill(log, 1, 1, gate="B7")
    fill(log, 1)
    assert log.compact(FACTS) == 2
    assert batches(tmp_path) == [(0, 2), (2, 2), (4, 1)]


def test_compacting_twice_is_compacting_once(log: SqliteLog) -> None:
    fill(log, *[5] * 10)
    assert (log.compact(FACTS), log.compact(FACTS), log.compact("source:absent")) == (9, 0, 0)


def test_many_who_append_trim_and_compact_at_once_lose_nothing(
    log: SqliteLog, tmp_path: Path
) -> None:
    def work(number: int) -> None:
        match number % 8:
            case 6:
                SqliteLog(tmp_path / "log.db").compact(FACTS)
            case 7:
                log.trim(FACTS, number * 2)
            case _:
                log.append(
                    {FACTS: records([f"{number}-{row}" for row in range(1 + number % 5)])},
                    expected={},
                )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(160)))
    first, head = log.first(FACTS), log.head(FACTS)
    assert first <= 160 * 2
    kept = pl.concat(log.read(FACTS, start=first))
    assert kept["_offset"].to_list() == list(range(first, head))
    assert (
        head
        == sum(1 + number % 5 for number in range(160) if number % 8 < 6)
        == len(log.find(FACTS, _names()))
    )


def _names() -> list[str]:
    return [
        f"{number}-{row}"
        for number in range(160)
        if number % 8 < 6
        for row in range(1 + number % 5)
    ]
