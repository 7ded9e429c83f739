"""Where a batch reads its rows and writes them: local files, files in a bucket, and tables.

What comes from a bucket is copied into the batch's folder first, and what goes there is made there
first: so all files are read and written in one way, and a copy that was cut is never answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from mainspring.features.history.answer_file import refuse_unwritable, write_answer_file
from mainspring.ports.rows import RemoteFiles, RowTables
from mainspring.serving.batch.errors import BatchInputUnusable, BatchOutputUnusable
from mainspring.serving.batch.input import FORMATS, identity_of_file, scan_file, stat_of_file

__all__ = [
    "FileSink",
    "FileSource",
    "RemoteSink",
    "RemoteSource",
    "RowSink",
    "RowSource",
    "TableSink",
    "TableSource",
    "is_file",
    "is_remote",
]


def is_remote(address: str) -> bool:
    """Whether an address leads to a bucket."""
    return address.startswith("s3://")


def is_file(address: str) -> bool:
    """Whether an address names a file, by its suffix; else it names a table."""
    return address.endswith(FORMATS)


class RowSource(Protocol):
    """Rows that a batch reads."""

    @property
    def name(self) -> str:
        """Where they lie, as it was given."""
        ...

    def identity(self, folder: Path) -> str:
        """What changes when they do; may leave a copy in the folder.  Raises: BatchInputUnusable
        SRV-085 where there are none.
        """
        ...

    def scan(self, folder: Path, identity: str) -> tuple[pl.LazyFrame, Path]:
        """The rows of this identity, and the path that errors name."""
        ...

    def is_unchanged(self) -> bool:
        """Whether they are still what `identity` saw."""
        ...


class RowSink(Protocol):
    """Where a batch writes its rows."""

    @property
    def name(self) -> str:
        """Where they shall lie, as it was given."""
        ...

    def exists(self) -> bool:
        """Whether something lies there."""
        ...

    def refuse_unwritable(self, columns: Mapping[str, pl.DataType]) -> None:
        """Raises: FormatCannotHold FEA-060 for a column that the format has no place for."""
        ...

    def write(self, parts: Sequence[Path], folder: Path, *, job: str) -> None:
        """Write the rows of these Parquet files, whole or not at all."""
        ...


@dataclass(eq=False)
class FileSource:
    """A file of this machine."""

    path: Path
    _stat: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def identity(self, folder: Path) -> str:  # noqa: ARG002
        """The digest of its bytes."""
        try:
            self._stat = stat_of_file(self.path)
            return identity_of_file(self.path)
        except OSError as error:
            raise BatchInputUnusable(
                file=self.name, problem=f"cannot be read: {error.strerror}"
            ) from error

    def scan(self, folder: Path, identity: str) -> tuple[pl.LazyFrame, Path]:  # noqa: ARG002
        """Its rows."""
        return scan_file(self.path), self.path

    def is_unchanged(self) -> bool:
        """Whether nobody has written to it since, or put another in its place."""
        try:
            return self._stat == stat_of_file(self.path)
        except OSError:
            return False


@dataclass(frozen=True, eq=False)
class RemoteSource:
    """A file in a bucket."""

    url: str
    files: RemoteFiles
    _tags: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its address."""
        return self.url

    def identity(self, folder: Path) -> str:
        """Its tag; the copy is made anew where that of another attempt has another."""
        tag = self.files.tag(self.url)
        if not tag:
            raise BatchInputUnusable(file=self.url, problem="is not there")
        copy, noted = self._copy(folder), folder / "input.tag"
        if not copy.exists() or not noted.exists() or noted.read_text() != tag:
            fresh = folder / "fresh-input"
            tag = self.files.download(self.url, fresh)
            fresh.replace(copy)
            noted.touch(mode=0o600)
            noted.write_text(tag)
        self._tags[:] = [tag]
        return f"tag:{tag}"

    def scan(self, folder: Path, identity: str) -> tuple[pl.LazyFrame, Path]:  # noqa: ARG002
        """The rows of the copy."""
        return scan_file(self._copy(folder)), self._copy(folder)

    def is_unchanged(self) -> bool:
        """Always: a copy was read, which nobody writes to."""
        return True

    def _copy(self, folder: Path) -> Path:
        return folder / f"input{Path(self.url).suffix}"


@dataclass(frozen=True, eq=False)
class TableSource:
    """A version of a table: a batch that goes on reads the version that it began with."""

    address: str
    tables: RowTables

    @property
    def name(self) -> str:
        """Its address."""
        return self.address

    def identity(self, folder: Path) -> str:  # noqa: ARG002
        """Its newest version."""
        version = self.tables.version(self.address)
        if version is None:
            raise BatchInputUnusable(
                file=self.address,
                problem=f"is no Delta table, and no file of {', '.join(FORMATS)}",
            )
        return f"version:{version}"

    def scan(self, folder: Path, identity: str) -> tuple[pl.LazyFrame, Path]:  # noqa: ARG002
        """The rows of that version."""
        version = int(identity.removeprefix("version:"))
        return self.tables.scan(self.address, version), Path(self.address)

    def is_unchanged(self) -> bool:
        """Always: a version stays as it is."""
        return True


@dataclass(frozen=True, eq=False)
class FileSink:
    """A file of this machine, which appears when it is whole."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def exists(self) -> bool:
        """Whether something lies there."""
        return self.path.exists() or self.path.is_symlink()

    def refuse_unwritable(self, columns: Mapping[str, pl.DataType]) -> None:
        """By the format of its suffix."""
        refuse_unwritable(columns, self.path)

    def write(self, parts: Sequence[Path], folder: Path, *, job: str) -> None:  # noqa: ARG002
        """One file of all parts."""
        try:
            write_answer_file(list(parts), self.path, folder=folder)
        except OSError as error:
            raise BatchOutputUnusable(
                file=self.name, problem=f"cannot be written: {error.strerror}"
            ) from error


@dataclass(frozen=True, eq=False)
class RemoteSink:
    """A file in a bucket."""

    url: str
    files: RemoteFiles

    @property
    def name(self) -> str:
        """Its address."""
        return self.url

    def exists(self) -> bool:
        """Whether there is one of this name."""
        return bool(self.files.tag(self.url))

    def refuse_unwritable(self, columns: Mapping[str, pl.DataType]) -> None:
        """By the format of its suffix."""
        refuse_unwritable(columns, Path(self.url))

    def write(self, parts: Sequence[Path], folder: Path, *, job: str) -> None:  # noqa: ARG002
        """One file of all parts, uploaded."""
        made = folder / f"output{Path(self.url).suffix}"
        write_answer_file(list(parts), made, folder=folder)
        self.files.upload(made, self.url)


@dataclass(frozen=True, eq=False)
class TableSink:
    """A Delta table."""

    address: str
    tables: RowTables
    replace: bool = False

    @property
    def name(self) -> str:
        """Its address."""
        return self.address

    def exists(self) -> bool:
        """Whether there is a table."""
        return self.tables.version(self.address) is not None

    def refuse_unwritable(self, columns: Mapping[str, pl.DataType]) -> None:
        """A table holds what Parquet does."""
        refuse_unwritable(columns, Path("table.parquet"))

    def write(self, parts: Sequence[Path], folder: Path, *, job: str) -> None:  # noqa: ARG002
        """All parts in one commit."""
        self.tables.publish(self.address, parts, job=job, replace=self.replace)
