"""The streams of columns that lie apart from their batches, each once in a file of the log.

Generations of a source mostly differ in which rows they accept and what they call them: most of
their columns are the same bytes.  A stream is held by as many batches as name it, counted in the
transaction that adds or removes them, and goes with the last.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from mainspring.engines.local.frames import SealedFrame, streams_apart

__all__ = ["STREAM_SCHEMA", "fetch_streams", "hold_streams", "release_streams"]

STREAM_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
    holders INTEGER NOT NULL, stream BLOB NOT NULL);
"""


def hold_streams(connection: sqlite3.Connection, frames: Iterable[SealedFrame]) -> None:
    """Keep what these frames name, which become batches in this transaction."""
    connection.executemany(
        "INSERT INTO streams (digest, holders, stream) VALUES (?, 1, ?) "
        "ON CONFLICT (digest) DO UPDATE SET holders = holders + 1",
        (stream for frame in frames for stream in frame.streams),
    )


def release_streams(connection: sqlite3.Connection, blobs: Iterable[bytes]) -> None:
    """Remove what only these batches name, which go in this transaction."""
    digests = [(digest,) for blob in blobs for digest in streams_apart(blob)]
    connection.executemany("UPDATE streams SET holders = holders - 1 WHERE digest = ?", digests)
    connection.executemany("DELETE FROM streams WHERE digest = ? AND holders <= 0", digests)


def fetch_streams(
    connection: sqlite3.Connection, blob: bytes, columns: Sequence[str] | None = None
) -> Mapping[bytes, bytes]:
    """By digest, the streams that these columns of a batch need; without those that are missing."""
    found: dict[bytes, bytes] = {}
    for digest in streams_apart(blob, columns):
        row = connection.execute(
            "SELECT stream FROM streams WHERE digest = ?", (digest,)
        ).fetchone()
        if row is not None and isinstance(row[0], bytes):
            found[digest] = row[0]
    return found
