"""One way to open LMDB: a file of this process, shared by all who open it, with group commit and
our errors instead of its own.

The map is as large as an address space lets it be, and the file grows within it.  Starting small
and growing was rejected: LMDB moves its map only while no transaction of the process is open and
cannot check that, so every read would have to take a lock, and every other process would have to be
notified.

metasync=False: a commit flushes its pages and not the page that makes them valid.  The loss of
power may undo the last commit, whole, and harms nothing older; sync=False would commit in
microseconds, and may leave a file that is torn without anybody noticing.

Forks: LMDB must not be used across one, so a child opens the file anew when it first asks.  It
cannot while another thread of its parent was reading at the instant of the fork, because that read
still seems to go on; it gets an error.  (Closing what was inherited would be worse: it ends the
parent's reads.)
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import lmdb

from mainspring.elements.errors import EngineError
from mainspring.elements.plain_file import fault_of_file
from mainspring.engines.lmdb.check import fault_of_environment
from mainspring.ports.errors import StoreBusy, StoreDamaged, StoreFailed

__all__ = [
    "LmdbEnvironment",
    "LmdbTransaction",
    "open_environment",
    "translate_lmdb_error",
    "translate_lmdb_errors",
]

T = TypeVar("T")
LmdbTransaction: TypeAlias = "lmdb.Transaction[bytes]"
"""A snapshot to read from, or a transaction to write in; what it reads are copies."""

_LARGEST_MAP_BYTES = 1 << 40
_SMALLEST_MAP_BYTES = 1 << 26
_MAX_READERS = 1_024
_DAMAGED = (
    lmdb.InvalidError,
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
)
_OPEN: "WeakValueDictionary[str, LmdbEnvironment]" = WeakValueDictionary()
"""LMDB forbids a process to open a file twice (closing one of the two would free the other's
locks), so whoever comes second is given the first.
"""
_OPENING = threading.Lock()


class LmdbEnvironment:
    """An open file.  Use `open_environment`.

    Args:
        name: what errors call it.
        map_bytes: how large the file can become.
    """

    def __init__(self, path: Path, *, name: str, map_bytes: int) -> None:
        self.name = name
        self._path = path
        self._map_bytes = map_bytes
        self._open()

    def begin(self) -> LmdbTransaction:
        """A snapshot to read from; end it soon, since pages that it can see are not used again.
        Cost: 0.6 µs.
        """
        if self._is_inherited:
            self._open_after_fork()
        return self._handle.begin()

    def begin_in_place(self) -> "lmdb.Transaction[memoryview]":
        """A snapshot that reads where the file lies in memory: nothing of it may be touched once it
        has ended.
        """
        if self._is_inherited:
            self._open_after_fork()
        return self._handle.begin(buffers=True)

    def mark_inherited(self) -> None:
        """This process is a child of the one that opened the file."""
        self._is_inherited = True

    def transact(self, work: Callable[[LmdbTransaction], T]) -> T:
        """Do the work in a transaction, perhaps together with that of other threads, and return its
        result once it is committed.

        What it raises undoes its own part only.  Cost: one flush of the disk, whoever asks in the
        meantime shares the next one.
        """
        [result] = self._transacted([work])
        return result.result()

    def transact_all(self, works: Sequence[Callable[[LmdbTransaction], T]]) -> list[T]:
        """Several pieces of work that share one flush, each its own to undo; what the first that
        fails raises, once all were tried.
        """
        return [result.result() for result in self._transacted(works)]

    def _transacted(self, works: Sequence[Callable[[LmdbTransaction], T]]) -> "list[Future[T]]":
        if self._is_inherited:
            self._open_after_fork()
        results: list[Future[T]] = [Future() for _ in works]
        self._waiting.extend(zip(works, results, strict=True))
        with self._lock:
            if not all(result.done() for result in results):
                self._commit_waiting()
        return results

    def _open(self) -> None:
        self._waiting: deque[tuple[Callable[[LmdbTransaction], Any], Future[Any]]] = deque()
        self._lock = threading.Lock()
        with translate_lmdb_errors(self.name, "open"):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in (self._path, self._path.with_name(f"{self._path.name}-lock")):
                if fault := fault_of_file(file):
                    raise StoreDamaged(store=self.name, reason=fault)
            if fault := fault_of_environment(self._path):
                raise StoreDamaged(store=self.name, reason=f"{self._path.name}: {fault}")
            self._handle = _open_file(self._path, self._map_bytes)
            self._handle.reader_check()
        self._is_inherited = False

    def _open_after_fork(self) -> None:
        with _OPENING:
            if self._is_inherited:
                # What was inherited has to be forgotten before the file can be opened again.
                vars(self).pop("_handle", None)
                self._open()

    def _commit_waiting(self) -> None:
        """Do what is in the queue in one transaction; called by whoever holds the lock."""
        batch = []
        with suppress(IndexError):
            while True:
                batch.append(self._waiting.popleft())
        try:
            with translate_lmdb_errors(self.name, "write"):
                # A process that was killed while it read leaves its snapshot behind, which would
                # keep the file growing.
                self._handle.reader_check()
                with self._handle.begin(write=True) as transaction:
                    done = self._do(transaction, batch)
        except BaseException as error:
            for _, result in batch:
                if not result.done():
                    result.set_exception(error)
            raise
        for result, value in done:
            result.set_result(value)

    def _do(
        self,
        transaction: LmdbTransaction,
        batch: Sequence[tuple[Callable[[LmdbTransaction], Any], "Future[Any]"]],
    ) -> "list[tuple[Future[Any], Any]]":
        """The values of all work; of one piece alone without a transaction inside, which would copy
        every page that it writes once more.
        """
        if len(batch) == 1:
            [(work, result)] = batch
            return [(result, work(transaction))]
        return [
            (result, value)
            for work, result in batch
            for value in self._attempt(transaction, work, result)
        ]

    def _attempt(
        self,
        transaction: LmdbTransaction,
        work: Callable[[LmdbTransaction], Any],
        result: "Future[Any]",
    ) -> list[Any]:
        """The value of one piece of work, or nothing where it failed; then its future holds the
        error and what it wrote is undone.
        """
        try:
            with (
                translate_lmdb_errors(self.name, "write"),
                self._handle.begin(write=True, parent=transaction) as piece,
            ):
                return [work(piece)]
        # belongs to the thread that asked for this piece, not to the one that happens to commit
        except Exception as error:
            result.set_exception(error)
            return []


def _mark_inherited() -> None:
    """In a child: what its parent opened is to be opened anew before it is used."""
    for environment in list(_OPEN.values()):
        environment.mark_inherited()


os.register_at_fork(after_in_child=_mark_inherited)


def open_environment(path: Path, *, name: str, map_bytes: int | None = None) -> LmdbEnvironment:
    """The file at a path, made where it is absent, private to its owner; the same object for
    everybody in this process.

    Args:
        map_bytes: how large the file can become; default: 1 TiB, or what the limits of this process
            allow.

    Raises: StoreFailed ENG-001 when it cannot be made, StoreDamaged ENG-010 when it is not LMDB's.
    """
    key = os.path.realpath(path)
    with _OPENING:
        found = _OPEN.get(key)
        if found is None:
            found = _OPEN[key] = LmdbEnvironment(
                path, name=name, map_bytes=map_bytes or _LARGEST_MAP_BYTES
            )
        return found


def translate_lmdb_error(error: lmdb.Error, store: str, operation: str) -> EngineError:
    """ENG-009, ENG-010 or ENG-001 in place of LMDB's own error."""
    if isinstance(error, lmdb.ReadersFullError):
        return StoreBusy(store=store, operation=operation)
    if isinstance(error, _DAMAGED):
        return StoreDamaged(store=store, reason=str(error))
    return StoreFailed(store=store, operation=operation, reason=str(error))


@contextmanager
def translate_lmdb_errors(store: str, operation: str) -> Iterator[None]:
    """Raise our errors in place of LMDB's and the system's."""
    try:
        yield
    except lmdb.Error as error:
        raise translate_lmdb_error(error, store, operation) from error
    except OSError as error:
        raise StoreFailed(store=store, operation=operation, reason=str(error)) from error


def _open_file(path: Path, map_bytes: int) -> lmdb.Environment:
    while True:
        try:
            return lmdb.open(
                str(path),
                map_size=map_bytes,
                subdir=False,
                metasync=False,
                readahead=False,
                mode=0o600,
                max_readers=_MAX_READERS,
            )
        except lmdb.MemoryError:
            # The address space of this process is limited (`ulimit -v`).
            map_bytes //= 4
            if map_bytes < _SMALLEST_MAP_BYTES:
                raise
