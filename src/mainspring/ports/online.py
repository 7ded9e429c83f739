"""The port of the online store: rows of bytes by (shard, key), read in place by the feature kernel.

A shard is one build of one feature view, or a partition of it.  The content of keys and rows
belongs to `features`; a store only compares keys and returns rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec

from mainspring.elements.time import Micros
from mainspring.ports.errors import StoreDamaged, StoreFailed

__all__ = [
    "CHECKSUM_BYTES",
    "KEY_LIMIT_BYTES",
    "NOTHING_APPENDED",
    "OTHER_BYTES",
    "SEAL_RESIDUE",
    "OnlineReader",
    "OnlineWriter",
    "Position",
    "ShardCommit",
    "decode_position",
    "encode_position",
    "put_rows",
    "refuse_long_keys",
    "seal",
    "unseal",
    "unseal_rows",
]

KEY_LIMIT_BYTES = 400
"""The longest key that every engine takes.  It is LMDB's limit, with room for the engine's prefix;
store longer names under their digest.
"""

NOTHING_APPENDED: Mapping[bytes, bytes] = MappingProxyType({})

_POSITIONS_KEPT = 4_096


@dataclass(frozen=True)
class Position:
    """How far a shard is materialized: per topic the offset (exclusive), and K, the largest visible
    time of the facts in it.

    Args:
        kept_from: the event time from which on no fact is missing; earlier facts may be.
        layout: how the rows lie, as `features` numbers it.
    """

    offsets: tuple[tuple[str, int], ...]
    visible_until: Micros
    kept_from: Micros = -(2**62)
    layout: int = 1

    def offset(self, topic: str) -> int:
        """The offset of one topic; 0 if nothing of it is materialized."""
        return dict(self.offsets).get(topic, 0)


CHECKSUM_BYTES = 4
SEAL_RESIDUE = 0x2144DF1C
"""The CRC-32 of any bytes with their own CRC-32 behind them."""
OTHER_BYTES = "a row has other bytes than were written"


def seal(payload: bytes) -> bytes:
    """Bytes with a checksum behind them; `unseal` is the inverse."""
    return payload + crc32(payload).to_bytes(CHECKSUM_BYTES, "little")


def unseal(sealed: bytes, *, store: str) -> bytes:
    """The bytes that were sealed.  Cost: 0.3 µs for a row of 400 bytes.

    Raises: StoreDamaged ENG-010 where a single bit is another.
    """
    if crc32(sealed) != SEAL_RESIDUE:
        raise StoreDamaged(store=store, reason=OTHER_BYTES)
    return sealed[:-CHECKSUM_BYTES]


def unseal_rows(sealed: Sequence[bytes | None], *, store: str) -> list[bytes | None]:
    """The bytes of each row that is there.  Raises: as `unseal`."""
    # Written out, since a call for each costs a third of what it does.
    return [
        row
        if row is None
        else row[:-CHECKSUM_BYTES]
        if crc32(row) == SEAL_RESIDUE
        else unseal(row, store=store)
        for row in sealed
    ]


def put_rows(rows: Sequence[bytes | None], memory: memoryview) -> list[int]:
    """Put the rows into this memory, one behind the other, if they fit; how many bytes each has."""
    there = [row or b"" for row in rows]
    joined = b"".join(there)
    if len(joined) <= len(memory):
        memory[: len(joined)] = joined
    return [*map(len, there)]


_POSITION = msgspec.json.Decoder(Position)
encode_position = msgspec.json.Encoder().encode
"""The bytes of a position, as engines store it with the rows; equal positions give equal bytes."""


@lru_cache(maxsize=_POSITIONS_KEPT)
def decode_position(payload: bytes) -> Position:
    """The position of these bytes.  Cost: 0.1 µs for bytes seen before, because a shard is read
    far more often than it moves.

    Raises: StoreDamaged ENG-010 for bytes of no position.
    """
    try:
        return _POSITION.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
        raise StoreDamaged(
            store="the online store", reason=f"a position cannot be read: {error}"
        ) from error


def refuse_long_keys(keys: Iterable[bytes], *, store: str) -> None:
    """For engines, before they write.  Raises: StoreFailed ENG-001 when a key is longer than
    `KEY_LIMIT_BYTES`: all engines must accept the same keys.
    """
    longest = max(map(len, keys), default=0)
    if longest > KEY_LIMIT_BYTES:
        raise StoreFailed(
            store=store,
            operation="write",
            reason=f"a key of {longest} bytes is over the limit of {KEY_LIMIT_BYTES}",
        )


class ShardCommit(NamedTuple):
    """The arguments of `OnlineWriter.commit`, for one of several shards."""

    shard: str
    rows: Mapping[bytes, bytes | None]
    expected: Position | None
    position: Position
    appended: Mapping[bytes, bytes] = NOTHING_APPENDED


class OnlineReader(Protocol):
    """Reads online state.

    Guarantees: rows and position of one call are from the same commit; a row may be empty; what was
        appended to a row stands behind it, in the order of the commits.
    Callers may assume: a key is at most `KEY_LIMIT_BYTES` long wherever it is stored.
    """

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """The shard's position (None: it does not exist) and the row of each key (None: it has
        none).  Cost: about that of the store's bare gets.
        """
        ...

    def read_into(
        self, shard: str, keys: Sequence[bytes], memory: memoryview
    ) -> tuple[Position | None, list[int]]:
        """As `read`, into memory of the caller: the position, and how many bytes the row of each
        key has (0 for none), which lie one behind the other.  Where all are more than the memory
        has, what it holds means nothing, and the caller asks again with more.

        Cost: less than `read`, where a store can spare the copies.
        """
        ...

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position."""
        ...

    def appended(self, shard: str) -> Mapping[bytes, int]:
        """The keys that something was appended to since their row was put, and how many bytes; of
        an absent shard none.
        """
        ...

    def iter_rows(self, shard: str) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a shard in the order of their keys, of one commit; for snapshots and backups.
        An absent shard has none.
        """
        ...


class OnlineWriter(OnlineReader, Protocol):
    """Writes online state.

    Guarantees: rows and position move in one transaction, or nothing does.
    Errors: ENG-004 when the position is not the expected one (another process writes the same
        shard): read it and continue from there. ENG-001 for a key that is too long, or when the
        store cannot be written; earlier commits are still valid.
    """

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes] = NOTHING_APPENDED,
    ) -> None:
        """Put the rows (None removes one, and what was appended to it), append to others, and move
        the shard to the position.

        Args:
            appended: what comes behind the row of each key, whether there is one or not; no key is
                put and appended to at once.
        """
        ...

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit to several shards, each independently, with one flush if the product has one;
        raises the first error after all were tried.
        """
        ...

    def drop(self, shard: str) -> None:
        """Remove a shard; dropping an absent one is no error."""
        ...
