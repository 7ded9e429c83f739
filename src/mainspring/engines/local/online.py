"""Online rows in SQLite: one sorted table of (shard, key).  What a workspace in memory uses, and
one on disk by configuration.

synchronous=NORMAL: a power cut may undo the last commits, but rows and position together, and the
the stream materializes the same records again.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import (
    NOTHING_APPENDED,
    Position,
    ShardCommit,
    decode_position,
    encode_position,
    put_rows,
    refuse_long_keys,
    seal,
    unseal,
)

__all__ = ["SqliteOnline"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, shard TEXT NOT NULL UNIQUE,
    position BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rows (number INTEGER NOT NULL, key BLOB NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY (number, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS appended (number INTEGER NOT NULL, key BLOB NOT NULL,
    size INTEGER NOT NULL, PRIMARY KEY (number, key)) WITHOUT ROWID;
"""
_SHARD = "SELECT number, position FROM shards WHERE shard = ?"
_ROW = "SELECT row FROM rows WHERE number = ? AND key = ?"
_ALL_ROWS = (
    "SELECT key, row FROM rows WHERE number = (SELECT number FROM shards WHERE shard = ?) "
    "ORDER BY key"
)
_APPENDED = (
    "SELECT key, size FROM appended WHERE number = (SELECT number FROM shards WHERE shard = ?)"
)
_COUNT_APPENDED = (
    "INSERT INTO appended VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET size = size + excluded.size"
)
_NAME = "the online store"
_SEALED = b"\x01"
"""Stands before a position whose shard has a checksum behind it and behind each row; no position of
release 0.1 begins with it.
"""


class SqliteOnline:
    """The online state of a workspace; a server reads while a stream folds.

    Args:
        path: the database file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = SqliteDatabase(path, schema=_SCHEMA, synchronous="NORMAL", name=_NAME)
        self._is_on_disk = path is not None

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """The shard's position (None: it does not exist) and the row of each key (None: it has
        none).
        """
        with self._database.snapshot() as connection:
            execute = connection.execute
            found = execute(_SHARD, (shard,)).fetchone()
            if found is None:
                return None, [None] * len(keys)
            number, position = found
            rows = [execute(_ROW, (number, key)).fetchone() for key in keys]
        return _position_in(position), [row and _row_in(position, row[0]) for row in rows]

    def read_into(
        self, shard: str, keys: Sequence[bytes], memory: memoryview
    ) -> tuple[Position | None, list[int]]:
        """As `read`, with all rows one behind the other in this memory, if they fit."""
        position, rows = self.read(shard, keys)
        return position, put_rows(rows, memory)

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position."""
        with self._database.snapshot() as connection:
            found = connection.execute(
                "SELECT shard, position FROM shards ORDER BY shard"
            ).fetchall()
        return {shard: _position_in(position) for shard, position in found}

    def appended(self, shard: str) -> Mapping[bytes, int]:
        """The keys that something was appended to since their row was put, and how many bytes."""
        with self._database.snapshot() as connection:
            return dict(connection.execute(_APPENDED, (shard,)).fetchall())

    def iter_rows(self, shard: str) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a shard in the order of their keys, of one commit; on disk a snapshot stays
        open until the last is taken.
        """
        with self._database.snapshot() as connection:
            _, position = connection.execute(_SHARD, (shard,)).fetchone() or (0, b"")
            found = connection.execute(_ALL_ROWS, (shard,))
            if self._is_on_disk:
                yield from ((key, _row_in(position, row)) for key, row in found)
                return
            # In memory there is one connection and a lock around it, which must not be held while
            # the caller works.
            rows = found.fetchall()
        yield from ((key, _row_in(position, row)) for key, row in rows)

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes] = NOTHING_APPENDED,
    ) -> None:
        """Put the rows (None removes one), append to others, and move the shard to the position;
        ENG-004 when it is not at the expected one.
        """
        self._database.transact(
            partial(_commit, commit=ShardCommit(shard, rows, expected, position, appended))
        )

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit to several shards, each as by itself, in one transaction."""
        self._database.transact_all([partial(_commit, commit=commit) for commit in commits])

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        self._database.transact(partial(_drop, shard=shard))

    def close(self) -> None:
        """Close the database; using the store afterwards is a fault."""
        self._database.close()


def _commit(connection: sqlite3.Connection, *, commit: ShardCommit) -> None:
    refuse_long_keys(commit.rows, store=_NAME)
    refuse_long_keys(commit.appended, store=_NAME)
    number, is_sealed = _move(connection, commit.shard, commit.expected, commit.position)
    puts = sorted(
        (key, seal(row) if is_sealed else row)
        for key, row in commit.rows.items()
        if row is not None
    )
    removals = [key for key, row in commit.rows.items() if row is None]
    _write(connection, number, puts, removals)
    _append(connection, number, commit.appended, is_sealed=is_sealed)


def _move(
    connection: sqlite3.Connection, shard: str, expected: Position | None, position: Position
) -> tuple[int, bool]:
    """Move the shard and return its number, and whether its rows are sealed."""
    row = connection.execute(_SHARD, (shard,)).fetchone()
    found = _position_in(row[1]) if row else None
    is_sealed = row is None or _is_sealed(row[1])
    if found != expected:
        raise StaleWrite(what=f"shard {shard}", expected=str(expected), found=str(found))
    place = encode_position(position)
    payload = _SEALED + seal(place) if is_sealed else place
    if row:
        connection.execute("UPDATE shards SET position = ? WHERE number = ?", (payload, row[0]))
        return int(row[0]), is_sealed
    cursor = connection.execute(
        "INSERT INTO shards (shard, position) VALUES (?, ?)", (shard, payload)
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid, is_sealed


def _is_sealed(position: bytes) -> bool:
    return position[:1] == _SEALED


def _position_in(stored: bytes) -> Position:
    return decode_position(unseal(stored[1:], store=_NAME) if _is_sealed(stored) else stored)


def _row_in(position: bytes, row: bytes) -> bytes:
    """A row of the shard with this position."""
    return unseal(row, store=_NAME) if _is_sealed(position) else row


def _write(
    connection: sqlite3.Connection,
    number: int,
    puts: Sequence[tuple[bytes, bytes]],
    removals: Sequence[bytes],
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", ((number, *put) for put in puts)
    )
    connection.executemany(
        "DELETE FROM rows WHERE number = ? AND key = ?", ((number, key) for key in removals)
    )
    connection.executemany(
        "DELETE FROM appended WHERE number = ? AND key = ?",
        ((number, key) for key in (*(key for key, _ in puts), *removals)),
    )


def _append(
    connection: sqlite3.Connection, number: int, appended: Mapping[bytes, bytes], *, is_sealed: bool
) -> None:
    """Write rows anew with something behind them: SQLite keeps pages of rows in any case, so that a
    run of its own would save nothing.
    """
    rows = []
    for key, piece in appended.items():
        found = connection.execute(_ROW, (number, key)).fetchone()
        row = found[0] if found else (seal(b"") if is_sealed else b"")
        rows.append(
            (number, key, seal(unseal(row, store=_NAME) + piece) if is_sealed else row + piece)
        )
    connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", rows)
    connection.executemany(
        _COUNT_APPENDED, ((number, key, len(piece)) for key, piece in appended.items())
    )


def _drop(connection: sqlite3.Connection, *, shard: str) -> None:
    for table in ("rows", "appended"):
        connection.execute(
            f"DELETE FROM {table} WHERE number = (SELECT number FROM shards WHERE shard = ?)",
            (shard,),
        )
    connection.execute("DELETE FROM shards WHERE shard = ?", (shard,))
