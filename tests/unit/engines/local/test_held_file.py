"""A store is written to only where others will find it."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.engines.local.watch import FolderWatch
from mainspring.ports.errors import StoreFailed, StoreGone

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (number INTEGER)"


def write(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO numbers VALUES (1)")


def opened(path: Path) -> SqliteDatabase:
    return SqliteDatabase(path, schema=SCHEMA, synchronous="NORMAL", name="the store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "it's #1?.db"


def removed(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    other = opened(file.with_name("other.db"))
    other.transact(write)
    other.close()
    file.with_name("other.db").rename(file)


def without_its_log(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


@pytest.mark.parametrize("change", [removed, replaced, without_its_log])
def test_nothing_is_written_into_a_file_that_is_gone(
    change: Callable[[Path], None], file: Path
) -> None:
    database = opened(file)
    database.transact(write)
    change(file)
    with pytest.raises(StoreGone) as refused:
        database.transact(write)
    assert (refused.value.code, refused.value.store) == ("ENG-030", "the store")
    assert "shop/it's #1?.db" in refused.value.message
    assert str(file.parent.parent) not in refused.value.message


def test_a_file_that_goes_while_it_is_written_is_not_acknowledged(file: Path) -> None:
    database = opened(file)

    def write_and_lose(connection: sqlite3.Connection) -> None:
        write(connection)
        file.rename(file.with_name("moved.db"))

    with pytest.raises(StoreGone):
        database.transact(write_and_lose)


def test_a_file_that_is_put_back_is_used_again(file: Path) -> None:
    database = opened(file)
    moved = file.rename(file.with_name("moved.db"))
    with pytest.raises(StoreGone):
        database.transact(write)
    moved.rename(file)
    database.transact(write)
    with database.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (1,)


def test_reading_makes_no_empty_file_where_one_was(file: Path, tmp_path: Path) -> None:
    database = opened(file)
    file.unlink()
    with pytest.raises(StoreGone), database.snapshot():
        pass
    with pytest.raises(StoreGone):
        database.copy_into(tmp_path)
    assert not file.exists()


def test_a_process_that_opens_a_file_twice_keeps_its_write_ahead_log(file: Path) -> None:
    first, _ = opened(file), opened(file)
    first.transact(write)
    # The last connection takes the log away, and whether there is another one SQLite knows by the
    # locks on the file.
    reads = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "print(c.execute('SELECT count(*) FROM numbers').fetchone()[0]); c.close()"
    )
    command = [sys.executable, "-c", reads, str(file)]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "1\n"
    assert file.with_name(f"{file.name}-wal").exists()
    first.transact(write)


def test_a_folder_is_watched_for_what_lay_in_it(tmp_path: Path) -> None:
    for name in ("state.db", "state.db-wal", "train-7"):
        (tmp_path / name).touch()
    (tmp_path / "objects").mkdir()
    watch = FolderWatch(tmp_path)
    watch.require()
    for name in ("state.db-wal", "train-7"):
        (tmp_path / name).unlink()
    watch.check()
    (tmp_path / "objects").rmdir()
    with pytest.raises(StoreGone, match="objects was removed or moved"):
        watch.check()
    with pytest.raises(StoreGone):
        watch.require()


def test_a_full_disk_is_told_before_a_write_fails(tmp_path: Path) -> None:
    FolderWatch(tmp_path).check()
    watch = FolderWatch(tmp_path, room_bytes=1 << 60)
    with pytest.raises(StoreFailed, match="its disk is full"):
        watch.check()
