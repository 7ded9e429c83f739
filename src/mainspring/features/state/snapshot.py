"""A shard's state as one run of bytes: the same state always gives the same bytes, so that a
snapshot is named by their digest.

A line that says what follows, then for each row, in the order of their keys, the length of its key
and of itself, and both.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec

from mainspring.elements.identity import canonical_json
from mainspring.features.errors import SnapshotUnreadable
from mainspring.ports.online import Position

__all__ = ["Snapshot", "parse_snapshot", "render_snapshot"]

_FORMAT = "mainspring-shard-1"
_LENGTHS = struct.Struct("<II")


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    shard: str
    position: Position
    rows: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A shard at a position; `rows` in the order of their keys."""

    shard: str
    position: Position
    rows: tuple[tuple[bytes, bytes], ...]


def render_snapshot(snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot; `parse_snapshot` is the inverse.  Cost: a copy of the rows."""
    head = _Head(
        format=_FORMAT, shard=snapshot.shard, position=snapshot.position, rows=len(snapshot.rows)
    )
    return b"".join([canonical_json(head), b"\n", *_chunks(snapshot.rows)])


def parse_snapshot(payload: bytes) -> Snapshot:
    """The snapshot of these bytes.  Raises: FEA-005 for bytes that are none, or of another
    format.
    """
    line, _, body = payload.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=_Head)
        rows = tuple(_iter_rows(body))
    except (msgspec.MsgspecError, struct.error) as error:
        raise SnapshotUnreadable(reason=str(error)) from error
    if head.format != _FORMAT or head.rows != len(rows):
        raise SnapshotUnreadable(
            reason=f"it says {head.format} with {head.rows} rows, and {_FORMAT} with "
            f"{len(rows)} is what was looked for"
        )
    return Snapshot(shard=head.shard, position=head.position, rows=rows)


def _chunks(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for key, row in rows:
        yield _LENGTHS.pack(len(key), len(row))
        yield key
        yield row


def _iter_rows(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(body):
        key_size, size = _LENGTHS.unpack_from(body, at)
        begin = at + _LENGTHS.size
        at = begin + key_size + size
        if at > len(body):
            raise struct.error("the last row is cut off")
        yield body[begin : begin + key_size], body[begin + key_size : at]
