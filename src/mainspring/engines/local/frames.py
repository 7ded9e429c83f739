"""Batches of records as they lie in the log: Arrow streams with a seal.

Behind the stream of a large one stands how its columns are written (`codings`).
"""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
import polars as pl

from mainspring.engines.local.codings import Coding, coded, decoded, stored_names
from mainspring.ports.errors import StoreDamaged

__all__ = [
    "PREDICTIONS",
    "BatchExtent",
    "damaged_log",
    "extent_of",
    "frame_from_stream",
    "stream_of_frame",
]

PREDICTIONS = "inference:"
"""What the topics begin with that lie in a file of their own."""
_WORTH_COMPRESSING = 1_024
_KINDS: Mapping[str, pl.DataType] = {
    "int64": pl.Int64(),
    "timestamp": pl.Datetime("us", "UTC"),
    "string": pl.String(),
}
_SEAL = b"crc\x01"
"""Behind each frame stands this, and a checksum of its bytes: a bit that a disk turned is told."""
_SEAL_OF_COLUMNS = b"crc\x02"
"""The seal of a frame of which some columns are written as equal to others, as early builds did."""
_SEAL_OF_CODINGS = b"crc\x03"
"""The seal of a frame whose columns are coded."""
_SEAL_BYTES = len(_SEAL) + 4
_SIZE_BYTES = 4
_UNREADABLE = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    msgspec.DecodeError,
    KeyError,
    OSError,
    ValueError,
)
_LONGEST_REASON = 300


class _Codings(NamedTuple):
    """How many rows a frame has, and how its columns are written, in their order."""

    rows: int
    columns: dict[str, Coding]


class _Columns(NamedTuple):
    """The columns of a frame in their order, and by name those that are not in its stream: which
    column they are equal to, and of which type they are.
    """

    names: list[str]
    equal: dict[str, tuple[str, str]]


class BatchExtent(NamedTuple):
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
    if frame.height < _WORTH_COMPRESSING:
        frame.write_ipc_stream(
            stream, compression="uncompressed", compat_level=pl.CompatLevel.oldest()
        )
        payload = stream.getvalue()
        return payload + _SEAL + _checksum(topic, payload)
    codings, stored = coded(frame)
    stored.write_ipc_stream(stream, compression="zstd", compat_level=pl.CompatLevel.oldest())
    # Behind the end of the stream, where its readers do not look.
    said = msgspec.msgpack.encode(_Codings(frame.height, codings))
    payload = stream.getvalue() + said + len(said).to_bytes(_SIZE_BYTES, "little")
    return payload + _SEAL_OF_CODINGS + _checksum(topic, payload)


def frame_from_stream(
    topic: str, batch: BatchExtent, blob: bytes, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The frame of a batch, checked to be the one that was written.

    Args:
        columns: which to decode; None for all.

    Raises: StoreDamaged ENG-010.
    """
    payload, seal = blob[:-_SEAL_BYTES], blob[-_SEAL_BYTES:]
    # Of release 0.1 there are batches without a seal.
    kind = seal[: len(_SEAL)]
    is_sealed = kind in (_SEAL, _SEAL_OF_COLUMNS, _SEAL_OF_CODINGS)
    if is_sealed and seal[len(_SEAL) :] != _checksum(topic, payload):
        raise damaged_log(topic, f"the batch at offset {batch.start} has other bytes")
    try:
        if kind == _SEAL_OF_CODINGS:
            frame = _read_coded(payload, columns)
        elif kind == _SEAL_OF_COLUMNS:
            frame = _read(payload, columns)
        else:
            frame = _read_stream(blob, columns)
    except _UNREADABLE as error:
        raise damaged_log(topic, f"the batch at offset {batch.start}: {error}") from error
    if frame.height != batch.rows or "_id" not in frame.columns:
        raise damaged_log(topic, f"the batch at offset {batch.start} holds other records")
    return frame


def _read_coded(payload: bytes, wanted: Sequence[str] | None) -> pl.DataFrame:
    stream, said = _parts(payload)
    codings = msgspec.msgpack.decode(said, type=_Codings)
    names = list(codings.columns) if wanted is None else wanted
    held = stored_names(codings.columns, names)
    stored = _read_stream(stream, held) if held else pl.DataFrame()
    return decoded(codings.columns, stored, names, codings.rows)


def _parts(payload: bytes) -> tuple[bytes, bytes]:
    """The stream, and what is said of it behind it."""
    size = int.from_bytes(payload[-_SIZE_BYTES:], "little")
    end = len(payload) - _SIZE_BYTES - size
    return payload[:end], payload[end:-_SIZE_BYTES]


def _read(payload: bytes, wanted: Sequence[str] | None) -> pl.DataFrame:
    """A frame of which some columns are written as equal to others."""
    stream, said = _parts(payload)
    columns = msgspec.msgpack.decode(said, type=_Columns)
    names = columns.names if wanted is None else wanted
    held = list(dict.fromkeys(columns.equal[n][0] if n in columns.equal else n for n in names))
    frame = _read_stream(stream, None if wanted is None else held)
    return frame.select(
        pl.col(columns.equal[name][0]).cast(_KINDS[columns.equal[name][1]]).alias(name)
        if name in columns.equal
        else name
        for name in names
    )


def _read_stream(stream: bytes, columns: Sequence[str] | None) -> pl.DataFrame:
    return pl.read_ipc_stream(
        io.BytesIO(stream), columns=None if columns is None else list(columns)
    )


def extent_of(topic: str, row: Sequence[object]) -> BatchExtent:
    """A row of the database that says where a batch lies, and its frame.

    Raises: StoreDamaged ENG-010.
    """
    match row:
        case (int() as start, int() as rows, bytes()) if start >= 0 and rows > 0:
            return BatchExtent(start, rows)
        case _:
            raise damaged_log(topic, "a batch has no offset, no size or no frame")


def damaged_log(topic: str, reason: str) -> StoreDamaged:
    """That a topic cannot be read, and why."""
    file = "log-inference.db" if topic.startswith(PREDICTIONS) else "log.db"
    return StoreDamaged(store=f"topic {topic} of the log ({file})", reason=reason[:_LONGEST_REASON])


def _checksum(topic: str, payload: bytes) -> bytes:
    """Of the bytes and of where they belong: those of another topic are other bytes."""
    return crc32(payload, crc32(topic.encode())).to_bytes(4, "little")
