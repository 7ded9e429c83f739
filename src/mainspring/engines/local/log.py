"""The log in SQLite: batches of records as Arrow streams, and beside them an index of their ids.

Records stay in the frames they came in (336,776 flights are six rows of this database), because a
row of SQLite per record would cost ten times the time to write and to read, and would lose the
columns' types.  Where the records of an id lie says an index beside them (`ids`).

Many small appends leave many small frames; `compact` joins neighbours of the same columns.
Trimming deletes frames whole and keeps the ids.  The space of both is used again by what comes
next, and the file stays as large as it once was.

Predictions go to files of their own, so that a server's small commits wait neither behind an ingest
nor behind another server, and with synchronous=NORMAL: an answer need not wait for the disk, and
what a power cut may take of it are the last predictions, whole.  Who must have them there flushes
the write-ahead log once behind each group.  Facts are FULL: acknowledged means on disk.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from mainspring.engines.local.frames import (
    PREDICTIONS,
    BatchExtent,
    SealedFrame,
    damaged_log,
    extent_of,
    frame_from_stream,
    sealed_frame,
    sealed_records,
)
from mainspring.engines.local.ids.index import (
    INDEX_SCHEMA,
    IdIndex,
    PreparedIds,
    TopicBounds,
    has_earlier_ids,
    prepared_ids_of_packed,
)
from mainspring.engines.local.inference_files import InferenceFiles
from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.engines.local.streams import (
    STREAM_SCHEMA,
    fetch_streams,
    hold_streams,
    release_streams,
)
from mainspring.engines.local.unopened import open_or_defer
from mainspring.ports.backup import BackupPart, CopiedPart
from mainspring.ports.errors import RetentionPassed, StaleWrite, StoreDamaged, StoreFailed
from mainspring.ports.log import Identity, PackedRecord

__all__ = ["SqliteLog"]

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS topics (number INTEGER PRIMARY KEY, topic TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batches (number INTEGER NOT NULL, start INTEGER NOT NULL,
    count INTEGER NOT NULL, frame BLOB NOT NULL, UNIQUE (number, start));
CREATE TABLE IF NOT EXISTS log_identity (identity TEXT NOT NULL);
{STREAM_SCHEMA}
{INDEX_SCHEMA}
"""
_ROWS_PER_BATCH = 65_536
_BYTES_PER_BATCH = 32 << 20
_BATCHES_PER_TRIM = 64
_LARGEST_OFFSET = 1 << 53


class _Prepared(NamedTuple):
    """What goes into the database for one topic; made before the lock is taken.

    Args:
        pieces: first row in the frame, number of rows, and the piece of it.
    """

    topic: str
    expected: int | None
    rows: int
    pieces: list[tuple[int, int, SealedFrame]]
    ids: PreparedIds


