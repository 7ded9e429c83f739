"""The index of a log on NATS: what the stream comes to, in a SQLite file or in memory.

It is a cache.  Whoever opens the log without one folds the stream anew (about 3 µs a record), and
with one folds what came since.  Processes of one machine may share a file: each folds what it
receives, and what another has folded already is skipped.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.elements.time import Micros
from mainspring.engines.nats.envelope import RecordLocation, Trim
from mainspring.engines.nats.fold import SCHEMA, Entry, apply_entry, read_topic
from mainspring.ports.errors import StoreBusy, StoreDamaged, StoreFailed
from mainspring.ports.log import Identity

__all__ = ["Located", "LogIndex", "StreamPosition", "TrimPlan"]

_NAME = "the index of the log"
_VERSION = 1
_BUSY_TIMEOUT_S = 15.0
_IDS_PER_QUERY = 512
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class StreamPosition(NamedTuple):
    """How far the index goes: which stream, its last message that was folded, and when the server
    stored that (microseconds).
    """

    stream: str
    message: int
    stamp: int


class Located(NamedTuple):
    """A frame of a topic: its first offset, its rows, and where its bytes are."""

    start: int
    rows: int
    place: RecordLocation


class TrimPlan(NamedTuple):
    """A trim as it would be written now, and the identities that would be nowhere else."""

    trim: Trim
    identities: pl.DataFrame


class LogIndex:
    """Heads, offsets and identities of a stream; safe to use from several threads.

    Args:
        path: the file; None keeps everything in memory.
        stream: which stream is folded; ENG-010 for a file that was folded from another.
    """

    def __init__(self, path: Path | None, stream: str) -> None:
        self._path = path
        self._write_lock = threading.Lock()
        with self._translated("open"):
            self._writer = self._connect()
            self._reader = self._writer if path is None else self._connect()
            self._read_lock = self._write_lock if path is None else threading.Lock()
            self._prepare(stream)

    def position(self) -> StreamPosition:
        """How far the index goes."""
        with self._reading() as connection:
            return _position(connection)

    def fold(self, entries: Sequence[Entry], *, after: int, known: int) -> bool:
        """Take messages into the index; False where they came too early and must be received again.

        Args:
            after: the message after which these come; what lies between two of them was removed
                from the stream.
            known: the last trim that the index knew when these were asked for.  A later one that
                stands behind them may have removed some of them since, because they are void, and
                what it says of those that are left cannot be said of these.
        """
        with self._writing() as connection:
            position = _position(connection)
            if position.message < after:
                raise StoreDamaged(
                    store=_NAME,
                    reason=f"another process has set {self._path} back from message {after} to "
                    f"{position.message}",
                )
            if _last_trim(connection) > max(known, position.message):
                return False
            entries = [entry for entry in entries if entry.message > position.message]
            for entry in entries:
                apply_entry(connection, entry)
            if entries:
                connection.execute(
                    "UPDATE position SET message = ?, stamp = ?",
                    (entries[-1].message, entries[-1].stamp),
                )
            return True

    def learn(self, trims: Iterable[Entry]) -> None:
        """Take trims into the index, ahead of the messages before them."""
        with self._writing() as connection:
            for trim in trims:
                apply_entry(connection, trim)

    def topics(self) -> list[str]:
        """All topics that ever held a record, sorted."""
        with self._reading() as connection:
            return [
                topic
                for (topic,) in connection.execute(
                    "SELECT topic FROM topics WHERE head > 0 ORDER BY topic"
                )
            ]

    def bounds(self, topic: str) -> tuple[int, int]:
        """The first offset that is kept, and the head."""
        with self._reading() as connection:
            found = read_topic(connection, topic)
        return found.first, found.head

    def locate(self, topic: str, start: int, *, limit: int) -> list[Located]:
        """The frames from the one that holds an offset on, at most so many; empty where that was
        trimmed or is not there yet.
        """
        query = (
            "SELECT start, rows, place FROM frames WHERE number = ? AND start >= (SELECT "
            "MAX(start) FROM frames WHERE number = ? AND start <= ?) LIMIT ?"
        )
        with self._reading() as connection:
            number = read_topic(connection, topic).number
            rows = connection.execute(query, (number, number, start, limit)).fetchall()
        return [
            Located(first, count, msgspec.msgpack.decode(place, type=RecordLocation))
            for first, count, place in rows
        ]

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids."""
        found: dict[str, Identity] = {}
        with self._reading() as connection:
            number = read_topic(connection, topic).number
            ids = sorted(ids) if number else []
            for at in range(0, len(ids), _IDS_PER_QUERY):
                wanted = ids[at : at + _IDS_PER_QUERY]
                query = (
                    f"SELECT id, offset, content, visible_at, stands FROM identities WHERE "
                    f"number = ? AND id IN ({'?, ' * (len(wanted) - 1)}?)"
                )
                for name, offset, content, visible_at, stands in connection.execute(
                    query, (number, *wanted)
                ):
                    found[name] = Identity(offset, content, Micros(visible_at), stands == 1)
        return found

    def heads_after(self, record: int, topics: Sequence[str]) -> dict[str, int] | None:
        """The heads that these topics had after an append; None where it is void."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT holds FROM messages WHERE message = ?", (record,)
            ).fetchone()
            return (
                {topic: _head_after(connection, record, topic) for topic in topics}
                if row and row[0]
                else None
            )

    def last_trim(self) -> int:
        """The last message known to be a trim; 0 where none is."""
        with self._reading() as connection:
            return _last_trim(connection)

    def plan_trim(self, topic: str, before: int) -> TrimPlan | None:
        """What a trim below an offset would say now; None where no whole frame lies there."""
        with self._reading() as connection:
            known = read_topic(connection, topic)
            last = (
                "SELECT start + rows, record, ordinal + 1 FROM frames WHERE number = ? AND "
                "start + rows <= ? ORDER BY start DESC LIMIT 1"
            )
            row = connection.execute(last, (known.number, before)).fetchone()
            if row is None:
                return None
            first, message, gone = row
            trim = Trim(
                topic, first, message, gone, settled=_position(connection).message, frames=()
            )
            return TrimPlan(trim, _identities_below(connection, known.number, first))

    def void_records(self, until: int) -> list[int]:
        """The records up to a message that hold nothing because an expectation failed."""
        query = "SELECT message FROM messages WHERE record = message AND NOT holds AND message <= ?"
        with self._reading() as connection:
            return [message for (message,) in connection.execute(query, (until,))]

    def forgotten(self) -> tuple[int, list[int]]:
        """The first message that is still needed, and those after it that are not: trimmed, void,
        or parts that no record named in time.
        """
        needed = "record IN (SELECT record FROM frames UNION SELECT message FROM trims)"
        with self._reading() as connection:
            # A trim that was learnt ahead says nothing yet of messages that were not folded: what
            # they hold is still needed.
            passed = "SELECT COALESCE(MAX(settled), 0) FROM trims WHERE message <= ?"
            settled = _number(connection, passed, _position(connection).message)
            keep = _number(
                connection,
                f"SELECT COALESCE(MIN(message), ?) FROM messages WHERE message <= ? AND {needed}",
                settled + 1,
                settled,
            )
            rows = connection.execute(
                f"SELECT message FROM messages WHERE message <= ? AND NOT ({needed}) IS "
                f"TRUE ORDER BY message",
                (settled,),
            ).fetchall()
        return keep, [message for (message,) in rows]

    def forget(self, messages: Sequence[int]) -> None:
        """Messages that are not in the stream any more need no mention."""
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM messages WHERE message = ?", ((message,) for message in messages)
            )

    def close(self) -> None:
        """Close the file; using the index afterwards is a fault."""
        with self._read_lock:
            self._reader.close()
        if self._reader is not self._writer:
            with self._write_lock:
                self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        where = ":memory:" if self._path is None else str(self._path)
        connection = sqlite3.connect(
            where,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_S,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last commits: they are folded again.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self, stream: str) -> None:
        with self._writing() as connection:
            version = _number(connection, "PRAGMA user_version")
            if version not in (0, _VERSION):
                raise StoreDamaged(
                    store=_NAME,
                    reason=f"{self._path} has version {version}; remove it, and it is made "
                    f"anew from the stream",
                )
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            if connection.execute("SELECT 1 FROM position").fetchone() is None:
                connection.execute("INSERT INTO position VALUES (?, 0, 0)", (stream,))
            if (found := _position(connection).stream) != stream:
                raise StoreDamaged(
                    store=_NAME,
                    reason=f"{self._path} was made from {found}, not from {stream}; remove it "
                    f"to make it anew",
                )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same commit."""
        with self._read_lock, self._translated("read"):
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, self._translated("write"):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @contextmanager
    def _translated(self, operation: str) -> Iterator[None]:
        """Raise ENG-009, ENG-010 or ENG-001 in place of SQLite's own errors."""
        try:
            yield
        except sqlite3.Error as error:
            reason = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if reason in _BUSY:
                raise StoreBusy(store=_NAME, operation=operation) from error
            if reason in _DAMAGED:
                raise StoreDamaged(
                    store=_NAME,
                    reason=f"{error}; remove {self._path}, and it is made anew from the stream",
                ) from error
            raise StoreFailed(store=_NAME, operation=operation, reason=str(error)) from error


