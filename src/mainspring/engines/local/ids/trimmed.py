"""What `find` answers for records whose frames were trimmed, in columns; the newest of each id."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from mainspring.engines.local.frames import extent_of, frame_from_stream, stream_of_frame
from mainspring.engines.local.ids.runs import Offsets

__all__ = [
    "EXACT",
    "EXACT_SCHEMA",
    "TRIMMED_SCHEMA",
    "TopicBounds",
    "read_trimmed",
    "write_trimmed",
]

TRIMMED_SCHEMA = """
CREATE TABLE IF NOT EXISTS trimmed_ids (number INTEGER NOT NULL, start INTEGER NOT NULL,
    stop INTEGER NOT NULL, count INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS trimmed_ids_of_topics ON trimmed_ids (number, start);
"""
_ROWS_OF_FRAME = 262_144
EXACT = ("_id", "_offset", "_content", "_visible_at", "_stands")
EXACT_SCHEMA = {
    "_id": pl.String(),
    "_offset": pl.Int64(),
    "_content": pl.Binary(),
    "_visible_at": pl.Int64(),
    "_stands": pl.Boolean(),
}
"""What is known exactly of a record: an identity and its id."""


class TopicBounds(NamedTuple):
    """A topic as the file has it: its name and number, the oldest offset that is kept, the head."""

    name: str
    number: int
    first: int
    head: int


def write_trimmed(connection: sqlite3.Connection, topic: TopicBounds, frame: pl.DataFrame) -> None:
    """Keep the newest of each id, together with what is kept already where that is little."""
    last = connection.execute(
        "SELECT rowid, start, stop, count, frame FROM trimmed_ids WHERE number = ? "
        "ORDER BY rowid DESC LIMIT 1",
        (topic.number,),
    ).fetchone()
    if last is not None and last[3] < _ROWS_OF_FRAME // 2:
        connection.execute("DELETE FROM trimmed_ids WHERE rowid = ?", (last[0],))
        frame = pl.concat([_frame_of(topic, last[1:]), frame])
    frame = frame.sort("_offset").unique("_id", keep="last", maintain_order=True)
    for piece in frame.iter_slices(_ROWS_OF_FRAME):
        connection.execute(
            "INSERT INTO trimmed_ids VALUES (?, ?, ?, ?, ?)",
            (
                topic.number,
                int(piece["_offset"][0]),
                int(piece["_offset"][-1]) + 1,
                piece.height,
                stream_of_frame(topic.name, piece),
            ),
        )


def read_trimmed(
    connection: sqlite3.Connection, topic: TopicBounds, offsets: Offsets
) -> list[pl.DataFrame]:
    """What is kept of trimmed records at these offsets, which are sorted."""
    rows = connection.execute(
        "SELECT start, stop, count, frame FROM trimmed_ids WHERE number = ? AND start <= ? "
        "AND stop > ? ORDER BY start",
        (topic.number, int(offsets[-1]), int(offsets[0])),
    )
    wanted = pl.Series(offsets).implode()
    return [
        _frame_of(topic, row).filter(pl.col("_offset").is_in(wanted))
        for row in rows
        if np.searchsorted(offsets, row[0]) < np.searchsorted(offsets, row[1])
    ]


def _frame_of(topic: TopicBounds, row: Sequence[object]) -> pl.DataFrame:
    start, _, count, blob = row
    batch = extent_of(topic.name, (start, count, blob))
    assert isinstance(blob, bytes)
    return frame_from_stream(topic.name, batch, blob).select(EXACT)
