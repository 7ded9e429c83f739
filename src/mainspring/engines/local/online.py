"""Online rows in SQLite: one sorted table of (shard, key, bucket), so that the rows of a span lie side by side and are read in one descent.

synchronous=NORMAL: a power cut may undo the last commits, but rows and position together, and the stream folds the same records again.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from mainspring.engines.local.sqlite import Database
from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import KeySpan, Position, RowKey

__all__ = ["SqliteOnline"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, shard TEXT NOT NULL UNIQUE, position BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER NOT NULL, key BLOB NOT NULL, bucket INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (number, key, bucket)
) WITHOUT ROWID;
"""
_SPAN = "SELECT row FROM rows WHERE number = ? AND key = ? AND bucket BETWEEN ? AND ? ORDER BY bucket"

_decode_position = msgspec.json.Decoder(Position).decode


class SqliteOnline:
    """The online state of a workspace; a server reads while a stream folds.

    Args:
        path: the database file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._database = Database(path, schema=_SCHEMA, synchronous="NORMAL", name="the online store")

    def read(self, shard: str, spans: Sequence[KeySpan]) -> tuple[Position | None, list[list[bytes]]]:
        """The shard's position (None: it does not exist), and for each span its rows in order of bucket."""
        with self._database.snapshot() as connection:
            row = connection.execute("SELECT number, position FROM shards WHERE shard = ?", (shard,)).fetchone()
            if row is None:
                return None, [[] for _ in spans]
            number, position = row
            execute = connection.execute
            rows = [[row for (row,) in execute(_SPAN, (number, key, first, last))] for key, first, last in spans]
        return _decode_position(position), rows

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position."""
        with self._database.snapshot() as connection:
            found = connection.execute("SELECT shard, position FROM shards ORDER BY shard").fetchall()
        return {shard: _decode_position(position) for shard, position in found}

    def commit(self, shard: str, rows: Mapping[RowKey, bytes | None], *, expected: Position | None, position: Position) -> None:
        """Put the rows (None removes one) and move the shard to the position; ENG-004 when it is not at the expected one."""
        puts = sorted((key, bucket, row) for (key, bucket), row in rows.items() if row is not None)
        removals = [place for place, row in rows.items() if row is None]
        move = partial(_move, shard=shard, expected=expected, position=position)
        self._database.transact(lambda connection: _write(connection, move(connection), puts, removals))

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        self._database.transact(partial(_drop, shard=shard))

    def close(self) -> None:
        """Close the database; using the store afterwards is a fault."""
        self._database.close()


def _move(connection: sqlite3.Connection, *, shard: str, expected: Position | None, position: Position) -> int:
    """Move the shard and return its number."""
    row = connection.execute("SELECT number, position FROM shards WHERE shard = ?", (shard,)).fetchone()
    found = _decode_position(row[1]) if row else None
    if found != expected:
        raise StaleWrite(what=f"shard {shard}", expected=str(expected), found=str(found))
    payload = msgspec.json.encode(position)
    if row:
        connection.execute("UPDATE shards SET position = ? WHERE number = ?", (payload, row[0]))
        return int(row[0])
    cursor = connection.execute("INSERT INTO shards (shard, position) VALUES (?, ?)", (shard, payload))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _write(connection: sqlite3.Connection, number: int, puts: Sequence[tuple[bytes, int, bytes]], removals: Sequence[RowKey]) -> None:
    connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", ((number, *put) for put in puts))
    connection.executemany("DELETE FROM rows WHERE number = ? AND key = ? AND bucket = ?", ((number, *place) for place in removals))


def _drop(connection: sqlite3.Connection, *, shard: str) -> None:
    connection.execute("DELETE FROM rows WHERE number = (SELECT number FROM shards WHERE shard = ?)", (shard,))
    connection.execute("DELETE FROM shards WHERE shard = ?", (shard,))