def _position(connection: sqlite3.Connection) -> StreamPosition:
    return StreamPosition(
        *connection.execute("SELECT stream, message, stamp FROM position").fetchone()
    )


def _number(connection: sqlite3.Connection, query: str, *values: int) -> int:
    (number,) = connection.execute(query, values).fetchone()
    return int(number)


def _last_trim(connection: sqlite3.Connection) -> int:
    return _number(connection, "SELECT COALESCE(MAX(message), 0) FROM trims")


def _head_after(connection: sqlite3.Connection, record: int, topic: str) -> int:
    """The end of what the topic got from the record; where it got nothing, or that is trimmed
    already, where it stands now.
    """
    known = read_topic(connection, topic)
    # From the end: a record that is asked about is a recent one, and a search for the highest would
    # read every frame of the topic.
    query = (
        "SELECT start + rows FROM frames WHERE number = ? AND record = ? ORDER BY start "
        "DESC LIMIT 1"
    )
    row = connection.execute(query, (known.number, record)).fetchone()
    return int(row[0]) if row else known.head


def _identities_below(connection: sqlite3.Connection, number: int, first: int) -> pl.DataFrame:
    begun = "(SELECT first FROM topics WHERE number = ?)"
    query = (
        f"SELECT id, offset, content, visible_at, stands FROM identities WHERE number = ? "
        f"AND offset < ? AND offset >= {begun}"
    )
    rows = connection.execute(query, (number, first, number)).fetchall()
    schema = {
        "_id": pl.String,
        "_offset": pl.Int64,
        "_content": pl.Binary,
        "_visible_at": pl.Int64,
        "_stands": pl.Int8,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
