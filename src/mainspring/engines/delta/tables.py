"""One Delta table for each source, in a folder or in a bucket.

The position travels in the Delta commit that adds the rows, as an application transaction, so one
file of Delta's log decides on both.  A commit is never tried again at a later version: a faster
writer has materialized the same records, and adding them again would double them.

In a bucket this rests on conditional writes: of two writers of one name, the store must refuse the
second (`engines.s3.bucket` can ask whether it does).

The table is derived from the log.  If a power cut damages it, remove it: it is materialized again.
"""

import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Literal
from urllib.parse import unquote

import polars as pl
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from mainspring.elements.plain_file import fault_of_file
from mainspring.elements.time import HOUR, Micros
from mainspring.engines.delta.arrange import arrange, joined_below
from mainspring.engines.delta.derived import column_of_ids, filled_in, left_out
from mainspring.ports.errors import StaleWrite, StoreBusy, StoreDamaged, StoreFailed

__all__ = ["DeltaTables"]

_POSITION = "mainspring.position"
_ID_COLUMN = "mainspring.id"
"""The property of a table that says which of its columns ids are the text of."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
"""What a folder's name must not hold; percent signs are no way out, since Delta takes the path for
an address and undoes them.
"""
_OFTEN = 2
"""How often a value must come again on average, that a dictionary pays."""
_SAMPLED = 65_536
_MARK = "~bytes~"
_DECORATION = re.compile(r"\x1b\[\d*m|↳")
_LONGEST_REASON = 500


class DeltaTables:
    """Delta tables under one root: `source:flights` lies in `source/flights`.

    Args:
        root: a folder, or the address of one in a bucket, such as `s3://lake/flights`.
        options: settings of delta-rs for the bucket, such as `AWS_REGION`; nothing for a folder.
        ordered_from: how many rows a table has that it pays to put in order.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        options: Mapping[str, str] | None = None,
        ordered_from: int = 1_000_000,
    ) -> None:
        self._root, self._ordered_from = root, ordered_from
        self._options = dict(options or {})
        self._vacuuming = Lock()

    def position(self, table: str) -> int:
        """The offset up to which the log is folded; 0 for a table that does not exist."""
        return _position(self._open(table))

    def scan(self, table: str) -> pl.LazyFrame | None:
        """All records with their envelope, lazily, columns of later batches filled with null; None
        for a table that does not exist, or holds none.
        """
        found = self._open(table)
        if found is None or not found.file_uris():
            return None
        if isinstance(self._root, Path):
            _require_files(table, Path(self._address(table)), found)
        with _translated(table, "open"):
            scan = pl.scan_delta(found)
            columns = scan.collect_schema()
        scan = filled_in(scan, columns.names(), _id_column(found))
        names = {name: own for name in columns if (own := _own_name(name)) != name}
        return scan.rename(names) if names else scan

    def append(self, table: str, frame: pl.DataFrame, *, expected: int, position: int) -> None:
        """Add the records with `expected <= offset < position`; ENG-004 when the table is
        elsewhere.
        """
        with _translated(table, "append"):
            try:
                found = self._open(table)
                frame = frame.rename(_stored_names(frame.columns, _columns_of(found)))
                found = found or self._create(table, frame)
                if _position(found) != expected:
                    raise _stale(table, expected, _position(found))
                frame = left_out(frame, _id_column(found))
                commit = CommitProperties(
                    max_commit_retries=0, app_transactions=[Transaction(_POSITION, position)]
                )
                write_deltalake(
                    found,
                    frame,
                    mode="append",
                    schema_mode="merge",
                    commit_properties=commit,
                    writer_properties=_layout(frame),
                )
                self._narrow_version(table, found.version())
            except CommitFailedError as error:
                raise _stale(table, expected, self.position(table)) from error

    def vacuum(self, table: str, *, retain: Micros, order: Sequence[str] = ()) -> int:
        """Join small files, and delete those that no version younger than `retain` needs; how many
        were deleted.  Cost: writes what it joins once, and all rows where it puts them in order,
        which it does in a folder only.

        Raises: StoreDamaged ENG-010 where a file is missing or has another size than it had.
        """
        # delta-rs lets two join the same files, and their rows would be there twice.  Other
        # processes are kept away by the lease of maintenance.
        with self._vacuuming, _translated(table, "vacuum"):
            try:
                found = self._open(table)
                if found is None:
                    return 0
                if isinstance(self._root, Path):
                    _require_files(table, Path(self._address(table)), found)
                if not self._arrange(table, found, order, retain):
                    found.optimize.compact(
                        target_size=joined_below(found) if order else None,
                        writer_properties=_layout(_sample_of(found)),
                    )
                vacuum = partial(
                    found.vacuum,
                    retention_hours=-(-retain // HOUR),
                    enforce_retention_duration=False,
                )
                # A vacuum writes commits of its own, so it is only done where something is to go.
                removed = len(vacuum(dry_run=False)) if vacuum(dry_run=True) else 0
                self._narrow(table)
                return removed
            except CommitFailedError as error:
                raise StoreBusy(store=f"table {table}", operation="vacuum") from error

    def _arrange(self, table: str, found: DeltaTable, order: Sequence[str], retain: Micros) -> bool:
        """Put a table in order that lies in a folder, where it pays; whether that was done."""
        if not isinstance(self._root, Path):
            return False
        folder = Path(self._address(table))
        return arrange(found, folder, order, retain=retain, fewest_rows=self._ordered_from)

    def drop(self, table: str) -> None:
        """Remove all that a table holds, and its files.

        What stays is an empty table at position 0: a bucket has no folder to remove, and whoever
        opens one of the names of a log that was removed would find half a table.
        """
        with _translated(table, "drop"):
            try:
                found = self._open(table)
                if found is None:
                    return
                beginning = CommitProperties(app_transactions=[Transaction(_POSITION, 0)])
                found.delete(commit_properties=beginning)
                found.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
                self._narrow(table)
            except CommitFailedError as error:
                raise StoreBusy(store=f"table {table}", operation="drop") from error

    def _address(self, table: str) -> str:
        parts = (
            _UNSAFE.sub(lambda found: f"~{ord(found[0]):x}~", part) for part in table.split(":")
        )
        return "/".join([str(self._root).rstrip("/"), *parts])

    def _open(self, table: str) -> DeltaTable | None:
        with _translated(table, "open"):
            try:
                return DeltaTable(self._address(table), storage_options=self._options)
            except TableNotFoundError:
                return None

    def _create(self, table: str, frame: pl.DataFrame) -> DeltaTable:
        """An empty table: rows are only ever added to a version that was read, for a table made by
        the first rows could be made twice.
        """
        address = self._address(table)
        if isinstance(self._root, Path):
            # Not its parents: a workspace that was removed does not come back as half of one.
            self._root.mkdir(mode=0o700, exist_ok=True)
            for folder in (Path(address).parent, Path(address)):
                folder.mkdir(mode=0o700, exist_ok=True)
        id_column = column_of_ids(frame)
        made = DeltaTable.create(
            address,
            schema=frame.schema,
            mode="ignore",
            configuration={_ID_COLUMN: id_column} if id_column is not None else None,
            storage_options=self._options,
            raise_if_key_not_exists=False,
        )
        self._narrow(table)
        return made

    def _narrow(self, table: str) -> None:
        """Take the rights of others on its files away: delta-rs makes them by the umask.  Until
        then the folder above protects them, which is made before it.
        """
        if not isinstance(self._root, Path):
            return
        for folder, _, names in os.walk(self._address(table)):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                _narrow_path(path)

    def _narrow_version(self, table: str, version: int) -> None:
        """The same for what one commit has written: to look at all files after each would cost more
        with each.
        """
        if not isinstance(self._root, Path):
            return
        folder = Path(self._address(table))
        log, name = folder / "_delta_log", f"{version:020}"
        try:
            said = [json.loads(line) for line in (log / f"{name}.json").read_bytes().splitlines()]
        except FileNotFoundError:
            self._narrow(table)
            return
        added = [folder / unquote(each["add"]["path"]) for each in said if "add" in each]
        made = (f"{name}.json", f"{name}.checkpoint.parquet", "_last_checkpoint")
        for path in (folder, log, *(log / each for each in made), *added):
            _narrow_path(path)


def _narrow_path(path: Path) -> None:
    """For its owner alone; another process may have removed it by now."""
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if mode & 0o077:
            path.chmod(mode & 0o700)


def _layout(rows: pl.DataFrame) -> WriterProperties:
    """How columns are written of which these are some rows: numbers as differences, and by a
    dictionary only what comes again, since most other columns would find no end of it.  A third of
    the time and half of the bytes of the defaults.
    """
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        column_properties={
            name: ColumnProperties(dictionary_enabled=True)
            if _comes_again(rows[name])
            else ColumnProperties(dictionary_enabled=False, encoding=_encoding(dtype))
            for name, dtype in rows.schema.items()
            if not (dtype.is_nested() or dtype.is_decimal())
        },
    )


