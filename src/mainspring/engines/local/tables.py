"""The offline store as Delta tables: any reader of Delta Lake can open them.

The position travels in the Delta commit that adds the rows, as an application transaction, so one file of Delta's log decides on both.  A commit is never
tried again at a later version: whoever was faster has folded the same records, and adding them after him would double them.

The table is a fold of the log.  Should a power cut damage it, it is removed and folded again.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from mainspring.elements.time import HOUR, Micros
from mainspring.ports.errors import StaleWrite, StoreBusy, StoreDamaged, StoreFailed

__all__ = ["DeltaTables", "MemoryTables"]

_POSITION = "mainspring.position"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
"""What a folder's name must not hold; percent signs are no way out, since Delta takes the path for an address and undoes them."""


class DeltaTables:
    """Delta tables in a folder, one folder each: `source:flights` lies in `source/flights`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def position(self, table: str) -> int:
        """The offset up to which the log is folded; 0 for a table that does not exist."""
        return _position(self._open(table))

    def scan(self, table: str) -> pl.LazyFrame | None:
        """All records with their envelope, lazily, columns of later batches filled with null; None for a table that does not exist."""
        found = self._open(table)
        return None if found is None else pl.scan_delta(found)

    def append(self, table: str, frame: pl.DataFrame, *, expected: int, position: int) -> None:
        """Add the records with `expected <= offset < position`; ENG-004 when the table is elsewhere."""
        with _translated(table, "append"):
            try:
                found = self._open(table) or self._create(table, frame)
                if _position(found) != expected:
                    raise _stale(table, expected, _position(found))
                commit = CommitProperties(max_commit_retries=0, app_transactions=[Transaction(_POSITION, position)])
                write_deltalake(found, frame, mode="append", schema_mode="merge", commit_properties=commit)
            except CommitFailedError as error:
                raise _stale(table, expected, self.position(table)) from error

    def tidy(self, table: str, *, keep: Micros) -> int:
        """Join small files, and delete those that no version younger than `keep` needs; how many were deleted.  Cost: writes what it joins once."""
        with _translated(table, "tidy"):
            try:
                found = self._open(table)
                if found is None:
                    return 0
                found.optimize.compact()
                vacuum = partial(found.vacuum, retention_hours=-(-keep // HOUR), enforce_retention_duration=False)
                # A vacuum writes commits of its own, so it is only done where something is to go.
                return len(vacuum(dry_run=False)) if vacuum(dry_run=True) else 0
            except CommitFailedError as error:
                raise StoreBusy(store=f"table {table}", operation="tidy") from error

    def _path(self, table: str) -> Path:
        return self._root.joinpath(*(_UNSAFE.sub(lambda found: f"~{ord(found[0]):x}~", part) for part in table.split(":")))

    def _open(self, table: str) -> DeltaTable | None:
        with _translated(table, "open"):
            try:
                return DeltaTable(str(self._path(table)))
            except TableNotFoundError:
                return None

    def _create(self, table: str, frame: pl.DataFrame) -> DeltaTable:
        """An empty table: rows are only ever added to a version that was read, for a table made by the first rows could be made twice."""
        path = self._path(table)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DeltaTable.create(str(path), schema=frame.schema, mode="ignore")


class MemoryTables:
    """Tables that live as long as this object."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[int, tuple[pl.DataFrame, ...]]] = {}
        self._lock = threading.Lock()

    def position(self, table: str) -> int:
        """The offset up to which the log is folded; 0 for a table that does not exist."""
        return self._tables.get(table, (0, ()))[0]

    def scan(self, table: str) -> pl.LazyFrame | None:
        """All records with their envelope, lazily, columns of later batches filled with null; None for a table that does not exist."""
        _, frames = self._tables.get(table, (0, ()))
        return pl.concat(frames, how="diagonal_relaxed").lazy() if frames else None

    def append(self, table: str, frame: pl.DataFrame, *, expected: int, position: int) -> None:
        """Add the records with `expected <= offset < position`; ENG-004 when the table is elsewhere."""
        with self._lock:
            found, frames = self._tables.get(table, (0, ()))
            if found != expected:
                raise _stale(table, expected, found)
            self._tables[table] = (position, (*frames, frame))

    def tidy(self, table: str, *, keep: Micros) -> int:  # noqa: ARG002  # the port's parameter; in memory nothing is ever kept beside the rows
        """Join what was appended bit by bit; there are no files."""
        with self._lock:
            if table in self._tables:
                position, frames = self._tables[table]
                self._tables[table] = (position, (pl.concat(frames, how="diagonal_relaxed"),))
        return 0


def _position(table: DeltaTable | None) -> int:
    return 0 if table is None else table.transaction_version(_POSITION) or 0


def _stale(table: str, expected: int, found: int) -> StaleWrite:
    return StaleWrite(what=f"table {table}", expected=f"offset {expected}", found=f"offset {found}")


@contextmanager
def _translated(table: str, operation: str) -> Iterator[None]:
    """Raise ENG-010 or ENG-001 in place of deltalake's and the system's errors."""
    store = f"table {table}"
    try:
        yield
    except DeltaError as error:
        if operation == "open":
            raise StoreDamaged(store=store, reason=_first_line(error)) from error
        raise StoreFailed(store=store, operation=operation, reason=_first_line(error)) from error
    except OSError as error:
        raise StoreFailed(store=store, operation=operation, reason=_first_line(error)) from error
    except Exception as error:
        # deltalake raises bare Exception for values that it cannot store; nothing narrower can be named.
        if type(error) is not Exception:
            raise
        raise StoreFailed(store=store, operation=operation, reason=_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
