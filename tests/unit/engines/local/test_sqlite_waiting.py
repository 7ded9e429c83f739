"""Whoever has little time hears soon that another process holds a database, and nothing of theirs
is written later.
"""

import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest

from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.ports.errors import StoreBusy
from mainspring.ports.waiting import SHORT_WAIT_S, may_wait, waiting_at_most

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)"


@pytest.fixture
def database(tmp_path):
    database = SqliteDatabase(
        tmp_path / "notes.db", schema=SCHEMA, synchronous="NORMAL", name="the notes"
    )
    yield database
    database.close()


def note(database, text):
    database.transact(
        lambda connection: connection.execute("INSERT INTO notes VALUES (?)", (text,))
    )


def notes(database):
    with database.snapshot() as connection:
        return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY text")]


@contextmanager
def locked(tmp_path):
    with closing(sqlite3.connect(tmp_path / "notes.db", isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


def test_a_foreign_lock_is_busy_at_once_where_nobody_may_wait(database, tmp_path):
    with locked(tmp_path), waiting_at_most(SHORT_WAIT_S):
        assert not may_wait()
        with pytest.raises(StoreBusy):
            note(database, "a")
        assert notes(database) == []
    note(database, "b")
    assert notes(database) == ["b"]


def test_who_has_time_is_not_refused_with_those_who_have_none(database, tmp_path):
    with locked(tmp_path):
        waiting = threading.Thread(target=note, args=(database, "patient"))
        waiting.start()
        with waiting_at_most(SHORT_WAIT_S), pytest.raises(StoreBusy):
            note(database, "hasty")
    waiting.join()
    note(database, "later")
    assert notes(database) == ["later", "patient"]


def test_work_that_fails_fails_alone_whoever_commits_it(database):
    with waiting_at_most(1.0):
        with pytest.raises(ZeroDivisionError):
            database.transact(lambda _: 1 // 0)
        note(database, "a")
    assert notes(database) == ["a"]


def test_whoever_opens_a_new_database_waits_for_another_who_does(tmp_path):
    """The other has not come to the write-ahead log yet; SQLite itself would not wait for that."""
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE others (text)")
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.1, other.execute, ["COMMIT"]).start()
        database = SqliteDatabase(path, schema=SCHEMA, synchronous="NORMAL", name="the notes")
        note(database, "mine")
        assert notes(database) == ["mine"]
        database.close()