class SqliteLog:
    """The log of a workspace.  A call to `append` names topics of facts and quarantine, or topics
    of predictions, not both.

    Args:
        path: the file of facts; predictions lie beside it in `<name>-inference`.  None keeps
            everything in memory.
        index: makes the index of ids of a file; others than the default are for tests.
    """

    def __init__(self, path: Path | None, *, index: Callable[[], IdIndex] = IdIndex) -> None:
        beside = path and path.with_name(f"{path.stem}-inference{path.suffix}")
        opened = partial(SqliteDatabase, schema=_SCHEMA)
        self._facts = open_or_defer(
            partial(opened, path, synchronous="FULL", name="the log"),
        )
        self._index_of_facts = index()
        predictions = partial(opened, synchronous="NORMAL", name="the inference log")
        self._predictions = InferenceFiles(
            beside, lambda path: open_or_defer(partial(predictions, path)), index
        )
        self.identities()

    def identities(self) -> Mapping[str, str]:
        """What each of its files is known by.  Read each time: a file can be written over."""
        return {
            "facts": _identity_of(self._facts),
            "predictions": _identity_of(self._of(PREDICTIONS)),
        }

    def topics(self) -> Sequence[str]:
        """All topics that ever held a record, sorted."""
        found = []
        for database in (self._facts, *(file.database for file in self._predictions.all())):
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
                apart = fetch_streams(connection, row[2])
            batch = extent_of(topic, row)
            if batch.end <= start:
                raise damaged_log(topic, f"the records from offset {start} on are missing")
            frame = frame_from_stream(topic, batch, row[2], apart=apart)
            first = batch.start
            frame.insert_column(
                0, pl.int_range(first, first + frame.height, eager=True).alias("_offset")
            )
            yield frame[start - first : stop - first]
            start = batch.end

    def find(self, topic: str, ids: Sequence[str]) -> Mapping[str, Identity]:
        """The newest revision of each of these ids; those of trimmed records stay known."""
        with self._of(topic).snapshot() as connection:
            found = _indexed(connection, topic)
            return self._index(topic).find(connection, found, ids) if found.head else {}

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
        database = databases.pop()
        prepared = [
            self._prepare(topic, frame, expected.get(topic), partial(_identity_of, database))
            for topic, frame in batches.items()
        ]
        return database.transact(partial(self._append, prepared=prepared))

    def append_packed(self, topic: str, records: Sequence[PackedRecord], *, on_disk: bool) -> int:
        """Append packed records to a topic of predictions; the new head."""
        database, ids = self._of(topic), prepared_ids_of_packed(records)
        pieces = [(0, len(records), sealed_records(topic, records))]
        prepared = _Prepared(topic, None, len(records), pieces, ids)
        heads = database.transact(partial(self._append, prepared=[prepared]))
        if on_disk:
            database.flush()
        return heads[topic]

    def trim(self, topic: str, before: int) -> int:
        """Forget records below an offset, in whole batches; the new first offset.

        Of many batches it is done in steps, each of them a trim below a lower offset.  Cost: about
        0.3 µs a record that goes, whose id stays.
        """
        trim = partial(self._trim, topic=topic, before=before)
        while (first := self._of(topic).transact(trim)) is None:
            pass
        return first

    def compact(self, topic: str) -> int:
        """Join neighbouring batches of the same columns up to 65,536 rows or some 32 MiB; how many
        fewer there are.

        Cost: reads and writes what it joins, once.  A batch that is half full or more is left
            alone, so doing it often writes a record a few times, not each time.  Each join is a
            transaction of its own: writers wait for one of them at most.
        """
        self._take_over(topic)
        with suppress(RetentionPassed):  # trimmed while we read: what is gone needs no joining
            batches = self._batches(topic)
            limit = self._rows_per_batch(topic, batches)
            return sum(self._join(topic, run) for run in _runs(batches, limit=limit))
        return 0

    def _rows_per_batch(self, topic: str, batches: Sequence[BatchExtent]) -> int:
        """How many rows a joined batch has at most: whoever reads one row of it has all of them in
        memory.
        """
        if not batches:
            return _ROWS_PER_BATCH
        newest = batches[-1]
        frames = self.read(topic, start=newest.start, stop=newest.end)
        row_bytes = sum(frame.estimated_size() for frame in frames) / newest.rows
        return max(1, min(_ROWS_PER_BATCH, int(_BYTES_PER_BATCH / max(1, row_bytes))))

    def _take_over(self, topic: str) -> None:
        """Make runs of the ids that an earlier release wrote, some in each transaction."""
        after: str | None = None
        with self._of(topic).snapshot() as connection:
            if not has_earlier_ids(connection, _topic(connection, topic)[0]):
                return
        while True:
            after = self._of(topic).transact(
                partial(_take_over, index=self._index(topic), topic=topic, after=after)
            )
            if after is None:
                return

    def _join(self, topic: str, run: Sequence[BatchExtent]) -> int:
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
                    frame=sealed_frame(topic, joined, is_apart=True),
                    count=joined.height,
                )
            )
        return fewer

    def _batches(self, topic: str) -> list[BatchExtent]:
        with self._of(topic).snapshot() as connection:
            number, _ = _topic(connection, topic)
            rows = connection.execute(
                "SELECT start, count FROM batches WHERE number = ? ORDER BY start", (number,)
            )
            return [BatchExtent(*row) for row in rows]

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy; none while everything is in memory."""
        return () if self._facts.is_in_memory else ("predictions", "facts")

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Write facts with quarantine, or predictions, of one instant into a folder; what was
        written.
        """
        assert part in ("predictions", "facts"), part
        if part == "facts":
            return CopiedPart((self._facts.copy_into(folder),))
        files = self._predictions.all()
        return CopiedPart(tuple(file.database.copy_into(folder) for file in files))

    def close(self) -> None:
        """Close both files; using the log afterwards is a fault."""
        self._facts.close()
        self._predictions.close()

    def _of(self, topic: str) -> SqliteDatabase:
        return self._predictions.of(topic).database if _is_prediction(topic) else self._facts

    def _index(self, topic: str) -> IdIndex:
        return self._predictions.of(topic).ids if _is_prediction(topic) else self._index_of_facts

    def _prepare(
        self, topic: str, frame: pl.DataFrame, expected: int | None, secret: Callable[[], str]
    ) -> _Prepared:
        pieces = [
            (at, frame[at : at + _ROWS_PER_BATCH]) for at in range(0, frame.height, _ROWS_PER_BATCH)
        ]
        sealed = [
            (at, piece.height, sealed_frame(topic, piece, is_apart=True)) for at, piece in pieces
        ]
        ids = self._index(topic).prepare(frame, secret)
        return _Prepared(topic, expected, frame.height, sealed, ids)

    def _append(
        self, connection: sqlite3.Connection, *, prepared: Sequence[_Prepared]
    ) -> dict[str, int]:
        return {each.topic: self._append_topic(connection, each) for each in prepared}

    def _append_topic(self, connection: sqlite3.Connection, prepared: _Prepared) -> int:
        found = _indexed(connection, prepared.topic)
        head = found.head
        if prepared.expected is not None and head != prepared.expected:
            raise StaleWrite(
                what=f"topic {prepared.topic}",
                expected=f"offset {prepared.expected}",
                found=f"offset {head}",
            )
        if prepared.rows == 0:
            return head
        if not found.number:
            cursor = connection.execute(
                "INSERT INTO topics (topic, head) VALUES (?, 0)", (prepared.topic,)
            )
            assert cursor.lastrowid is not None
            found = found._replace(number=cursor.lastrowid)
        connection.execute(
            "UPDATE topics SET head = ? WHERE number = ?", (head + prepared.rows, found.number)
        )
        connection.executemany(
            "INSERT INTO batches VALUES (?, ?, ?, ?)",
            ((found.number, head + at, count, frame.blob) for at, count, frame in prepared.pieces),
        )
        hold_streams(connection, (frame for _, _, frame in prepared.pieces))
        self._index(prepared.topic).add(connection, found, prepared.ids)
        return head + prepared.rows

    def _trim(self, connection: sqlite3.Connection, *, topic: str, before: int) -> int | None:
        """Trim some batches; the new first offset, None where there are more to trim."""
        found = _indexed(connection, topic)
        rows = connection.execute(
            "SELECT start, count FROM batches WHERE number = ? AND start + count <= ? "
            "ORDER BY start",
            (found.number, before),
        ).fetchall()
        batches = [BatchExtent(*row) for row in rows]
        step = list(_until_rows(batches, _BATCHES_PER_TRIM * _ROWS_PER_BATCH))
        if step:
            self._index(topic).keep_trimmed(connection, found, step)
            _remove(connection, found.number, step[0].start, step[-1].start)
        return _first(connection, found.number, found.head) if len(step) == len(batches) else None


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
        raise damaged_log(topic, "its head is no offset")
    return number, head


