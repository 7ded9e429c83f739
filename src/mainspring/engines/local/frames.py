"""Batches of records as they lie in the log: Arrow streams with a seal."""

import io
from collections.abc import Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import polars as pl

from mainspring.ports.errors import StoreDamaged

__all__ = [
    "PREDICTIONS",
    "Batch",
    "batch_of",
    "damaged_log",
    "frame_from_stream",
    "stream_of_frame",
]

PREDICTIONS = "inference:"
"""What the topics begin with that lie in a file of their own."""
_WORTH_COMPRESSING = 1_024
_SEAL = b"crc\x01"
"""Behind each frame stands this, and a checksum of its bytes: a bit that a disk turned is told."""
_SEAL_BYTES = len(_SEAL) + 4
_LONGEST_REASON = 300


class Batch(NamedTuple):
    """Where a batch lies in its topic."""

    start: int
    rows: int

    @property
    def end(self) -> int:
        """The offset after its last record."""
        return self.start + self.rows


def stream_of_frame(topic: str, frame: pl.DataFrame) -> bytes:
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


def frame_from_stream(
    topic: str, batch: Batch, blob: bytes, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The frame of a batch, checked to be the one that was written.

    Args:
        columns: which to decode; None for all.

    Raises: StoreDamaged ENG-010.
    """
    payload, seal = blob[:-_SEAL_BYTES], blob[-_SEAL_BYTES:]
    # Of release 0.1 there are batches without a seal.
    if seal[: len(_SEAL)] == _SEAL and seal[len(_SEAL) :] != _checksum(topic, payload):
        raise damaged_log(topic, f"the batch at offset {batch.start} has other bytes")
    wanted = None if columns is None else list(columns)
    try:
        frame = pl.read_ipc_stream(io.BytesIO(blob), columns=wanted)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise damaged_log(topic, f"the batch at offset {batch.start}: {error}") from error
    if frame.height != batch.rows or "_id" not in frame.columns:
        raise damaged_log(topic, f"the batch at offset {batch.start} holds other records")
    return frame


def batch_of(topic: str, row: Sequence[object]) -> Batch:
    """A row of the database that says where a batch lies, and its frame.

    Raises: StoreDamaged ENG-010.
    """
    match row:
        case (int() as start, int() as rows, bytes()) if start >= 0 and rows > 0:
            return Batch(start, rows)
        case _:
            raise damaged_log(topic, "a batch has no offset, no size or no frame")


def damaged_log(topic: str, reason: str) -> StoreDamaged:
    """That a topic cannot be read, and why."""
    file = "log-inference.db" if topic.startswith(PREDICTIONS) else "log.db"
    return StoreDamaged(store=f"topic {topic} of the log ({file})", reason=reason[:_LONGEST_REASON])


def _checksum(topic: str, payload: bytes) -> bytes:
    """Of the bytes and of where they belong: those of another topic are other bytes."""
    return crc32(payload, crc32(topic.encode())).to_bytes(4, "little")
