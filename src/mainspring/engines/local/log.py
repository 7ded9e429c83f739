"""The log in SQLite: batches of records as Arrow streams, and beside them the newest revision of
each id.

Records stay in the frames they came in (336,776 flights are six rows of this database), because a
row of SQLite per record would cost ten times the time to write and to read, and would lose the
columns' types.  Ids are rows of their own: the sequencer must find one among millions.

Many small appends leave many small frames; `compact` joins neighbours of the same columns.
Trimming deletes frames whole and keeps the ids.  The space of both is used again by what comes
next, and the file stays as large as it once was.

Predictions go to a file of their own, so that a server's small commits never wait behind an ingest,
and with synchronous=NORMAL: an answer must not wait for the disk, and what a power cut may take of
it are the last predictions, whole.  Facts are FULL: acknowledged means on disk.
"""

import io
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Literal, NamedTuple
from zlib import crc32

import polars as pl

from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.engines.local.unopened import open_or_defer
from mainspring.ports.backup import BackupPart, CopiedPart
from mainspring.ports.errors import RetentionPassed, StaleWrite, StoreDamaged, StoreFailed
from mainspring.ports.log import Identity

__all__ = ["SqliteLog"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (number INTEGER PRIMARY KEY, topic TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batches (number INTEGER NOT NULL, start INTEGER NOT NULL,
    count INTEGER NOT NULL, frame BLOB NOT NULL, UNIQUE (number, start));
CREATE TABLE IF NOT EXISTS identities (
    number INTEGER NOT NULL, id TEXT NOT NULL, offset INTEGER NOT NULL, content BLOB,
        visible_at INTEGER NOT NULL, stands INTEGER NOT NULL,
    PRIMARY KEY (number, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_identity (identity TEXT NOT NULL);
"""
_PREDICTIONS = "inference:"
_ROWS_PER_BATCH = 65_536
_WORTH_COMPRESSING = 1_024
_IDS_PER_QUERY = 512
_LARGEST_OFFSET = 1 << 53
_SEAL = b"crc\x01"
"""Behind each frame stands this, and a checksum of its bytes: a bit that a disk turned is told."""
_SEAL_BYTES = len(_SEAL) + 4
_LONGEST_REASON = 300


class _Prepared(NamedTuple):
    """What goes into the database for one topic; made before the lock is taken.

    Args:
        blobs: first row in the frame, number of rows, and the stream.
        order: the rows of the frame by id; the columns below are in this order.
    """

    topic: str
    expected: int | None
    rows: int
    blobs: list[tuple[int, int, bytes]]
    order: list[int]
    ids: list[str]
    contents: list[bytes]
    visible_at: list[int]
    ops: list[str]


class _Batch(NamedTuple):
    """Where a batch lies in its topic."""

    start: int
    rows: int

    @property
    def end(self) -> int:
        """The offset after its last record."""
        return self.start + self.rows


class SqliteLog:
    """The log of a workspace.  A call to `append` names topics of facts and quarantine, or topics
    of predictions, not both.

    Args:
        path: the file of facts; predictions lie beside it in `<name>-inference`.  None keeps
            everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        beside = path and path.with_name(f"{path.stem}-inference{path.suffix}")
        opened = partial(SqliteDatabase, schema=_SCHEMA)
        self._facts = open_or_defer(
            partial(opened, path, synchronous="FULL", name="the log"),
        )
        self._predictions = open_or_defer(
            partial(opened, beside, synchronous="NORMAL", name="the inference log")
        )
        self.identities()

    def identities(self) -> Mapping[str, str]:
        """What each of its files is known by.  Read each time: a file can be written over."""
        return {
            "facts": _identity_of(self._facts),
            "predictions": _identity_of(self._predictions),
        }

    def topics(self) -> Sequence[str]:
        """All topics that ever held a record, sorted."""
        found = []
        for database in (self._facts, self._predictions):
            with database.snapshot() as connection:
                found += [
                    topic
                    for (topic,) in connection.execute("SELECT topic FROM topics WHERE head > 0")
                ]
        return sorted(found)

    def head(self, topic: str) -> int:
        """The offset that the next record will get; 0 for a topic that holds none."""
        with self._of(topic).snapshot() as connection:
            return _topic(connection, topic)[1]

    def first(self, topic: str) -> int:
        """The offset of the oldest record that is kept: 0 where nothing was trimmed, the head where
        everything was.
        """
        with self._of(topic).snapshot() as connection:
            return _first(connection, *_topic(connection, topic))

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """The records with `start <= offset < stop` in order, cut at the bounds; ENG-011 for what
        was trimmed.
        """
        stop = min(self.head(topic), stop) if stop is not None else self.head(topic)
        while start < stop:
            with self._of(topic).snapshot() as connection:
                number, head = _topic(connection, topic)
                row = connection.execute(
                    "SELECT start, count, frame FROM batches WHERE number = ? AND start <= ? "
                    "ORDER BY start DESC LIMIT 1",
                    (number, start),
                ).fetchone()
                if row is None:
                    raise RetentionPassed(
                        topic=topic, kept_from=_first(connection, number, head), asked=start
                    )
            batch = _batch_of(topic, row)
            if batch.end <= start:
                raise _damaged(topic, f"the records from offset {start} on are missing")
            frame = _from_stream(topic, batch, row[2])
            first = batch.start
            frame.insert_column(
                0, pl.int_range(first, first + frame.height, eager=True).alias("_offset")
            )
            yield frame[start - first : stop - first]
            start = batch.end

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids; those of trimmed records stay known."""
        found: dict[str, Identity] = {}
        with self._of(topic).snapshot() as connection:
            number, head = _topic(connection, topic)
            ids = sorted(ids) if head else []
            for at in range(0, len(ids), _IDS_PER_QUERY):
                wanted = ids[at : at + _IDS_PER_QUERY]
                query = (
                    f"SELECT id, offset, content, visible_at, stands FROM identities WHERE "
                    f"number = ? AND id IN ({'?, ' * (len(wanted) - 1)}?)"
                )
                for name, offset, content, visible_at, stands in connection.execute(
                    query, (number, *wanted)
                ):
                    found[name] = Identity(offset, content, visible_at, stands == 1)
        return found

    def append(
        self, batches: Mapping[str, pl.DataFrame], *, expected: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Append a frame to each topic, in one transaction; the new heads."""
        if not batches:
            return {}
        databases = {self._of(topic) for topic in batches}
        if len(databases) > 1:
            raise StoreFailed(
                store="the log",
                operation="append",
                reason="facts and predictions lie in two files: append them in two calls",
            )
        prepared = [_prepare(topic, frame, expected.get(topic)) for topic, frame in batches.items()]
        return databases.pop().transact(partial(_append, prepared=prepared))

    def trim(self, topic: str, before: int) -> int:
        """Forget records below an offset, in whole batches; the new first offset.  Cost: about 1 ms
        for each megabyte that goes.
        """
        return self._of(topic).transact(partial(_trim, topic=topic, before=before))

    def compact(self, topic: str) -> int:
        """Join neighbouring batches of the same columns up to 65,536 rows; how many fewer there
        are.

        Cost: reads and writes what it joins, once.  A batch that is half full or more is left
            alone, so doing it often writes a record a few times, not each time.  Each join is a
            transaction of its own: writers wait for one of them at most.
        """
        with suppress(RetentionPassed):  # trimmed while we read: what is gone needs no joining
            return sum(
                self._join(topic, run) for run in _runs(self._batches(topic), limit=_ROWS_PER_BATCH)
            )
        return 0

    def _join(self, topic: str, run: Sequence[_Batch]) -> int:
        """Join each stretch of a run that has the same columns; how many batches fewer there
        are.
        """
        frames = [
            frame.drop("_offset")
            for frame in self.read(topic, start=run[0].start, stop=run[-1].end)
        ]
        fewer = 0
        for place, alike in _stretches(frames):
            starts = [batch.start for batch in run[place : place + len(alike)]]
            joined = pl.concat(alike)
            fewer += self._of(topic).transact(
                partial(
                    _replace,
                    topic=topic,
                    starts=starts,
                    blob=_to_stream(topic, joined),
                    count=joined.height,
                )
            )
        return fewer

    def _batches(self, topic: str) -> list[_Batch]:
        with self._of(topic).snapshot() as connection:
            number, _ = _topic(connection, topic)
            rows = connection.execute(
                "SELECT start, count FROM batches WHERE number = ? ORDER BY start", (number,)
            )
            return [_Batch(*row) for row in rows]

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy; none while everything is in memory."""
        return () if self._facts.is_in_memory else ("predictions", "facts")

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Write facts with quarantine, or predictions, of one instant into a folder; what was
        written.
        """
        assert part in ("predictions", "facts"), part
        database = self._predictions if part == "predictions" else self._facts
        return CopiedPart((database.copy_into(folder),))

    def close(self) -> None:
        """Close both files; using the log afterwards is a fault."""
        self._facts.close()
        self._predictions.close()

    def _of(self, topic: str) -> SqliteDatabase:
        return self._predictions if topic.startswith(_PREDICTIONS) else self._facts


def _identity_of(database: SqliteDatabase) -> str:
    """The identity of a file; of a new one, and of one that an early release made, a random one."""
    with database.snapshot() as connection:
        found = connection.execute("SELECT identity FROM log_identity").fetchone()
    return str(found[0]) if found else database.transact(_identify)


def _identify(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT identity FROM log_identity").fetchone()
    if found is None:
        found = (secrets.token_hex(16),)
        connection.execute("INSERT INTO log_identity VALUES (?)", found)
    return str(found[0])


def _topic(connection: sqlite3.Connection, topic: str) -> tuple[int, int]:
    """The number and the head of a topic; (0, 0) for one that holds nothing."""
    row = connection.execute("SELECT number, head FROM topics WHERE topic = ?", (topic,)).fetchone()
    if row is None:
        return 0, 0
    number, head = row
    if not isinstance(head, int) or not 0 <= head <= _LARGEST_OFFSET:
        raise _damaged(topic, "its head is no offset")
    return number, head


def _first(connection: sqlite3.Connection, number: int, head: int) -> int:
    (first,) = connection.execute(
        "SELECT MIN(start) FROM batches WHERE number = ?", (number,)
    ).fetchone()
    if first is not None and not isinstance(first, int):
        raise StoreDamaged(store="the log", reason="a batch begins at no offset")
    return head if first is None else first


def _prepare(topic: str, frame: pl.DataFrame, expected: int | None) -> _Prepared:
    pieces = [
        (at, frame[at : at + _ROWS_PER_BATCH]) for at in range(0, frame.height, _ROWS_PER_BATCH)
    ]
    blobs = [(at, piece.height, _to_stream(topic, piece)) for at, piece in pieces]
    # Columns rather than a tuple for each row: hundreds of thousands of tuples would keep the
    # garbage collector busy for a second.
    ids = frame["_id"].to_list()
    # Sorted, so that the tree of ids is written from left to right.  The sort is stable: of two
    # revisions of one id the later row comes last and stays.
    order = sorted(range(frame.height), key=ids.__getitem__)
    columns = (
        [column[row] for row in order]
        for column in (ids, *(frame[name].to_list() for name in ("_content", "_visible_at", "_op")))
    )
    return _Prepared(topic, expected, frame.height, blobs, order, *columns)


def _to_stream(topic: str, frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow stream that every Arrow reader understands (no string views),
    compressed where that pays.
    """
    stream = io.BytesIO()
    compression: Literal["zstd", "uncompressed"] = (
        "zstd" if frame.height >= _WORTH_COMPRESSING else "uncompressed"
    )
    frame.write_ipc_stream(stream, compression=compression, compat_level=pl.CompatLevel.oldest())
    # Behind the end of the stream, where its readers do not look.
    payload = stream.getvalue()
    return payload + _SEAL + _checksum(topic, payload)


def _checksum(topic: str, payload: bytes) -> bytes:
    """Of the bytes and of where they belong: those of another topic are other bytes."""
    return crc32(payload, crc32(topic.encode())).to_bytes(4, "little")


def _batch_of(topic: str, row: Sequence[object]) -> _Batch:
    match row:
        case (int() as start, int() as rows, bytes()) if start >= 0 and rows > 0:
            return _Batch(start, rows)
        case _:
            raise _damaged(topic, "a batch has no offset, no size or no frame")


def _from_stream(topic: str, batch: _Batch, blob: bytes) -> pl.DataFrame:
    """The frame of a batch, checked to be the one that was written.

    Raises: StoreDamaged ENG-010.
    """
    payload, seal = blob[:-_SEAL_BYTES], blob[-_SEAL_BYTES:]
    # Of release 0.1 there are batches without a seal.
    if seal[: len(_SEAL)] == _SEAL and seal[len(_SEAL) :] != _checksum(topic, payload):
        raise _damaged(topic, f"the batch at offset {batch.start} has other bytes")
    try:
        frame = pl.read_ipc_stream(io.BytesIO(blob))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise _damaged(topic, f"the batch at offset {batch.start}: {error}") from error
    if frame.height != batch.rows or "_id" not in frame.columns:
        raise _damaged(topic, f"the batch at offset {batch.start} holds other records")
    return frame


def _damaged(topic: str, reason: str) -> StoreDamaged:
    is_prediction = topic.startswith(_PREDICTIONS)
    file = "log-inference.db" if is_prediction else "log.db"
    return StoreDamaged(store=f"topic {topic} of the log ({file})", reason=reason[:_LONGEST_REASON])


def _append(connection: sqlite3.Connection, *, prepared: Sequence[_Prepared]) -> dict[str, int]:
    return {each.topic: _append_topic(connection, each) for each in prepared}


def _append_topic(connection: sqlite3.Connection, prepared: _Prepared) -> int:
    number, head = _topic(connection, prepared.topic)
    if prepared.expected is not None and head != prepared.expected:
        raise StaleWrite(
            what=f"topic {prepared.topic}",
            expected=f"offset {prepared.expected}",
            found=f"offset {head}",
        )
    if prepared.rows == 0:
        return head
    if not number:
        cursor = connection.execute(
            "INSERT INTO topics (topic, head) VALUES (?, 0)", (prepared.topic,)
        )
        assert cursor.lastrowid is not None
        number = cursor.lastrowid
    connection.execute(
        "UPDATE topics SET head = ? WHERE number = ?", (head + prepared.rows, number)
    )
    connection.executemany(
        "INSERT INTO batches VALUES (?, ?, ?, ?)",
        ((number, head + at, count, blob) for at, count, blob in prepared.blobs),
    )
    offsets = (head + row for row in prepared.order)
    connection.executemany(
        "INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?, ?, ? = 'insert')",
        zip(
            repeat(number),
            prepared.ids,
            offsets,
            prepared.contents,
            prepared.visible_at,
            prepared.ops,
            strict=False,
        ),
    )
    return head + prepared.rows


def _trim(connection: sqlite3.Connection, *, topic: str, before: int) -> int:
    number, head = _topic(connection, topic)
    connection.execute(
        "DELETE FROM batches WHERE number = ? AND start + count <= ?", (number, before)
    )
    return _first(connection, number, head)


def _runs(batches: Iterable[_Batch], *, limit: int) -> Iterator[list[_Batch]]:
    """Neighbouring small batches that fit into one together, two at least."""
    run: list[_Batch] = []
    for batch in batches:
        is_small = batch.rows <= limit // 2
        if not is_small or sum(each.rows for each in run) + batch.rows > limit:
            if len(run) > 1:
                yield run
            run = []
        run += [batch] if is_small else []
    if len(run) > 1:
        yield run


def _stretches(frames: Sequence[pl.DataFrame]) -> Iterator[tuple[int, list[pl.DataFrame]]]:
    """Neighbours with the same columns, two at least, and the place of the first of them."""
    start = 0
    for place in range(1, len(frames) + 1):
        if place == len(frames) or frames[place].schema != frames[start].schema:
            if place - start > 1:
                yield start, list(frames[start:place])
            start = place


def _replace(
    connection: sqlite3.Connection, *, topic: str, starts: Sequence[int], blob: bytes, count: int
) -> int:
    """Put one batch in place of several, unless they were trimmed or joined by another process
    meanwhile.
    """
    number, _ = _topic(connection, topic)
    query = (
        "SELECT start, count FROM batches WHERE number = ? AND start BETWEEN ? AND ? ORDER BY start"
    )
    found = connection.execute(query, (number, starts[0], starts[-1])).fetchall()
    if [start for start, _ in found] != list(starts) or sum(held for _, held in found) != count:
        return 0
    connection.execute(
        "DELETE FROM batches WHERE number = ? AND start BETWEEN ? AND ?",
        (number, starts[0], starts[-1]),
    )
    connection.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", (number, starts[0], count, blob))
    return len(starts) - 1
