"""One way to open SQLite: write-ahead log, private files, few commits for many writers, and our
errors instead of its own.

Writers of one process share transactions (group commit): whoever gets the lock does the work of all
who wait, each in a savepoint of its own, and commits once.  With synchronous=FULL a commit costs a
flush of the disk (1–2.5 ms), so sixty-four waiting writers become forty times faster; a thread of
its own for this was rejected, because it would have to be started, fed and stopped by everybody who
opens a database.

Readers take a connection from a stack of idle ones and see one snapshot.  The last connection given
back is the first taken again, so its prepared statements and pages are warm, and threads that die
leave nothing behind (connections kept per thread would).

Whoever has less time than most, as a request to a server, has connections of their own to read
with, and commits alone, so that nobody who has time is refused with them when another process holds
the lock.

A commit into a file that was removed would succeed, so the file's name is looked up before and
after each transaction: what is acknowledged lies where the next process finds it.
"""

import os
import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from mainspring.elements.plain_file import fault_of_file
from mainspring.engines.local.held_file import HeldFile, require_held
from mainspring.engines.local.private import make_private_folders, narrow
from mainspring.ports.errors import StoreBusy, StoreDamaged, StoreFailed
from mainspring.ports.waiting import patience_s

__all__ = ["SqliteDatabase", "Synchronous", "require_types", "translate_sqlite_errors"]

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL"]
"""FULL: a commit survives the loss of power.  NORMAL: it survives the death of the process; the
loss of power may undo the last few, whole.
"""

_BUSY_TIMEOUT_S = 15.0
_PAUSE_S = 0.005
_WRITER_CACHE_KIB = 65_536
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SAYS_DAMAGED = ("malformed JSON", "Could not decode to UTF-8", "no such table", "no such column")
_JOURNAL_BYTES = 4 * 1024 * 1024
_HEADER_BYTES = 512
"""No database is smaller than its first page, which has at least as many bytes."""


