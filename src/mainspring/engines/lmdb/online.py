"""Online rows in LMDB, read without a lock and without a copy of anything but the rows that were
asked for.

Keys in the file: `s` + shard → its token (8 random bytes), the first and the last of its runs, and
its position; `r` + token + key → row; `q` + token + number → run.  What a commit appends is one
run, pages that lie one behind the other, however many keys it is about; reads find it by an index
in memory (`runs`), and a row that is put makes what was appended to it count no more.

Positions, rows and runs have a checksum behind them, for LMDB has none, and what reads the rows
takes them as they lie; rows of shards that release 0.1 made have none for as long as they last.  A
shard that is made again has another token, so a drop takes one small commit, and its rows are
removed afterwards, some thousand at a time; what a crash leaves of them the next drop removes.
"""

import os
import secrets
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from pathlib import Path
from typing import NamedTuple
from weakref import WeakSet
from zlib import crc32

import lmdb

from mainspring.engines.lmdb.environment import (
    LmdbTransaction,
    open_environment,
    translate_lmdb_error,
    translate_lmdb_errors,
)
from mainspring.engines.lmdb.runs import ParsedRun, RunIndex, parse_run, render_run
from mainspring.ports.errors import StaleWrite, StoreDamaged
from mainspring.ports.online import (
    CHECKSUM_BYTES,
    KEY_LIMIT_BYTES,
    NOTHING_APPENDED,
    OTHER_BYTES,
    SEAL_RESIDUE,
    Position,
    ShardCommit,
    decode_position,
    encode_position,
    put_rows,
    refuse_long_keys,
    seal,
    unseal,
    unseal_rows,
)

__all__ = ["LmdbOnline"]

_SHARD, _ROW, _RUN = b"s", b"r", b"q"
_WITH_RUNS = b"\x02"
"""Stands before a position with the numbers of its runs and whether rows are sealed; b"\x01" stood
before one that was sealed and had no runs, and no position of release 0.1 begins with either.
"""
_WORTH_KEEPING = 64
_RUNS = struct.Struct("<QQ?")
_TOKEN_BYTES = 8
_PREFIX_BYTES = len(_ROW) + _TOKEN_BYTES
_ABOVE_ALL_KEYS = b"\xff" * (KEY_LIMIT_BYTES + 1)
_REMOVED_AT_ONCE = 10_000
_NAME = "the online store"