def _encoding(
    dtype: pl.DataType,
) -> Literal["DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY"] | None:
    """How values are written that are in no dictionary; None for one after another."""
    if dtype.is_signed_integer() or dtype.is_temporal():
        return "DELTA_BINARY_PACKED"
    return "DELTA_LENGTH_BYTE_ARRAY" if dtype == pl.String else None


def _comes_again(values: pl.Series) -> bool:
    """Whether a value comes several times on average."""
    if values.dtype == pl.Boolean or (values.name.startswith("_") and values.dtype != pl.String):
        return False
    distinct = values.approx_n_unique()
    return isinstance(distinct, int) and distinct * _OFTEN <= len(values)


def _sample_of(table: DeltaTable) -> pl.DataFrame:
    """Some rows of a table, with all of its columns."""
    scan = pl.scan_delta(table)
    return scan.head(_SAMPLED if table.file_uris() else 0).collect()


def _require_files(table: str, folder: Path, found: DeltaTable) -> None:
    """Return if every file that the table names is there with the size that it had.

    Raises: StoreDamaged ENG-010.  Cost: about 5 µs a file.
    """
    added = pl.DataFrame(found.get_add_actions())
    for name, size in added.select("path", "size_bytes").iter_rows():
        file = folder / unquote(name)
        fault = fault_of_file(file)
        there = file.stat().st_size if not fault and file.exists() else -1
        if there != size:
            said = fault or (f"{name} is missing" if there < 0 else f"{name} has {there} bytes")
            raise StoreDamaged(store=f"table {table}", reason=f"{said}, and {size} were written")


