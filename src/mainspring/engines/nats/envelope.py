"""What a message of the stream says: a short head in MessagePack, then Arrow streams.

Frames are small enough (16,384 rows, about half a megabyte) that one fits into a message and a
reader of a few records fetches little.  A body that is larger than a message may be travels ahead
in messages of its own, the parts; the message that names them is the record, and without it they
are nothing. So a call is in the log whole or not at all, whatever its size and whenever its writer
dies.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from mainspring.ports.errors import StoreDamaged

__all__ = [
    "Append",
    "Frame",
    "Parts",
    "Record",
    "RecordLocation",
    "RecordShare",
    "Trim",
    "encode_frames",
    "iter_locations",
    "iter_streams",
    "parse_record",
    "read_frame",
    "render_record",
]

_MARK = b"MSL1"
_HEAD = struct.Struct(">4sI")
_ROWS_PER_FRAME = 16_384
_WORTH_COMPRESSING = 256


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One Arrow stream of a body: its rows and its size."""

    rows: int
    size_bytes: int


class RecordShare(msgspec.Struct, frozen=True, array_like=True):
    """What one topic gets from an append; `expected` is the head that it must have, None where it
    may have any.
    """

    topic: str
    expected: int | None
    frames: tuple[Frame, ...]

    @property
    def rows(self) -> int:
        """How many records the topic gets."""
        return sum(frame.rows for frame in self.frames)


class Parts(msgspec.Struct, frozen=True, array_like=True):
    """The messages that carry a body, in order; all but the last have `size_bytes`."""

    messages: tuple[int, ...]
    size_bytes: int


class Append(msgspec.Struct, frozen=True, array_like=True, tag="append"):
    """A call of `append`: it holds where every expectation does, and is void otherwise.  Its body
    is the frames of its shares, one after the other.
    """

    shares: tuple[RecordShare, ...]
    parts: Parts | None = None


class Trim(msgspec.Struct, frozen=True, array_like=True, tag="trim"):
    """A topic begins at `first` now.

    Args:
        message: the last message that held records below `first`; of its frames for the topic, the
            first `frames_gone` are forgotten.
        settled: up to this message its writer had removed what is void, so whatever is left of them
            holds.
        frames: the identities that are nowhere else any more: `_id`, `_offset`, `_content`,
            `_visible_at`, `_stands`.
    """

    topic: str
    first: int
    message: int
    frames_gone: int
    settled: int
    frames: tuple[Frame, ...]
    parts: Parts | None = None


Record = Append | Trim
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Append | Trim)


class RecordLocation(NamedTuple):
    """Where the bytes of a frame are: in these messages put together, from `at` on."""

    messages: tuple[int, ...]
    at: int
    size_bytes: int


def render_record(record: Record, body: bytes = b"") -> bytes:
    """A record as the bytes of a message, with its body where that has no parts."""
    head = msgspec.msgpack.encode(record)
    return b"".join((_HEAD.pack(_MARK, len(head)), head, body))


def parse_record(data: bytes, *, message: int) -> tuple[Record, int]:
    """The record of a message, and where its body begins; ENG-010 for what nobody of ours wrote, or
    a later version.
    """
    try:
        mark, size = _HEAD.unpack_from(data)
        if mark != _MARK:
            raise StoreDamaged(
                store="the log",
                reason=f"message {message} begins with {mark!r}, not with {_MARK!r}",
            )
        return _DECODER.decode(data[_HEAD.size : _HEAD.size + size]), _HEAD.size + size
    except (struct.error, msgspec.MsgspecError) as error:
        raise StoreDamaged(
            store="the log", reason=f"message {message} cannot be read: {error}"
        ) from error


def iter_locations(
    frames: Sequence[Frame], parts: Parts | None, *, message: int, body_at: int
) -> Iterator[RecordLocation]:
    """Where each frame of a body is: in the parts, or in the message itself from `body_at` on."""
    at = 0
    for frame in frames:
        if parts is None:
            yield RecordLocation((message,), body_at + at, frame.size_bytes)
        else:
            touched = parts.messages[
                at // parts.size_bytes : (at + frame.size_bytes - 1) // parts.size_bytes + 1
            ]
            yield RecordLocation(touched, at % parts.size_bytes, frame.size_bytes)
        at += frame.size_bytes


def iter_streams(
    frames: Sequence[Frame], data: bytes | None, *, body_at: int
) -> Iterator[memoryview | None]:
    """The bytes of each frame of a body; None for each where the body is gone."""
    for frame in frames:
        yield None if data is None else memoryview(data)[body_at : body_at + frame.size_bytes]
        body_at += frame.size_bytes


def encode_frames(frame: pl.DataFrame) -> tuple[tuple[Frame, ...], bytes]:
    """A frame cut into Arrow streams that every Arrow reader understands (no string views),
    compressed where that pays.
    """
    pieces = [frame[at : at + _ROWS_PER_FRAME] for at in range(0, frame.height, _ROWS_PER_FRAME)]
    streams = [_to_stream(piece) for piece in pieces]
    return tuple(
        Frame(piece.height, len(stream)) for piece, stream in zip(pieces, streams, strict=True)
    ), b"".join(streams)


def _to_stream(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    compression: Literal["zstd", "uncompressed"] = (
        "zstd" if frame.height >= _WORTH_COMPRESSING else "uncompressed"
    )
    frame.write_ipc_stream(stream, compression=compression, compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


def read_frame(data: bytes | memoryview, *, columns: list[str] | None = None) -> pl.DataFrame:
    """The frame of an Arrow stream, perhaps some of its columns only."""
    return pl.read_ipc_stream(io.BytesIO(data), columns=columns)