class _Shard(NamedTuple):
    """A shard at one commit of the file: what the keys of its rows begin with, and its position;
    None where there is no such shard.

    Args:
        first, number: of the runs in which anything counts, the first and the last; none does where
            the first comes after the last.
    """

    commit: int
    prefix: bytes
    position: Position | None
    is_sealed: bool
    first: int = 1
    number: int = 0

    @property
    def has_runs(self) -> bool:
        """Whether anything is appended to its rows."""
        return self.first <= self.number

    def run_key(self, number: int) -> bytes:
        """Where a run lies."""
        return _RUN + self.prefix[len(_ROW) :] + number.to_bytes(8, "big")


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
        self.forget_lock()
        _OPEN.add(self)

    def forget_lock(self) -> None:
        """In a child: a thread of its parent may have held it, amid a change of an index."""
        self._indices: dict[str, RunIndex] = {}
        self._following = threading.Lock()
        self._written_runs: dict[str, tuple[bytes, bytes, ParsedRun]] = {}
        """The key and the bytes of what this process put last for a shard, so that it need not be
        taken apart again.
        """

    def read(self, shard: str, keys: Sequence[bytes]) -> tuple[Position | None, list[bytes | None]]:
        """The shard's position (None: it does not exist) and the row of each key (None: it has
        none).
        """
        try:
            found = None
            # A snapshot that is older than the index is taken anew.
            while found is None:
                with self._environment.begin() as transaction:
                    found = self._read_in(transaction, shard, keys)
        except lmdb.Error as error:
            raise translate_lmdb_error(error, _NAME, "read") from error
        return found

    def read_into(
        self, shard: str, keys: Sequence[bytes], memory: memoryview
    ) -> tuple[Position | None, list[int]]:
        """As `read`, with all rows one behind the other in this memory, if they fit: each is copied
        once, from where it lies in the file.
        """
        try:
            with self._environment.begin_in_place() as transaction:
                position, sizes = self._put_into(memory, transaction, shard, keys)
        except lmdb.Error as error:
            raise translate_lmdb_error(error, _NAME, "read") from error
        if sizes is None:
            position, rows = self.read(shard, keys)
            sizes = put_rows(rows, memory)
        return position, sizes

    def appended(self, shard: str) -> Mapping[bytes, int]:
        """The keys that something was appended to since their row was put, and how many bytes."""
        with translate_lmdb_errors(_NAME, "read"):
            found = None
            while found is None:
                with self._environment.begin() as transaction:
                    found = self._appended_in(transaction, shard)
        return found

    def _read_in(
        self, transaction: LmdbTransaction, shard: str, keys: Sequence[bytes]
    ) -> tuple[Position | None, list[bytes | None]] | None:
        """What `read` says of a snapshot; None where that is older than the index."""
        known = self._known.get(shard)
        if known is None or known.commit != transaction.id():
            known = self._known[shard] = _look_up(transaction, shard)
        if known.position is None:
            return None, [None] * len(keys)
        if not keys:
            return known.position, []
        get, prefix = transaction.get, known.prefix
        rows = [get(prefix + key) for key in keys]
        if known.is_sealed:
            rows = unseal_rows(rows, store=_NAME)
        if not known.has_runs:
            return known.position, rows
        # Read without the lock; whoever follows a commit meanwhile is noticed afterwards.
        index = self._indices.get(shard)
        if index is not None and index.prefix == prefix:
            number, found = index.number, index.with_pieces(keys, rows)
            if number == known.number == index.number:
                return known.position, found
        with self._following:
            index = self._index_at(shard, known, transaction)
            return None if index is None else (known.position, index.with_pieces(keys, rows))

    def _put_into(
        self,
        memory: memoryview,
        transaction: "lmdb.Transaction[memoryview]",
        shard: str,
        keys: Sequence[bytes],
    ) -> tuple[Position | None, list[int] | None]:
        """What `read_into` gives; no sizes where it takes more than looking rows up."""
        known = self._known.get(shard)
        if known is None or known[0] != transaction.id():
            return None, None
        _, prefix, position, is_sealed, first, number = known
        index = self._indices.get(shard) if first <= number else None
        if position is None or not is_sealed or (first <= number and index is None):
            return None, None
        if index is not None and (index.number != number or index.prefix != prefix):
            return None, None
        get, piece_of = transaction.get, None if index is None else index.pieces.get
        room, end, sizes = len(memory), 0, list[int]()
        for key in keys:
            begin, row = end, get(prefix + key)
            if row is not None:
                if crc32(row) != SEAL_RESIDUE:
                    raise StoreDamaged(store=_NAME, reason=OTHER_BYTES)
                sealed_end = begin + len(row)
                end = sealed_end - CHECKSUM_BYTES
                if sealed_end <= room:
                    # With its checksum, which what comes behind it covers: to leave that out takes
                    # half as long as the copy.
                    memory[begin:sealed_end] = row
                elif end <= room:
                    memory[begin:end] = row[:-CHECKSUM_BYTES]
            piece = None if piece_of is None else piece_of(key)
            if piece is not None:
                row_end, end = end, end + len(piece)
                if end <= room:
                    memory[row_end:end] = piece
            sizes.append(end - begin)
        # Read without the lock: whoever has followed a commit meanwhile is noticed here.
        return position, None if index is not None and index.number != number else sizes

    def _appended_in(self, transaction: LmdbTransaction, shard: str) -> dict[bytes, int] | None:
        """What `appended` says of a snapshot; None where that is older than the index."""
        known = _look_up(transaction, shard)
        if not known.has_runs:
            return {}
        with self._following:
            index = self._index_at(shard, known, transaction)
            if index is None:
                return None
            return {key: len(pieces) for key, pieces in index.pieces.items()}

    def _index_at(self, shard: str, known: _Shard, transaction: LmdbTransaction) -> RunIndex | None:
        """The index as of this commit, for who holds the lock; None where it has gone on."""
        index = self._indices.get(shard)
        if index is None or index.prefix != known.prefix:
            index = self._indices[shard] = RunIndex(known.prefix)
        if index.number > known.number:
            return None
        if index.number < known.number:
            self._follow(shard, index, known, transaction)
        return index

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
            if found.position is None:
                return
            index = RunIndex(found.prefix)
            self._follow(shard, index, found, transaction)
            stored = (
                (key[_PREFIX_BYTES:], unseal(row, store=_NAME) if found.is_sealed else row)
                for key, row in _iter_from(transaction, found.prefix)
            )
            if not found.has_runs:
                yield from stored
                return
            last, behind = None, [(key, b"") for key in sorted(index.pieces)]
            for key, row in merge(stored, behind, key=lambda each: each[0]):
                # A key that has a row comes again without one.
                if key != last:
                    yield key, row + index.pieces.get(key, b"")
                last = key

    def _follow(
        self, shard: str, index: RunIndex, known: _Shard, transaction: LmdbTransaction
    ) -> None:
        """Bring the index up to this commit."""

        def read(number: int) -> ParsedRun:
            key = known.run_key(number)
            payload = transaction.get(key)
            assert payload is not None, f"run {number} is in the file"
            own = self._written_runs.get(shard)
            # What was put may have been undone, and another process has put something else.
            if own is not None and own[:2] == (key, payload):
                del self._written_runs[shard]
                return own[2]
            return parse_run(unseal(payload, store=_NAME))

        index.follow(known.first, known.number, read)

    def commit(
        self,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        *,
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes] = NOTHING_APPENDED,
    ) -> None:
        """Put the rows (None removes one), append to others, and move the shard to the position;
        ENG-004 when it is not at the expected one.
        """
        self._environment.transact(
            self._written(ShardCommit(shard, rows, expected, position, appended))
        )

    def commit_all(self, commits: Sequence[ShardCommit]) -> None:
        """Commit to several shards, each as by itself, with one flush."""
        self._environment.transact_all([self._written(commit) for commit in commits])

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        self._environment.transact(lambda transaction: transaction.delete(_SHARD + shard.encode()))
        for kind in (_ROW, _RUN):
            while self._environment.transact(partial(_remove_orphans, kind=kind)):
                pass

    def close(self) -> None:
        """Let go of the file; using the store afterwards is a fault."""
        del self._environment

    def _written(self, commit: ShardCommit) -> Callable[[LmdbTransaction], None]:
        """The work of a commit; a key that is too long is refused when it is done."""
        return partial(self._write, **commit._asdict())

    def _write(
        self,
        transaction: LmdbTransaction,
        *,
        shard: str,
        rows: Mapping[bytes, bytes | None],
        expected: Position | None,
        position: Position,
        appended: Mapping[bytes, bytes],
    ) -> None:
        refuse_long_keys(rows, store=_NAME)
        refuse_long_keys(appended, store=_NAME)
        found = _look_up(transaction, shard)
        if found.position != expected:
            raise StaleWrite(
                what=f"shard {shard}", expected=str(expected), found=str(found.position)
            )
        if not found.prefix:
            found = found._replace(prefix=_ROW + secrets.token_bytes(_TOKEN_BYTES))
        for key, row in rows.items():
            if row is None:
                transaction.delete(found.prefix + key)
            else:
                transaction.put(found.prefix + key, seal(row) if found.is_sealed else row)
        first, number = self._write_run(transaction, shard, found, rows=rows, appended=appended)
        place = _RUNS.pack(first, number, found.is_sealed) + encode_position(position)
        transaction.put(
            _SHARD + shard.encode(), found.prefix[len(_ROW) :] + _WITH_RUNS + seal(place)
        )

    def _write_run(
        self,
        transaction: LmdbTransaction,
        shard: str,
        found: _Shard,
        *,
        rows: Mapping[bytes, bytes | None],
        appended: Mapping[bytes, bytes],
    ) -> tuple[int, int]:
        """Write what is appended and take away the runs that count no more; the first and the last
        that are there then.
        """
        first, replaced = found.first, []
        if found.has_runs and rows:
            index = self._index_to_write(transaction, shard, found)
            replaced = [key for key in rows if key in index.pieces]
            first = index.first_after(replaced, found.first)
            for number in range(found.first, first):
                transaction.delete(found.run_key(number))
        if not appended and (not replaced or first > found.number):
            return first, found.number
        number, payload = found.number + 1, seal(render_run(replaced, appended))
        transaction.put(found.run_key(number), payload)
        if len(appended) > _WORTH_KEEPING:
            self._written_runs[shard] = found.run_key(number), payload, (replaced, appended)
        return first, number

    def _index_to_write(self, transaction: LmdbTransaction, shard: str, found: _Shard) -> RunIndex:
        """The index as the transaction sees the shard.

        The one that reads use follows what is committed and nothing else: this transaction may
        still fail.  A commit of the same shard that waits in the same transaction is followed in a
        copy.
        """
        with self._environment.begin() as committed, self._following:
            known = _look_up(committed, shard)
            index = self._index_at(shard, known, committed) if known.has_runs else None
            if index is None or index.number != found.number or index.prefix != found.prefix:
                index = (
                    index.copy()
                    if index is not None and index.prefix == found.prefix
                    else RunIndex(found.prefix)
                )
                self._follow(shard, index, found, transaction)
            return index


