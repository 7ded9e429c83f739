"""From the order of the stream to heads, offsets and identities: the same for every client, because
it is a function of the messages alone.

An append holds if, at its place in the order, every topic has the head that it expected; otherwise
it is void.  So nobody asks the server to compare and set: writers of different topics never disturb
each other, one with a body of many parts is not starved by those with small ones, and an append
without expectations needs no second try.  (A stream with `Nats-Expected-Last-Sequence` was rejected
for these three.)

Trimming removes messages, and yet a client that comes later must count as those did who saw them.
A topic is trimmed from its beginning, so a trim says where the topic begins now and after which
message; it is read before any message that follows a gap.  And because expectations cannot be
checked again without what was removed, void messages are removed before a trim is written: what is
left of the messages up to its `settled` holds.  Parts that no record named by then are removed
after it; a record that comes later and names them is void, and its writer sends them again.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.elements.content import with_content
from mainspring.engines.nats.envelope import (
    Append,
    Frame,
    Parts,
    Record,
    RecordLocation,
    RecordShare,
    Trim,
    iter_locations,
    iter_streams,
    read_frame,
)
from mainspring.ports.errors import StoreDamaged

__all__ = ["SCHEMA", "Entry", "IndexedTopic", "apply_entry", "is_something_missing", "read_topic"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS position (stream TEXT NOT NULL, message INTEGER NOT NULL,
stamp INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS topics (
    number INTEGER PRIMARY KEY, topic TEXT NOT NULL UNIQUE, head INTEGER NOT NULL,
    first INTEGER NOT NULL, trimmed INTEGER NOT NULL, gone INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (message INTEGER PRIMARY KEY, record INTEGER,
holds INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS frames (
    number INTEGER NOT NULL, start INTEGER NOT NULL, rows INTEGER NOT NULL,
    record INTEGER NOT NULL, ordinal INTEGER NOT NULL, place BLOB NOT NULL,
    PRIMARY KEY (number, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trims (message INTEGER PRIMARY KEY, settled INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS identities (
    number INTEGER NOT NULL, id TEXT NOT NULL, offset INTEGER NOT NULL, content BLOB,
    visible_at INTEGER NOT NULL, stands INTEGER NOT NULL,
    PRIMARY KEY (number, id)
) WITHOUT ROWID;
"""
_REMEMBER = """
INSERT INTO identities VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET offset = excluded.offset, content = excluded.content, visible_at = excluded.visible_at,
stands = excluded.stands WHERE excluded.offset > offset
"""


class Entry(NamedTuple):
    """A message of the stream.

    Args:
        stamp: when the server stored it, in microseconds.
        record: what it says; None for a part.
        body_at: where its body begins in the message; the body of a record with parts begins at 0.
        data: the message, or the parts of its record put together; None where some of those are
            gone.
    """

    message: int
    stamp: int
    record: Record | None
    body_at: int
    data: bytes | None


class IndexedTopic(NamedTuple):
    """A topic: its number in the index, its head and first offset, and the last message that was
    trimmed with how many of its frames.
    """

    number: int
    head: int
    first: int
    trimmed: int
    gone: int


_Piece = tuple[Frame, RecordLocation, memoryview | None]
_NO_TOPIC = IndexedTopic(0, 0, 0, 0, 0)


def is_something_missing(entries: Sequence[Entry], *, after: int) -> bool:
    """Whether messages were removed among these, which come after another: the work of a trim,
    which may stand behind them and must be learnt first.
    """
    numbers = [after, *(entry.message for entry in entries)]
    has_gap = any(later - earlier > 1 for earlier, later in pairwise(numbers))
    return has_gap or any(entry.record is not None and entry.data is None for entry in entries)


def read_topic(connection: sqlite3.Connection, topic: str) -> IndexedTopic:
    """What is known of a topic; number 0 for one that holds nothing."""
    row = connection.execute(
        "SELECT number, head, first, trimmed, gone FROM topics WHERE topic = ?", (topic,)
    ).fetchone()
    return IndexedTopic(*row) if row else _NO_TOPIC


def apply_entry(connection: sqlite3.Connection, entry: Entry) -> None:
    """Take a message into the index: an append in its turn, when all before it that are still in
    the stream have been taken; a trim also ahead of it.
    """
    match entry.record:
        case None:
            connection.execute(
                "INSERT OR IGNORE INTO messages VALUES (?, NULL, 0)", (entry.message,)
            )
        case Trim() as trim:
            _learn(connection, entry, trim)
        case Append() as append:
            _fold_append(connection, entry, append)


def _learn(connection: sqlite3.Connection, entry: Entry, trim: Trim) -> None:
    if _is_learnt(connection, entry.message) or not _has_parts(
        connection, entry.message, trim.parts
    ):
        return
    connection.execute("INSERT INTO trims VALUES (?, ?)", (entry.message, trim.settled))
    _claim(connection, entry.message, trim.parts, holds=True)
    known = _known_topic(connection, trim.topic)
    _remember_trimmed(connection, entry, number=known.number, frames=trim.frames)
    if trim.first > known.first:
        connection.execute(
            "DELETE FROM frames WHERE number = ? AND start < ?", (known.number, trim.first)
        )
        after = known._replace(
            head=max(known.head, trim.first),
            first=trim.first,
            trimmed=trim.message,
            gone=trim.frames_gone,
        )
        _write_topic(connection, trim.topic, after)


