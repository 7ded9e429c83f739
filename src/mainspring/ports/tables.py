"""The port of the offline store: a table per source, materialized from the log, with its
position.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from mainspring.elements.time import Micros

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TableReader", "TableWriter"]


class TableReader(Protocol):
    """Reads tables.

    Guarantees: a scan holds every record below `position` exactly once, and no other.
    """

    def position(self, table: str) -> int:
        """The offset up to which the log is materialized; 0 for a table that does not exist."""
        ...

    def scan(self, table: str) -> "pl.LazyFrame | None":
        """All records with their envelope, lazily; None for a table that does not exist, or holds
        none.
        """
        ...


class TableWriter(TableReader, Protocol):
    """Materializes the log into tables.

    Guarantees: rows and position move in one commit, or neither does.
    Errors: ENG-004 when the position is not the expected one.
    """

    def append(self, table: str, frame: "pl.DataFrame", *, expected: int, position: int) -> None:
        """Add the records with `expected <= offset < position`."""
        ...

    def vacuum(self, table: str, *, retain: Micros, order: Sequence[str] = ()) -> int:
        """Merge small files, and delete those that no version of the table younger than `retain`
        needs; returns how many were deleted.

        Args:
            order: the columns by which rows shall lie, where the engine finds that it pays; what is
                read by offset comes in the order of offsets all the same.

        Neither rows nor position change; readers and writers may go on meanwhile.
        """
        ...

    def drop(self, table: str) -> None:
        """Remove all that a table holds, and its files: after that it is as if it had never been.

        Whoever reads it meanwhile fails, and nobody may write it meanwhile; an absent table is
        none.
        """
        ...
