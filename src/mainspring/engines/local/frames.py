"""Batches of records as they lie in the log: Arrow streams with a seal.

Of a large one each column has a stream of its own, and beside them stands how the columns are
written (`codings`).  The streams may lie apart, named by their digests, so that two batches that
have a column in common have one stream for it.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple
from zlib import crc32

import msgspec
import polars as pl

from mainspring.engines.local.codings import Coding, coded, decoded, stored_names
from mainspring.engines.local.packed import digests_of_packed, frame_of_packed, packed_payload
from mainspring.ports.errors import StoreDamaged
from mainspring.ports.log import PackedRecord
from mainspring.ports.packed_frame import records_of_frame

__all__ = [
    "PREDICTIONS",
    "BatchExtent",
    "SealedFrame",
    "damaged_log",
    "extent_of",
    "frame_from_stream",
    "sealed_frame",
    "sealed_records",
    "stream_of_frame",
    "streams_apart",
]

PREDICTIONS = "inference:"
"""What the topics begin with that lie in a file of their own."""
_WORTH_CODING = 1_024
"""Rows of a frame."""
_WORTH_CODING_PACKED = 64
"""Rows of a frame of packed records, which are longer."""
_WORTH_SHARING = 4_096
"""Bytes of a stream."""
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
_SEAL_OF_PACKED = b"crc\x04"
"""The seal of a frame of packed records."""
_CHECKSUM_BYTES = 4
_SEAL_BYTES = len(_SEAL) + _CHECKSUM_BYTES
_DIGEST_BYTES = 16
_NOTHING: Mapping[bytes, bytes] = MappingProxyType({})
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


class _Stream(NamedTuple):
    """What a column stores, under these names; `stream` is None where it lies apart."""

    names: list[str]
    digest: bytes
    stream: bytes | None


class _Coded(NamedTuple):
    """How many rows a frame has, how its columns are written, in their order, and what they
    store.
    """

    rows: int
    columns: dict[str, Coding]
    streams: list[_Stream]


class SealedFrame(NamedTuple):
    """A frame as bytes, and by their digests the streams that lie apart."""

    blob: bytes
    streams: Sequence[tuple[bytes, bytes]] = ()


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
    """The frame as bytes, with all that it stores."""
    return sealed_frame(topic, frame, is_apart=False).blob


def sealed_frame(topic: str, frame: pl.DataFrame, *, is_apart: bool) -> SealedFrame:
    """The frame as bytes: of few rows as an Arrow stream that every Arrow reader understands (no
    string views), else coded.

    Args:
        is_apart: whether the streams of a large one lie apart.
    """
    if frame.height < _WORTH_CODING and (records := records_of_frame(frame)) is not None:
        if frame.height < _WORTH_CODING_PACKED:
            return sealed_records(topic, records)
    elif frame.height < _WORTH_CODING:
        payload = _stream_of(frame, "uncompressed")
        return SealedFrame(payload + _SEAL + _checksum(topic, payload))
    codings, groups = coded(frame)
    streams, apart = list[_Stream](), list[tuple[bytes, bytes]]()
    for group in groups:
        # Under names of its own, so that equal columns are equal streams.
        own = group.rename(dict(zip(group.columns, map(str, range(group.width)), strict=True)))
        stream = _stream_of(own, "zstd")
        is_own = is_apart and len(stream) >= _WORTH_SHARING
        digest = _digest_of(stream) if is_own else b""
        streams.append(_Stream(group.columns, digest, None if is_own else stream))
        apart += [(digest, stream)] if is_own else []
    payload = msgspec.msgpack.encode(_Coded(frame.height, codings, streams))
    return SealedFrame(payload + _SEAL_OF_CODINGS + _checksum(topic, payload), apart)


def sealed_records(topic: str, records: Sequence[PackedRecord]) -> SealedFrame:
    """Packed records as bytes; what they share lies apart."""
    payload, apart = packed_payload(records)
    return SealedFrame(payload + _SEAL_OF_PACKED + _checksum(topic, payload), apart)


def streams_apart(blob: bytes, columns: Sequence[str] | None = None) -> list[bytes]:
    """The digests of the streams that lie apart and that these columns of a frame need; None for
    all columns.  Nothing of one that cannot be read.
    """
    kind = blob[-_SEAL_BYTES:-_CHECKSUM_BYTES]
    if kind not in (_SEAL_OF_CODINGS, _SEAL_OF_PACKED):
        return []
    try:
        if kind == _SEAL_OF_PACKED:
            return digests_of_packed(blob[:-_SEAL_BYTES], columns)
        held = msgspec.msgpack.decode(blob[:-_SEAL_BYTES], type=_Coded)
        wanted = stored_names(held.columns, held.columns if columns is None else columns)
    except _UNREADABLE:
        return []
    return [
        each.digest for each in held.streams if each.stream is None and {*each.names} & {*wanted}
    ]


def frame_from_stream(
    topic: str,
    batch: BatchExtent,
    blob: bytes,
    *,
    columns: Sequence[str] | None = None,
    apart: Mapping[bytes, bytes] = _NOTHING,
) -> pl.DataFrame:
    """The frame of a batch, checked to be the one that was written.

    Args:
        columns: which to decode; None for all.
        apart: the streams of `streams_apart`.

    Raises: StoreDamaged ENG-010.
    """
    payload, seal = blob[:-_SEAL_BYTES], blob[-_SEAL_BYTES:]
    # Of release 0.1 there are batches without a seal.
    kind = seal[: len(_SEAL)]
    is_sealed = kind in (_SEAL, _SEAL_OF_COLUMNS, _SEAL_OF_CODINGS, _SEAL_OF_PACKED)
    if is_sealed and seal[len(_SEAL) :] != _checksum(topic, payload):
        raise damaged_log(topic, f"the batch at offset {batch.start} has other bytes")
    try:
        if kind == _SEAL_OF_CODINGS:
            frame = _read_coded(payload, columns, apart)
        elif kind == _SEAL_OF_PACKED:
            frame = frame_of_packed(payload, columns, apart)
        elif kind == _SEAL_OF_COLUMNS:
            frame = _read(payload, columns)
        else:
            frame = _read_stream(blob, columns)
    except _UNREADABLE as error:
        raise damaged_log(topic, f"the batch at offset {batch.start}: {error}") from error
    if frame.height != batch.rows or "_id" not in frame.columns:
        raise damaged_log(topic, f"the batch at offset {batch.start} holds other records")
    return frame


def _read_coded(
    payload: bytes, wanted: Sequence[str] | None, apart: Mapping[bytes, bytes]
) -> pl.DataFrame:
    held = msgspec.msgpack.decode(payload, type=_Coded)
    names = list(held.columns) if wanted is None else wanted
    needed = set(stored_names(held.columns, names))
    groups = [_read_group(each, apart) for each in held.streams if needed & set(each.names)]
    stored = pl.concat(groups, how="horizontal") if groups else pl.DataFrame()
    return decoded(held.columns, stored, names, held.rows)


def _read_group(held: _Stream, apart: Mapping[bytes, bytes]) -> pl.DataFrame:
    """What a column stores.  Raises: ValueError where what lies apart is absent or another."""
    stream = apart.get(held.digest) if held.stream is None else held.stream
    if stream is None:
        raise ValueError(f"the stream {held.digest.hex()} is missing")
    if held.stream is None and _digest_of(stream) != held.digest:
        raise ValueError(f"the stream {held.digest.hex()} has other bytes")
    frame = _read_stream(stream, None)
    return frame.rename(dict(zip(frame.columns, held.names, strict=True)))


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


def _stream_of(frame: pl.DataFrame, compression: Literal["uncompressed", "zstd"]) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc_stream(stream, compression=compression, compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


def _digest_of(stream: bytes) -> bytes:
    return hashlib.blake2b(stream, digest_size=_DIGEST_BYTES).digest()


def _checksum(topic: str, payload: bytes) -> bytes:
    """Of the bytes and of where they belong: those of another topic are other bytes."""
    return crc32(payload, crc32(topic.encode())).to_bytes(4, "little")
