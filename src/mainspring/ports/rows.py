"""The ports of rows that a batch reads and writes: files in a bucket, and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["RemoteFiles", "RowTables"]


class RemoteFiles(Protocol):
    """Files that are copied here and back.

    Guarantees: an upload is seen whole or not at all.
    Errors: ENG-001, ENG-009 where the server refuses or does not answer.
    """

    def tag(self, url: str) -> str:
        """What changes with the file's bytes; empty where there is none of this name."""
        ...

    def download(self, url: str, path: Path) -> str:
        """Copy a file here; the tag of what was copied."""
        ...

    def upload(self, path: Path, url: str) -> None:
        """Put a file there, in place of one of this name."""
        ...


class RowTables(Protocol):
    """Tables of rows, by their address.

    Guarantees: a version never changes; what is published is seen whole or not at all.
    Errors: ENG-001 and ENG-010 where a table cannot be read or written.
    """

    def version(self, address: str) -> int | None:
        """The newest version; None where there is no table."""
        ...

    def scan(self, address: str, version: int) -> "pl.LazyFrame":
        """The rows of a version, in one order whenever they are read."""
        ...

    def publish(self, address: str, parts: Sequence[Path], *, job: str, replace: bool) -> None:
        """Make these Parquet files the rows of a table, in one commit; doing it twice for one job
        is doing it once.

        Args:
            replace: whether they take the place of the rows of a table that is there.
        """
        ...