def _first(connection: sqlite3.Connection, number: int, head: int) -> int:
    (first,) = connection.execute(
        "SELECT MIN(start) FROM batches WHERE number = ?", (number,)
    ).fetchone()
    if first is not None and not isinstance(first, int):
        raise StoreDamaged(store="the log", reason="a batch begins at no offset")
    return head if first is None else first


def _indexed(connection: sqlite3.Connection, topic: str) -> TopicBounds:
    number, head = _topic(connection, topic)
    first = _first(connection, number, head) if number else 0
    return TopicBounds(topic, number, first=first, head=head)


def _is_prediction(topic: str) -> bool:
    return topic.startswith(PREDICTIONS)


def _take_over(
    connection: sqlite3.Connection, *, index: IdIndex, topic: str, after: str | None
) -> str | None:
    return index.take_over(connection, _indexed(connection, topic), after=after)


def _until_rows(batches: Iterable[BatchExtent], rows: int) -> Iterator[BatchExtent]:
    """The first batches that have so many rows together, one at least."""
    for batch in batches:
        yield batch
        rows -= batch.rows
        if rows <= 0:
            return


def _runs(batches: Iterable[BatchExtent], *, limit: int) -> Iterator[list[BatchExtent]]:
    """Neighbouring small batches that fit into one together, two at least."""
    run: list[BatchExtent] = []
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
    connection: sqlite3.Connection,
    *,
    topic: str,
    starts: Sequence[int],
    frame: SealedFrame,
    count: int,
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
    # In this order: a stream that both have need not be written again.
    hold_streams(connection, [frame])
    _remove(connection, number, starts[0], starts[-1])
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?)", (number, starts[0], count, frame.blob)
    )
    return len(starts) - 1


def _remove(connection: sqlite3.Connection, number: int, first: int, last: int) -> None:
    """Remove the batches of a topic from the one at an offset to the one at another."""
    where = "WHERE number = ? AND start BETWEEN ? AND ?"
    blobs = connection.execute(f"SELECT frame FROM batches {where}", (number, first, last))
    release_streams(connection, (blob for (blob,) in blobs if isinstance(blob, bytes)))
    connection.execute(f"DELETE FROM batches {where}", (number, first, last))
