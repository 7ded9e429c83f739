"""The offline store in memory: for tests, notebooks and simulations."""

import threading
from collections.abc import Sequence

import polars as pl

from mainspring.elements.time import Micros
from mainspring.ports.errors import StaleWrite

__all__ = ["MemoryTables"]


class MemoryTables:
    """Tables that live as long as this object."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[int, tuple[pl.DataFrame, ...]]] = {}
        self._lock = threading.Lock()

    def position(self, table: str) -> int:
        """The offset up to which the log is folded; 0 for a table that does not exist."""
        return self._tables.get(table, (0, ()))[0]

    def scan(self, table: str) -> pl.LazyFrame | None:
        """All records with their envelope, lazily, columns of later batches filled with null; None
        for a table that does not exist.
        """
        _, frames = self._tables.get(table, (0, ()))
        return pl.concat(frames, how="diagonal_relaxed").lazy() if frames else None

    def append(self, table: str, frame: pl.DataFrame, *, expected: int, position: int) -> None:
        """Add the records with `expected <= offset < position`; ENG-004 when the table is
        elsewhere.
        """
        with self._lock:
            found, frames = self._tables.get(table, (0, ()))
            if found != expected:
                raise StaleWrite(
                    what=f"table {table}", expected=f"offset {expected}", found=f"offset {found}"
                )
            self._tables[table] = (position, (*frames, frame))

    def vacuum(
        self,
        table: str,
        *,
        retain: Micros,  # noqa: ARG002
        order: Sequence[str] = (),
    ) -> int:
        """Join what was appended bit by bit, in this order; there are no files."""
        # `retain` is the port's: in memory nothing is ever kept beside the rows.
        with self._lock:
            if table in self._tables:
                position, frames = self._tables[table]
                rows: pl.DataFrame = pl.concat(frames, how="diagonal_relaxed")
                by = [name for name in order if name in rows.columns]
                self._tables[table] = (position, (rows.sort(by) if by else rows,))
        return 0

    def drop(self, table: str) -> None:
        """Forget a table."""
        with self._lock:
            self._tables.pop(table, None)
