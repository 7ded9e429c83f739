"""Delta tables of users, as rows that are read in one order and written in one commit.

A table has no order of its own, so what is published has a column `row` that says it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError

from mainspring.ports.errors import StoreDamaged, StoreFailed

__all__ = ["DeltaRows"]

_LONGEST_REASON = 300
_ROW = "row"


class DeltaRows:
    """Tables by their path or `s3://` address.

    Args:
        options: settings of delta-rs for the bucket.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self._options = dict(options or {})

    def version(self, address: str) -> int | None:
        """The newest version; None where there is no table."""
        found = self._open(address)
        return None if found is None else found.version()

    def scan(self, address: str, version: int) -> pl.LazyFrame:
        """The rows of a version."""
        with _translated(address, "open"):
            return pl.scan_delta(
                DeltaTable(address, version=version, storage_options=self._options)
            )

    def publish(self, address: str, parts: Sequence[Path], *, job: str, replace: bool) -> None:
        """Write the rows, and the job as an application transaction of the same commit."""
        name, found = f"mainspring.batch.{job}", self._open(address)
        if found is not None and found.transaction_version(name) is not None:
            return
        rows = pl.scan_parquet(list(parts)).with_row_index(_ROW).cast({_ROW: pl.Int64})
        commit = CommitProperties(max_commit_retries=0, app_transactions=[Transaction(name, 1)])
        options = {"commit_properties": commit}
        with _translated(address, "write"), _narrow():
            rows.sink_delta(
                address,
                mode="overwrite" if replace else "error",
                storage_options=self._options,
                delta_write_options=options | ({"schema_mode": "overwrite"} if replace else {}),
            )

    def _open(self, address: str) -> DeltaTable | None:
        with _translated(address, "open"):
            try:
                return DeltaTable(address, storage_options=self._options)
            except TableNotFoundError:
                return None


@contextmanager
def _narrow() -> Iterator[None]:
    """What is made meanwhile is for its owner alone: delta-rs makes files by the umask."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _translated(address: str, operation: str) -> Iterator[None]:
    """Raise ENG-010 or ENG-001 in place of deltalake's, Polars' and the system's errors."""
    store = f"table {address}"
    try:
        yield
    except (DeltaError, pl.exceptions.PolarsError, OSError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        if operation == "open":
            raise StoreDamaged(store=store, reason=reason) from error
        raise StoreFailed(store=store, operation=operation, reason=reason) from error