@contextmanager
def translate_sqlite_errors(store: str, operation: str, *, file: str = "") -> Iterator[None]:
    """Raise ENG-009, ENG-010 or ENG-001 in place of SQLite's own errors.

    Args:
        file: what the message calls the database's file.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if reason in _BUSY:
            raise StoreBusy(store=store, operation=operation) from error
        said = f"{file}: {error}" if file else str(error)
        if reason in _DAMAGED or any(words in str(error) for words in _SAYS_DAMAGED):
            raise StoreDamaged(store=store, reason=said) from error
        raise StoreFailed(store=store, operation=operation, reason=said) from error


def require_types(row: Sequence[object], *types: type, store: str) -> None:
    """Return if what a row holds is of these types.  SQLite itself takes a text for a number.

    Raises: StoreDamaged ENG-010.
    """
    for value, expected in zip(row, types, strict=True):
        if not isinstance(value, expected):
            raise StoreDamaged(
                store=store,
                reason=f"a row holds {type(value).__name__} where {expected.__name__} belongs",
            )


class SqliteDatabase:
    """A SQLite file, or a database in memory that lives as long as this object; safe to use from
    several threads.

    Args:
        path: the file; None keeps everything in memory.
        schema: statements that make the tables where they are absent.
        synchronous: what a commit survives.
        name: what errors call it.
    """

    def __init__(
        self, path: Path | None, *, schema: str, synchronous: Synchronous, name: str
    ) -> None:
        self.name = name
        self._path = path
        self._synchronous = synchronous
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]] = deque()
        # By how long they wait for a lock, in seconds.
        self._idle: defaultdict[float, list[sqlite3.Connection]] = defaultdict(list)
        self._held: tuple[HeldFile, ...] = ()
        self._file = "" if path is None else path.name
        with self._translated("open"):
            if path is not None:
                _require_files(path, store=name)
                _make_private(path)
            self._writer = self._connect()
            self._writer.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            if path is not None:
                _require_whole(self._writer, path, store=name)
            self._writer.executescript(schema)
        if path is not None:
            # From the first statement to the last connection the write-ahead log is one file.
            beside = path.with_name(f"{path.name}-wal")
            self._held = tuple(HeldFile.of(each) for each in (path, beside) if each.exists())

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work in a transaction, perhaps together with that of other threads, and return its
        result once it is committed.

        What it raises undoes its own part only.  Raises: StoreGone ENG-030 when its file was
        removed, moved or replaced.
        """
        [result] = self._transacted([work])
        return result.result()

    def transact_all(self, works: Sequence[Callable[[sqlite3.Connection], T]]) -> list[T]:
        """Several pieces of work in one transaction, each its own to undo; what the first that
        fails raises, once all were tried.
        """
        return [result.result() for result in self._transacted(works)]

    def _transacted(self, works: Sequence[Callable[[sqlite3.Connection], T]]) -> "list[Future[T]]":
        results: list[Future[T]] = [Future() for _ in works]
        batch = list(zip(works, results, strict=True))
        patience = patience_s(_BUSY_TIMEOUT_S)
        if patience != _BUSY_TIMEOUT_S:
            self._commit_alone(batch, patience)
            return results
        self._waiting.extend(batch)
        with self._lock:
            if not all(result.done() for result in results):
                self._commit_waiting()
        return results

    def _commit_alone(
        self,
        batch: Sequence[tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]],
        timeout_s: float,
    ) -> None:
        if not self._lock.acquire(timeout=timeout_s):
            raise StoreBusy(store=self.name, operation="write")
        try:
            self._writer.execute(_busy_timeout(timeout_s))
            self._commit(batch)
        finally:
            self._writer.execute(_busy_timeout(_BUSY_TIMEOUT_S))
            self._lock.release()

    def flush(self) -> None:
        """Bring what is committed to the disk, for those that commit with synchronous=NORMAL.

        Cost: as a commit with FULL, some of which this then is.
        """
        if self._path is None:
            return
        with self._translated("write"):
            # Of the write-ahead log nobody holds a lock, so to close it drops none.
            number = os.open(self._path.with_name(f"{self._path.name}-wal"), os.O_RDWR)
            try:
                os.fdatasync(number)
            finally:
                os.close(number)

    @property
    def is_in_memory(self) -> bool:
        """Whether it has no file."""
        return self._path is None

    def copy_into(self, folder: Path, *, finish: str = "") -> str:
        """Write all that it holds at one instant to a file of the same name in another folder,
        while others read and write; that name.

        Args:
            finish: statements to run on the copy.

        Cost: one pass over the pages, during which the write-ahead log cannot shrink; nobody
            waits.
        """
        assert self._path is not None, "what is in memory has no file"
        target = folder / self._path.name
        _make_private(target)
        require_held(self._held, store=self.name)
        with (
            self._translated("copy"),
            closing(sqlite3.connect(_address(self._path), uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            # All pages in one step: one snapshot.  In several, each commit of another process
            # would start the copy anew.
            read.backup(written, pages=-1)
            # The copy is one file, so that one digest names it; whoever opens it as a database
            # turns the write-ahead log on again.
            written.execute("PRAGMA journal_mode = DELETE")
            written.executescript(finish)
        return target.name

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same commit; do not keep it across a `yield` of
        a generator.
        """
        if self._path is None:
            with self._lock, self._translated("read"):
                yield self._writer
            return
        idle = self._idle[patience_s(_BUSY_TIMEOUT_S)]
        connection = self._take(idle)
        try:
            with self._translated("read"):
                connection.execute("BEGIN")
                yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            idle.append(connection)

    def close(self) -> None:
        """Close every connection; using the database afterwards is a fault."""
        with self._lock:
            self._writer.close()
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()

    def _translated(self, operation: str) -> AbstractContextManager[None]:
        return translate_sqlite_errors(self.name, operation, file=self._file)

    def _take(self, idle: list[sqlite3.Connection]) -> sqlite3.Connection:
        try:
            return idle.pop()
        except IndexError:
            require_held(self._held, store=self.name)
            with self._translated("open"):
                return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self._path is None else _address(self._path),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=patience_s(_BUSY_TIMEOUT_S),
            cached_statements=256,
        )
        _use_write_ahead_log(connection, patience_s(_BUSY_TIMEOUT_S))
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA temp_store = MEMORY")
        # The write-ahead log shrinks again behind a large transaction.
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        return connection

    def _commit_waiting(self) -> None:
        """Do what is in the queue in one transaction; called by whoever holds the lock."""
        batch = []
        with suppress(IndexError):
            while True:
                batch.append(self._waiting.popleft())
        self._commit(batch)

    def _commit(
        self, batch: Sequence[tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]]
    ) -> None:
        """Do this work in one transaction; called by whoever holds the lock."""
        done: list[tuple[Future[Any], Any]] = []
        try:
            require_held(self._held, store=self.name)
            with self._translated("write"):
                self._writer.execute("BEGIN IMMEDIATE")
                done = [
                    (result, value)
                    for work, result in batch
                    for value in self._attempt(work, result)
                ]
                self._writer.execute("COMMIT")
            require_held(self._held, store=self.name)
        except BaseException as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for _, result in batch:
                if not result.done():
                    result.set_exception(error)
            raise
        for result, value in done:
            result.set_result(value)

    def _attempt(
        self, work: Callable[[sqlite3.Connection], Any], result: "Future[Any]"
    ) -> list[Any]:
        """The value of one piece of work, or nothing where it failed; then its future holds the
        error and its savepoint is undone.
        """
        self._writer.execute("SAVEPOINT piece")
        try:
            with self._translated("write"):
                value = work(self._writer)
        # belongs to the thread that asked for this piece, not to the one that happens to commit
        except Exception as error:
            self._writer.execute("ROLLBACK TO piece")
            self._writer.execute("RELEASE piece")
            result.set_exception(error)
            return []
        self._writer.execute("RELEASE piece")
        return [value]


def _use_write_ahead_log(connection: sqlite3.Connection, wait_s: float) -> None:
    """Have commits go to a log beside the file.

    In a new file this takes a read lock and makes it a write lock; of two processes that do so at
    once SQLite refuses one without waiting, as else they would wait for each other.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE_S)


def _busy_timeout(timeout_s: float) -> str:
    return f"PRAGMA busy_timeout = {round(timeout_s * 1000)}"


def _require_files(path: Path, *, store: str) -> None:
    """Return if the database and its companions are files, or absent.

    Raises: StoreDamaged ENG-010.
    """
    for each in (path, *(path.with_name(f"{path.name}-{beside}") for beside in ("wal", "shm"))):
        if fault := fault_of_file(each):
            raise StoreDamaged(store=store, reason=fault)
    with suppress(FileNotFoundError):
        size = path.stat().st_size
        # Such a file SQLite takes for an empty database, and writes over it.
        if 0 < size < _HEADER_BYTES:
            raise StoreDamaged(store=store, reason=f"{path.name} has only {size} bytes")


def _require_whole(connection: sqlite3.Connection, path: Path, *, store: str) -> None:
    """Return if the file is as long as its first page says; what a write-ahead log has yet to
    bring there may be missing.

    Raises: StoreDamaged ENG-010.
    """
    (pages,), (page_bytes,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    # In this order: what another process brings home in between is then in the file.
    log = path.with_name(f"{path.name}-wal")
    with suppress(FileNotFoundError):
        if log.stat().st_size:
            return
    size = path.stat().st_size
    if size < pages * page_bytes:
        raise StoreDamaged(
            store=store, reason=f"{path.name} has {size:,} of {pages * page_bytes:,} bytes"
        )


def _make_private(path: Path) -> None:
    """Create the file for its owner alone; SQLite gives its companions (-wal, -shm) the same
    mode.
    """
    make_private_folders(path.parent)
    # Never opened where it is there already: to close a file drops every POSIX lock that this
    # process has on it, SQLite's too, and another process would then take the write-ahead log away.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for each in (path, *(path.with_name(f"{path.name}-{part}") for part in ("wal", "shm"))):
        narrow(each)


def _address(path: Path) -> str:
    """Of a file that is there: to open it never makes another one in its place."""
    return f"{path.absolute().as_uri()}?mode=rw"
