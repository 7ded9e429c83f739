"""Runs in an LMDB file: what is appended, by whom it is seen, and when it goes."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.lmdb.runs import ParsedRun, RunIndex, parse_run, render_run
from mainspring.ports.errors import StoreDamaged, StoreFailed
from mainspring.ports.online import Position, ShardCommit


def at(number: int) -> Position:
    return Position((), number)


def append(online: LmdbOnline, number: int, **appended: bytes) -> None:
    """Commit number `number` of the shard, from the one before."""
    pieces = {key.encode(): piece for key, piece in appended.items()}
    online.commit("s", {}, expected=at(number - 1), position=at(number), appended=pieces)


def put(online: LmdbOnline, number: int, **rows: bytes) -> None:
    written = {key.encode(): row for key, row in rows.items()}
    online.commit("s", written, expected=at(number - 1), position=at(number))


def edit(path: Path, work: Callable[[lmdb.Transaction], None]) -> None:
    """Do something to the file that the store does not know of."""
    with (
        lmdb.open(str(path), subdir=False, map_size=1 << 30) as environment,
        environment.begin(write=True) as transaction,
    ):
        work(transaction)


def runs_in(path: Path) -> list[bytes]:
    found: list[bytes] = []
    edit(
        path,
        lambda transaction: found.extend(
            key for key, _ in transaction.cursor() if key.startswith(b"q")
        ),
    )
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "online.lmdb"


@pytest.fixture
def online(path: Path) -> LmdbOnline:
    online = LmdbOnline(path)
    online.commit("s", {b"a": b"A", b"b": b"B"}, expected=None, position=at(0))
    return online


def test_a_run_is_what_was_rendered() -> None:
    appended = {b"": b"", b"\x00": b"x" * 70_000, b"k" * 400: b"1"}
    assert parse_run(render_run([b"r", b""], appended)) == ([b"r", b""], appended)
    assert parse_run(render_run([], {})) == ([], {})


def test_runs_go_once_nothing_in_them_counts(online: LmdbOnline, path: Path) -> None:
    append(online, 1, a=b"1", b=b"1")
    append(online, 2, a=b"2", c=b"2")
    append(online, 3, c=b"3")
    put(online, 4, c=b"C")
    put(online, 5, a=b"X")
    assert online.read("s", [b"a", b"b", b"c"])[1] == [b"X", b"B1", b"C"]
    put(online, 6, b=b"Y")
    assert online.read("s", [b"a", b"b", b"c"])[1] == [b"X", b"Y", b"C"]
    online.close()
    assert runs_in(path) == []


def test_what_was_taken_in_by_a_commit_that_left_no_run_stays_taken_in(
    online: LmdbOnline, path: Path
) -> None:
    other = LmdbOnline(path)
    append(online, 1, a=b"1", b=b"1")
    assert other.read("s", [b"a", b"b"])[1] == [b"A1", b"B1"]
    online.commit("s", {b"a": b"X", b"b": b"Y"}, expected=at(1), position=at(2))
    append(online, 3, a=b"3")
    for store in (online, other, LmdbOnline(path)):
        assert store.read("s", [b"a", b"b"])[1] == [b"X3", b"Y"]
        assert store.appended("s") == {b"a": 1}


def test_runs_that_are_left_begin_with_one_that_counts(online: LmdbOnline, path: Path) -> None:
    append(online, 1, a=b"1")
    append(online, 2, b=b"2")
    append(online, 3, a=b"3")
    put(online, 4, a=b"X")
    online.close()
    assert len(runs_in(path)) == 3
    again = LmdbOnline(path)
    assert again.read("s", [b"a", b"b"])[1] == [b"X", b"B2"]
    assert again.appended("s") == {b"b": 1}


def test_a_store_that_looks_rarely_sees_what_one_that_looks_always_sees(path: Path) -> None:
    chance, model = random.Random(4), {}
    writer, often, rarely = (LmdbOnline(path) for _ in range(3))
    writer.commit("s", {}, expected=None, position=at(0))
    keys = [bytes([number]) for number in range(9)]
    for number in range(1, 200):
        # Now and then all keys: then no run is left.
        share = chance.choice([0.1, 0.1, 0.1, 1.0])
        puts = {key: b"%d" % number for key in keys if chance.random() < share}
        appended = (
            {key: b"+%d" % number for key in keys if chance.random() < 0.2} if number % 9 else {}
        )
        appended = {key: piece for key, piece in appended.items() if key not in puts}
        writer.commit("s", puts, expected=at(number - 1), position=at(number), appended=appended)
        model |= puts
        model |= {key: model.get(key, b"") + piece for key, piece in appended.items()}
        expected = (at(number), [model.get(key) for key in keys])
        assert often.read("s", keys) == expected
        if chance.random() < 0.05:
            assert rarely.read("s", keys) == expected
    assert dict(LmdbOnline(path).iter_rows("s")) == model


def test_what_was_refused_is_in_no_index(tmp_path: Path) -> None:
    online = LmdbOnline(tmp_path / "small.lmdb", map_bytes=500_000)
    online.commit("s", {b"a": b"A"}, expected=None, position=at(0))
    append(online, 1, a=b"1")
    assert online.read("s", [b"a"])[1] == [b"A1"]
    with pytest.raises(StoreFailed, match="MAP_FULL"):
        append(online, 2, a=b"lost", b=b"y" * 600_000)
    assert online.read("s", [b"a", b"b"]) == (at(1), [b"A1", None])
    append(online, 2, a=b"2")
    assert online.read("s", [b"a"]) == (at(2), [b"A12"])


def test_commits_of_one_shard_may_share_a_transaction(online: LmdbOnline) -> None:
    online.commit_all(
        [
            ShardCommit("s", {}, at(0), at(1), {b"a": b"1", b"b": b"1"}),
            ShardCommit("s", {b"a": b"X"}, at(1), at(2), {b"b": b"2"}),
            ShardCommit("s", {}, at(2), at(3), {b"a": b"3"}),
        ]
    )
    assert online.read("s", [b"a", b"b"]) == (at(3), [b"X3", b"B12"])
    assert online.appended("s") == {b"a": 1, b"b": 2}


def test_a_child_process_reads_what_is_appended(online: LmdbOnline) -> None:
    append(online, 1, a=b"1")
    assert online.read("s", [b"a"])[1] == [b"A1"]
    pid = os.fork()
    if not pid:
        append(online, 2, a=b"2")
        os._exit(0 if online.read("s", [b"a"])[1] == [b"A12"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert online.read("s", [b"a"])[1] == [b"A12"]


def test_a_damaged_run_is_noticed(online: LmdbOnline, path: Path) -> None:
    append(online, 1, a=b"1234567")
    online.close()

    def damage(transaction: lmdb.Transaction) -> None:
        [(key, run)] = [each for each in transaction.cursor() if each[0].startswith(b"q")]
        transaction.put(key, run.replace(b"1234567", b"1234568"))

    edit(path, damage)
    with pytest.raises(StoreDamaged):
        LmdbOnline(path).read("s", [b"a"])


def test_a_damaged_row_is_noticed_where_it_lies(online: LmdbOnline, path: Path) -> None:
    put(online, 1, a=b"1234567")
    online.close()

    def damage(transaction: lmdb.Transaction) -> None:
        [(key, row)] = [each for each in transaction.cursor() if each[1][:7] == b"1234567"]
        transaction.put(key, row.replace(b"1234567", b"1234568"))

    edit(path, damage)
    reopened = LmdbOnline(path)
    assert reopened.read("s", [b"b"]) == (at(1), [b"B"])
    with pytest.raises(StoreDamaged):
        reopened.read_into("s", [b"a"], memoryview(bytearray(100)))


def test_a_run_that_cannot_be_read_is_not_taken_twice() -> None:
    index, readable = RunIndex(b"prefix"), {1, 2}

    def read(number: int) -> ParsedRun:
        if number not in readable:
            raise StoreDamaged(store="s", reason="this run")
        return [], {b"a": b"%d" % number}

    with pytest.raises(StoreDamaged):
        index.follow(1, 3, read)
    readable.add(3)
    index.follow(1, 3, read)
    assert (index.number, index.pieces) == (3, {b"a": b"123"})


def test_a_dropped_shard_leaves_no_run(online: LmdbOnline, path: Path) -> None:
    append(online, 1, a=b"1")
    online.drop("s")
    online.close()
    assert runs_in(path) == []