def _look_up(transaction: LmdbTransaction, shard: str) -> _Shard:
    found = transaction.get(_SHARD + shard.encode())
    if found is None:
        return _Shard(transaction.id(), b"", None, is_sealed=True)
    return _shard_of(transaction, found)


def _shard_of(transaction: LmdbTransaction, stored: bytes) -> _Shard:
    prefix, position = _ROW + stored[:_TOKEN_BYTES], stored[_TOKEN_BYTES:]
    match position[:1]:
        case b"\x02":
            place = unseal(position[1:], store=_NAME)
            first, number, is_sealed = _RUNS.unpack_from(place)
            return _Shard(
                transaction.id(),
                prefix,
                decode_position(place[_RUNS.size :]),
                is_sealed,
                first,
                number,
            )
        case b"\x01":
            place = unseal(position[1:], store=_NAME)
            return _Shard(transaction.id(), prefix, decode_position(place), is_sealed=True)
        case _:
            return _Shard(transaction.id(), prefix, decode_position(position), is_sealed=False)


def _forget_locks() -> None:
    for online in list(_OPEN):
        online.forget_lock()


_OPEN: "WeakSet[LmdbOnline]" = WeakSet()
os.register_at_fork(after_in_child=_forget_locks)


def _remove_orphans(transaction: LmdbTransaction, *, kind: bytes) -> bool:
    """Remove some rows or runs that no shard owns; whether there may be more."""
    owned = {found[:_TOKEN_BYTES] for _, found in _iter_from(transaction, _SHARD)}
    cursor = transaction.cursor()
    left = _REMOVED_AT_ONCE
    cursor.set_range(kind)
    while left and cursor.key().startswith(kind):
        token = cursor.key()[len(kind) : _PREFIX_BYTES]
        if token in owned:
            cursor.set_range(kind + token + _ABOVE_ALL_KEYS)
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