def _stored_names(names: Sequence[str], held: Sequence[str]) -> dict[str, str]:
    """The names under which columns are stored.

    Delta takes `Amount` and `amount` for one name, so the second of the two is stored by its bytes.
    """
    taken = {name.lower() for name in held}
    stored = {}
    for name in names:
        is_other = name not in held and name.lower() in taken
        stored[name] = _MARK + name.encode().hex() if is_other or name.startswith(_MARK) else name
        taken.add(name.lower())
    return stored


def _own_name(stored: str) -> str:
    """The name of a column that is stored under this one."""
    return (
        bytes.fromhex(stored.removeprefix(_MARK)).decode() if stored.startswith(_MARK) else stored
    )


def _columns_of(table: DeltaTable | None) -> list[str]:
    return [] if table is None else [field.name for field in table.schema().fields]


def _position(table: DeltaTable | None) -> int:
    return 0 if table is None else table.transaction_version(_POSITION) or 0


def _id_column(table: DeltaTable) -> str | None:
    return table.metadata().configuration.get(_ID_COLUMN)


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
            raise StoreDamaged(store=store, reason=_reason(error)) from error
        raise StoreFailed(store=store, operation=operation, reason=_reason(error)) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StoreDamaged(store=store, reason=_reason(error)) from error
    except OSError as error:
        raise StoreFailed(store=store, operation=operation, reason=_reason(error)) from error
    except Exception as error:
        # deltalake raises bare Exception for values that it cannot store; nothing narrower can be
        # named.
        if type(error) is not Exception:
            raise
        raise StoreFailed(store=store, operation=operation, reason=_reason(error)) from error


def _reason(error: BaseException) -> str:
    """What the product says, on one line, without its colours and arrows."""
    words = " ".join(_DECORATION.sub(" ", str(error)).split()) or type(error).__name__
    return textwrap.shorten(words, _LONGEST_REASON)
