"""What an LMDB file goes through beyond the contract: full disks, forks, other processes, power
cuts.
"""

import os
import random
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.ports.errors import StaleWrite, StoreDamaged, StoreFailed
from mainspring.ports.online import Position

PAGE_BYTES = 4_096
METAS = {0, 1}
KEYS = [str(number).encode() for number in range(200)]


def at(number: int) -> Position:
    return Position((), number)


def fold(online: LmdbOnline, number: int, row: bytes = b"x" * 500) -> None:
    """Commit number `number` of the shard, from the one before."""
    online.commit(
        "s",
        dict.fromkeys(KEYS, b"%d " % number + row),
        expected=at(number - 1) if number else None,
        position=at(number),
    )


def assert_stands_at(online: LmdbOnline, number: int) -> None:
    position, rows = online.read("s", KEYS)
    assert position == at(number)
    assert {row.split(b" ")[0] for row in rows if row is not None} == {b"%d" % number}
    assert None not in rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "online.lmdb"


@pytest.fixture
def online(path: Path) -> LmdbOnline:
    online = LmdbOnline(path)
    fold(online, 0)
    return online


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process can become longer, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, PAGE_BYTES, 30 * PAGE_BYTES])
def test_a_full_disk_leaves_the_commit_before(online: LmdbOnline, path: Path, room: int) -> None:
    with (
        files_end_at(path.stat().st_size + room),
        pytest.raises(StoreFailed, match="the online store failed to write"),
    ):
        fold(online, 1, row=b"y" * 5_000)
    assert_stands_at(online, 0)
    fold(online, 1)
    assert_stands_at(online, 1)


def test_a_full_map_leaves_the_commit_before(tmp_path: Path) -> None:
    online = LmdbOnline(tmp_path / "small.lmdb", map_bytes=500_000)
    fold(online, 0)
    with pytest.raises(StoreFailed, match="MAP_FULL"):
        fold(online, 1, row=b"y" * 5_000)
    fold(online, 1)
    assert_stands_at(online, 1)


def test_a_process_with_little_address_space_opens_a_smaller_map(
    online: LmdbOnline, path: Path
) -> None:
    program = (
        f"from tests.unit.engines.lmdb.test_online import *; "
        f"assert_stands_at(LmdbOnline(Path({str(path)!r})), 0)"
    )
    subprocess.run(
        [
            "bash",
            "-c",
            f"ulimit -v 8000000 && exec {sys.executable} -c '{program.replace(chr(39), chr(34))}'",
        ],
        check=True,
    )


def test_what_is_not_lmdbs_is_damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreDamaged, match="not an LMDB file"):
        LmdbOnline(path)


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailed, match="failed to open"):
        LmdbOnline(tmp_path / "file" / "online.lmdb")


def test_two_stores_on_one_file_are_one_and_closed_apart(online: LmdbOnline, path: Path) -> None:
    other = LmdbOnline(path)
    fold(other, 1)
    other.close()
    assert_stands_at(online, 1)


def test_only_its_owner_can_read_the_file(online: LmdbOnline, path: Path) -> None:
    assert [file.stat().st_mode & 0o077 for file in sorted(path.parent.iterdir())] == [0, 0]


def test_dropped_rows_make_room_for_others(online: LmdbOnline, path: Path) -> None:
    for _ in range(3):
        online.drop("s")
        fold(online, 0)
    size = path.stat().st_size
    for _ in range(10):
        online.drop("s")
        fold(online, 0)
    assert path.stat().st_size == size


def test_another_process_sees_commits_and_makes_some(online: LmdbOnline, path: Path) -> None:
    program = (
        f"from tests.unit.engines.lmdb.test_online import *; online = "
        f"LmdbOnline(Path({str(path)!r})); assert_stands_at(online, 0); fold(online, 1)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert_stands_at(online, 1)
    with pytest.raises(StaleWrite):
        fold(online, 1)


def count_up(path: Path, times: int) -> None:
    """Add one to a row, so many times, whatever others do to it."""
    online, done = LmdbOnline(path), 0
    while done < times:
        position, [row] = online.read("counter", [b"k"])
        number = int(row or b"0") + 1
        try:
            online.commit("counter", {b"k": b"%d" % number}, expected=position, position=at(number))
        except StaleWrite:
            continue
        done += 1


def test_processes_that_fold_one_shard_lose_nothing_and_double_nothing(
    online: LmdbOnline, path: Path
) -> None:
    program = (
        f"from tests.unit.engines.lmdb.test_online import *; count_up(Path({str(path)!r}), 40)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert online.read("counter", [b"k"]) == (at(120), [b"120"])


def exit_code_of_child(work: Callable[[], None]) -> int:
    """Do the work in a fork of this process."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            # The child must never return into pytest.
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_reads_and_writes_a_file_of_its_own(online: LmdbOnline, path: Path) -> None:
    other = LmdbOnline(path)

    def work() -> None:
        assert_stands_at(online, 0)
        fold(other, 1)
        assert_stands_at(online, 1)

    assert exit_code_of_child(work) == 0
    assert_stands_at(online, 1)
    fold(online, 2)


def test_a_child_forked_amid_a_read_is_told_and_the_read_goes_on(online: LmdbOnline) -> None:
    rows = online.iter_rows("s")
    next(rows)

    def work() -> None:
        with pytest.raises(StoreFailed, match="already open"):
            online.read("s", KEYS)

    assert exit_code_of_child(work) == 0
    fold(online, 1)
    assert {row[:2] for _, row in rows} == {b"0 "}


def test_threads_that_wait_share_a_commit_and_keep_their_own_faults(online: LmdbOnline) -> None:
    faults: list[StaleWrite] = []

    def write(number: int) -> None:
        for position in range(20):
            try:
                online.commit(
                    f"s{number % 4}",
                    {b"k": b""},
                    expected=at(position - 1) if position else None,
                    position=at(position),
                )
            except StaleWrite as fault:
                faults.append(fault)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {shard: position.visible_until for shard, position in online.shards().items()} == {
        "s": 0,
        "s0": 19,
        "s1": 19,
        "s2": 19,
        "s3": 19,
    }
    assert len(faults) == 4 * 20


def pages_of(image: bytes) -> dict[int, bytes]:
    return {
        start // PAGE_BYTES: image[start : start + PAGE_BYTES]
        for start in range(0, len(image), PAGE_BYTES)
    }


def write_image(path: Path, pages: dict[int, bytes]) -> LmdbOnline:
    path.write_bytes(
        b"".join(pages.get(number, bytes(PAGE_BYTES)) for number in range(max(pages) + 1))
    )
    return LmdbOnline(path)


def test_a_power_cut_amid_a_commit_leaves_the_last_or_the_one_before(
    online: LmdbOnline, path: Path, tmp_path: Path
) -> None:
    """A disk may have any part of the pages that were written after the last flush, and, without
    metasync, the last but one of the roots.
    """
    chance, images = random.Random("power"), [pages_of(path.read_bytes())]
    for number in range(1, 12):
        fold(online, number, row=b"x" * chance.choice([100, 500, 3_000]))
        images.append(pages_of(path.read_bytes()))
    for trial in range(60):
        number = chance.randrange(1, len(images) - 1)
        root = number - chance.randrange(2)
        changed = {
            page
            for page, data in images[number + 1].items()
            if page not in METAS and images[number].get(page) != data
        }
        unflushed = {page: images[number + 1][page] for page in changed if chance.random() < 0.5}
        pages = images[number] | unflushed | {page: images[root][page] for page in METAS}
        assert_stands_at(write_image(tmp_path / f"{trial}.lmdb", pages), root)
