"""Records that came packed, as they lie in the log: a few bytes of envelope before each payload.

An Arrow stream of one record has two kilobytes of schema, and takes a tenth of a millisecond to
make: predictions come one by one and by the million.  What many records share lies apart, once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.ports.log import PackedRecord
from mainspring.ports.packed_frame import PACKED_COLUMNS, frame_of_records

__all__ = ["digests_of_packed", "frame_of_packed", "packed_payload"]

_DIGEST_BYTES = 16


class _Row(NamedTuple):
    """A record; `shared` is the digest of what lies apart."""

    id: str
    at: int
    shared: bytes
    packed: bytes


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[_Row])


def packed_payload(records: Sequence[PackedRecord]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The records as bytes, and by digest what they share: `frame_of_packed` is the inverse."""
    apart = {record.shared: _digest_of(record.shared) for record in records}
    rows = [(name, at, apart[shared], packed) for name, at, shared, packed in records]
    return _encode(rows), [(digest, shared) for shared, digest in apart.items()]


def digests_of_packed(payload: bytes, columns: Sequence[str] | None) -> list[bytes]:
    """The digests of what lies apart and these columns need; None for all columns.  Raises:
    msgspec.DecodeError.
    """
    if columns is not None and "shared" not in columns:
        return []
    return [*dict.fromkeys(row.shared for row in _decoder.decode(payload))]


def frame_of_packed(
    payload: bytes, columns: Sequence[str] | None, apart: Mapping[bytes, bytes]
) -> pl.DataFrame:
    """The records as a frame.

    Args:
        columns: which to make; None for all.
        apart: what the records share, by digest.

    Raises: msgspec.DecodeError, and ValueError where what is shared is missing or another.
    """
    rows = [PackedRecord(*row) for row in _decoder.decode(payload)]
    names = PACKED_COLUMNS if columns is None else columns
    return frame_of_records(
        [row._replace(shared=_fetched(row.shared, apart)) for row in rows]
        if "shared" in names
        else rows
    ).select(names)


def _fetched(digest: bytes, apart: Mapping[bytes, bytes]) -> bytes:
    shared = apart.get(digest)
    if shared is None:
        raise ValueError(f"what its records share is missing: {digest.hex()}")
    if _digest_of(shared) != digest:
        raise ValueError(f"what its records share has other bytes: {digest.hex()}")
    return shared


def _digest_of(shared: bytes) -> bytes:
    return hashlib.blake2b(shared, digest_size=_DIGEST_BYTES).digest()
