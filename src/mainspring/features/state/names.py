"""Where the state of a key lies: the keys of its rows, and the shard that has it.

The row of a key lies under its *name*: the place of the entity in its view, then the key in
MessagePack, which no other name begins with; pages that are not in it lie under the name with level
and number behind.  Names longer than a store takes are replaced by their digest.
"""

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Final
from zlib import crc32

import msgspec

from mainspring.ports.online import KEY_LIMIT_BYTES

__all__ = [
    "STATE_LAYOUT",
    "encode_key",
    "encode_keys",
    "encode_single_keys",
    "page_key",
    "partition_of",
    "shard_of_partition",
    "shards_of_partitions",
]

STATE_LAYOUT: Final = 2
"""How rows lie: raised when they lie otherwise, so that what an earlier release laid out is folded
anew from the log and never misread.
"""

_NUMBER_BYTES: Final = 7
_LONGEST_NAME: Final = KEY_LIMIT_BYTES - 1 - _NUMBER_BYTES
_DIGEST_MARK: Final = b"\xc1"
"""The one byte that MessagePack never begins with."""

_ONE_PART: Final = b"\x91"
"""What MessagePack begins an array of one item with."""

_ENTITIES: Final = [bytes((entity,)) for entity in range(256)]

_encode = msgspec.msgpack.Encoder().encode


def encode_key(entity: int, key: Sequence[object]) -> bytes:
    """The name of one entity's key.

    >>> encode_key(1, ("JFK",))
    b'\\x01\\x91\\xa3JFK'
    """
    name = _ENTITIES[entity] + _encode(key)
    return (
        name
        if len(name) <= _LONGEST_NAME
        else name[:1] + _DIGEST_MARK + blake2b(name, digest_size=32).digest()
    )


def encode_keys(entity: int, keys: Iterable[Sequence[object]]) -> list[bytes]:
    """The name of each of these keys of one entity, as `encode_key` gives it."""
    return [encode_key(entity, key) for key in keys]


def encode_single_keys(entity: int, values: Collection[object]) -> list[bytes]:
    """The names of keys that have one part."""
    mark = _ENTITIES[entity] + _ONE_PART
    names = [mark + name for name in map(_encode, values)]
    if max(map(len, names), default=0) > _LONGEST_NAME:
        return encode_keys(entity, ((value,) for value in values))
    return names


def page_key(name: bytes, level: int, number: int) -> bytes:
    """Where a page of this key lies."""
    return name + bytes((level,)) + number.to_bytes(_NUMBER_BYTES, "big")


def partition_of(name: bytes, partitions: int) -> int:
    """The partition of a key, the same in every process for ever.

    >>> partition_of(encode_key(1, ("JFK",)), 7)
    4
    """
    # Not Python's hash, which differs by process; CRC-32 is the same in every language and fast.
    return 0 if partitions == 1 else crc32(name) % partitions


def shard_of_partition(shard: str, partition: int, partitions: int) -> str:
    """The name of the shard that holds one of so many partitions of a view's state.

    >>> shard_of_partition("delays@1f", 2, 7), shard_of_partition("delays@1f", 0, 1)
    ('delays@1f/2of7', 'delays@1f')
    """
    return shard if partitions == 1 else f"{shard}/{partition}of{partitions}"


def shards_of_partitions(shard: str, partitions: int) -> tuple[str, ...]:
    """The shards of all partitions of a view's state.

    >>> shards_of_partitions("delays@1f", 2)
    ('delays@1f/0of2', 'delays@1f/1of2')
    """
    return tuple(
        shard_of_partition(shard, partition, partitions) for partition in range(partitions)
    )