def _is_learnt(connection: sqlite3.Connection, message: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM trims WHERE message = ?", (message,)).fetchone()
        is not None
    )


def _has_parts(connection: sqlite3.Connection, message: int, parts: Parts | None) -> bool:
    """Whether no trim before this message may have taken its parts for forgotten ones."""
    (settled,) = connection.execute(
        "SELECT COALESCE(MAX(settled), 0) FROM trims WHERE message < ?", (message,)
    ).fetchone()
    return parts is None or min(parts.messages) > settled


def _claim(
    connection: sqlite3.Connection, record: int, parts: Parts | None, *, holds: bool
) -> None:
    """Note which messages belong to a record."""
    claimed = (*(parts.messages if parts else ()), record)
    connection.executemany(
        "INSERT OR REPLACE INTO messages VALUES (?, ?, ?)",
        ((message, record, holds) for message in claimed),
    )


def _fold_append(connection: sqlite3.Connection, entry: Entry, append: Append) -> None:
    holds = _is_settled(connection, entry.message) or (
        _has_parts(connection, entry.message, append.parts)
        and _is_as_expected(connection, append.shares)
    )
    _claim(connection, entry.message, append.parts, holds=holds)
    if holds:
        frames = [frame for share in append.shares for frame in share.frames]
        places = iter_locations(frames, append.parts, message=entry.message, body_at=entry.body_at)
        pieces = list(
            zip(
                frames, places, iter_streams(frames, entry.data, body_at=entry.body_at), strict=True
            )
        )
        for share in append.shares:
            _fold_share(
                connection, entry.message, topic=share.topic, pieces=pieces[: len(share.frames)]
            )
            del pieces[: len(share.frames)]


def _is_settled(connection: sqlite3.Connection, message: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM trims WHERE settled >= ?", (message,)).fetchone()
        is not None
    )


def _is_as_expected(connection: sqlite3.Connection, shares: Sequence[RecordShare]) -> bool:
    return all(
        share.expected is None or read_topic(connection, share.topic).head == share.expected
        for share in shares
    )


def _fold_share(
    connection: sqlite3.Connection, message: int, *, topic: str, pieces: Sequence[_Piece]
) -> None:
    known = _known_topic(connection, topic) if pieces else _NO_TOPIC
    if not pieces or message < known.trimmed:
        return
    gone = known.gone if message == known.trimmed else 0
    rows = [frame.rows for frame, _, _ in pieces]
    start = known.first - sum(rows[:gone]) if gone else known.head
    _write_topic(connection, topic, known._replace(head=start + sum(rows)))
    for ordinal, (frame, place, stream) in enumerate(pieces):
        if ordinal >= gone:
            row = (known.number, start, frame.rows, message, ordinal, msgspec.msgpack.encode(place))
            connection.execute("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?)", row)
            _remember(connection, known.number, start, stream=_present(stream, message))
        start += frame.rows


def _known_topic(connection: sqlite3.Connection, topic: str) -> IndexedTopic:
    """The topic, with a number from now on."""
    connection.execute(
        "INSERT OR IGNORE INTO topics (topic, head, first, trimmed, gone) VALUES (?, 0, 0, 0, 0)",
        (topic,),
    )
    return read_topic(connection, topic)


def _write_topic(connection: sqlite3.Connection, topic: str, known: IndexedTopic) -> None:
    row = (known.head, known.first, known.trimmed, known.gone, topic)
    connection.execute(
        "UPDATE topics SET head = ?, first = ?, trimmed = ?, gone = ? WHERE topic = ?", row
    )


def _present(stream: memoryview | None, message: int) -> memoryview:
    if stream is None:
        raise StoreDamaged(
            store="the log", reason=f"message {message} names parts that are gone from the stream"
        )
    return stream


def _remember(
    connection: sqlite3.Connection, number: int, start: int, *, stream: memoryview
) -> None:
    """Keep the newest revision of each id of a frame."""
    frame = read_frame(stream, columns=["_id", "_content", "_visible_at", "_op"])
    if frame["_content"].null_count():
        frame = with_content(read_frame(stream))
    stands = (frame["_op"] == "insert").to_list()
    _write_identities(
        connection,
        number,
        [
            frame["_id"].to_list(),
            range(start, start + frame.height),
            *_lists(frame, "_content", "_visible_at"),
            stands,
        ],
    )


def _remember_trimmed(
    connection: sqlite3.Connection, entry: Entry, *, number: int, frames: Sequence[Frame]
) -> None:
    for stream in iter_streams(frames, entry.data, body_at=entry.body_at):
        frame = read_frame(_present(stream, entry.message))
        _write_identities(
            connection,
            number,
            _lists(frame, "_id", "_offset", "_content", "_visible_at", "_stands"),
        )


def _lists(frame: pl.DataFrame, *names: str) -> list[list[object]]:
    return [frame[name].to_list() for name in names]


def _write_identities(
    connection: sqlite3.Connection, number: int, columns: Sequence[Iterable[object]]
) -> None:
    # Sorted by id, so that the tree is written from left to right.
    connection.executemany(_REMEMBER, sorted(zip(repeat(number), *columns, strict=False)))
