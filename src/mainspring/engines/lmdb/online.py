"""Online rows in LMDB, read without a lock and without a copy of anything but the rows that were
asked for.

Keys in the file: `s` + shard → its token (8 random bytes) and position; `r` + token + key → row.
Position and rows have a checksum behind them, for LMDB has none, and what reads the rows takes them
as they lie; shards that release 0.1 made have none for as long as they last.  A shard that is made
again has another token, so a drop takes one small commit, and its rows are
removed afterwards, some thousand at a time; what a crash leaves of them the next drop removes.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import lmdb

from mainspring.engines.lmdb.environment import (
    LmdbTransaction,
    open_environment,
    translate_lmdb_error,
    translate_lmdb_errors,
)
from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import (
    KEY_LIMIT_BYTES,
    Position,
    ShardCommit,
    decode_position,
    encode_position,
    refuse_long_keys,
    seal,
    unseal,
)

__all__ = ["LmdbOnline"]

_SHARD, _ROW = b"s", b"r"
_SEALED = b"\x01"
"""Stands before a position that is sealed; no position of release 0.1 begins with it."""
_TOKEN_BYTES = 8
_PREFIX_BYTES = len(_ROW) + _TOKEN_BYTES
_ABOVE_ALL_KEYS = b"\xff" * (KEY_LIMIT_BYTES + 1)
_REMOVED_AT_ONCE = 10_000
_NAME = "the online store"


class _Shard(NamedTuple):
    """A shard at one commit of the file: what the keys of its rows begin with, and its position;
    None where there is no such shard.
    """

    commit: int
    prefix: bytes
    position: Position | None
    is_sealed: bool


class LmdbOnline:
    """The online state of a workspace; any number of processes may read it and fold into it.

    Args:
        path: the file; LMDB keeps a lock file beside it.
        map_bytes: how large it can become; default: as large as this process allows.
    """

    def __init__(self, path: Path, *, map_bytes: int | None = None) -> None:
        self._environment = open_environment(path, name=_NAME, map_bytes=map_bytes)
        self._known: dict[str, _Shard] = {}
        """Shards as they were at the commit of the file at which they were last read: as long as
        nobody writes, they need not be looked up again.
        """

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """The shard's position (None: it does not exist) and the row of each key (None: it has
        none).
        """
        try:
            with self._environment.begin() as transaction:
                known = self._known.get(shard)
                if known is None or known.commit != transaction.id():
                    known = self._known[shard] = _look_up(transaction, shard)
                if known.position is None:
                    return None, [None] * len(keys)
                get, prefix = transaction.get, known.prefix
                rows = [get(prefix + key) for key in keys]
                if not known.is_sealed:
                    return known.position, rows
                return known.position, [row and unseal(row, store=_NAME) for row in rows]
        except lmdb.Error as error:
            raise translate_lmdb_error(error, _NAME, "read") from error

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position."""
        with translate_lmdb_errors(_NAME, "read"), self._environment.begin() as transaction:
            return {
                key[len(_SHARD) :].decode(): position
                for key, found in _iter_from(transaction, _SHARD)
                if (position := _shard_of(transaction, found).position) is not None
            }

    def iter_rows(self, shard: str) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a shard in the order of their keys, of one commit; the file grows while one
        is held, so do not hold it for long.
        """
        with translate_lmdb_errors(_NAME, "read"), self._environment.begin() as transaction:
            found = _look_up(transaction, shard)
            if found.position is not None:
                for key, row in _iter_from(transaction, found.prefix):
                    yield (
                        key[_PREFIX_BYTES:],
                        unseal(row, store=_NAME) if found.is_sealed else row,
                    )

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
    ) -> None:
        """Put the rows (None removes one) and move the shard to the position; ENG-004 when it is
        not at the expected one.
        """
        self._environment.transact(_written(ShardCommit(shard, rows, expected, position)))

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit to several shards, each as by itself, with one flush."""
        self._environment.transact_all([_written(commit) for commit in commits])

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        self._environment.transact(lambda transaction: transaction.delete(_SHARD + shard.encode()))
        while self._environment.transact(_remove_orphans):
            pass

    def close(self) -> None:
        """Let go of the file; using the store afterwards is a fault."""
        del self._environment


def _look_up(transaction: LmdbTransaction, shard: str) -> _Shard:
    found = transaction.get(_SHARD + shard.encode())
    if found is None:
        return _Shard(transaction.id(), b"", None, is_sealed=True)
    return _shard_of(transaction, found)


def _shard_of(transaction: LmdbTransaction, stored: bytes) -> _Shard:
    token, position = stored[:_TOKEN_BYTES], stored[_TOKEN_BYTES:]
    is_sealed = position[:1] == _SEALED
    if is_sealed:
        position = unseal(position[1:], store=_NAME)
    return _Shard(transaction.id(), _ROW + token, decode_position(position), is_sealed)


def _written(commit: ShardCommit) -> Callable[[LmdbTransaction], None]:
    """The work of a commit; a key that is too long is refused when it is done."""
    return partial(_write, **commit._asdict())


def _write(
    transaction: LmdbTransaction,
    *,
    shard: str,
    rows: Mapping[bytes, bytes | None],
    expected: Position | None,
    position: Position,
) -> None:
    refuse_long_keys(rows, store=_NAME)
    found = _look_up(transaction, shard)
    if found.position != expected:
        raise StaleWrite(what=f"shard {shard}", expected=str(expected), found=str(found.position))
    prefix = found.prefix or _ROW + secrets.token_bytes(_TOKEN_BYTES)
    for key, row in rows.items():
        if row is None:
            transaction.delete(prefix + key)
        else:
            transaction.put(prefix + key, seal(row) if found.is_sealed else row)
    place = encode_position(position)
    transaction.put(
        _SHARD + shard.encode(),
        prefix[len(_ROW) :] + (_SEALED + seal(place) if found.is_sealed else place),
    )


def _remove_orphans(transaction: LmdbTransaction) -> bool:
    """Remove some rows that no shard owns; whether there may be more."""
    owned = {found[:_TOKEN_BYTES] for _, found in _iter_from(transaction, _SHARD)}
    cursor = transaction.cursor()
    left = _REMOVED_AT_ONCE
    cursor.set_range(_ROW)
    while left and cursor.key().startswith(_ROW):
        token = cursor.key()[len(_ROW) : _PREFIX_BYTES]
        if token in owned:
            cursor.set_range(_ROW + token + _ABOVE_ALL_KEYS)
        else:
            cursor.delete()
            left -= 1
    return left == 0


def _iter_from(transaction: LmdbTransaction, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """What is stored under keys with this prefix, in their order."""
    cursor = transaction.cursor()
    if cursor.set_range(prefix):
        for key, value in cursor:
            if not key.startswith(prefix):
                return
            yield key, value
