"""Reads data files: their columns, and their rows in frames.

CSV columns are read as text and given their types here, so that one malformed value breaks its row
and not the import.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from mainspring.elements.frame import schema_of
from mainspring.elements.schema import Field, Schema
from mainspring.sources.contract import contract_schema
from mainspring.sources.errors import (
    EmptyFolder,
    FileMissing,
    FileUnreadable,
    SourceNotReadable,
    UnusableColumn,
)
from mainspring.sources.spec import Source

__all__ = ["count_rows", "iter_rows", "part_files", "read_schema", "scan_files"]

_KINDS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".ndjson": "json"}
_ROWS_LOOKED_AT = 10_000


def read_schema(source: Source, root: Path) -> Schema:
    """The columns of the source's file, from its metadata or first 10,000 rows; those of the
    contract for a source without a file.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003, at the user's
            line.
        UnusableColumn: PRJ-019.
    """
    if source.path is None:
        if not source.contract.columns:
            raise SourceNotReadable(source=source.name, at=source.declared_at)
        return contract_schema(source)
    files, kind = _files(source, root / source.path)
    with _reading(source, files[0]):
        if kind == "parquet":
            stored = pl.scan_parquet(files).collect_schema()
        elif kind == "csv":
            stored = pl.scan_csv(
                files[0], infer_schema_length=_ROWS_LOOKED_AT, try_parse_dates=True
            ).collect_schema()
        else:
            stored = pl.scan_ndjson(files[0], infer_schema_length=_ROWS_LOOKED_AT).collect_schema()
    schema, strange = schema_of(dict(stored))
    for name, found in strange.items():
        raise UnusableColumn(source=source.name, column=name, found=found, at=source.declared_at)
    return schema if kind == "parquet" else _as_promised(source, schema)


def scan_files(source: Source, path: Path) -> pl.LazyFrame:
    """The rows of a file or folder, lazily, in their stored types; CSV as text.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003.
    """
    files, kind = _files(source, path)
    with _reading(source, files[0]):
        if kind == "parquet":
            return pl.scan_parquet(files)
        if kind == "csv":
            return pl.scan_csv(files, infer_schema=False)
        return pl.scan_ndjson(files, infer_schema_length=None)


def count_rows(source: Source, path: Path) -> int:
    """How many rows the file or folder holds."""
    with _reading(source, path):
        return int(scan_files(source, path).select(pl.len()).collect().item())


def iter_rows(source: Source, path: Path, *, rows: int) -> Iterator[pl.DataFrame]:
    """The rows in their order, so many in a frame."""
    scan = scan_files(source, path)
    with _reading(source, path):
        yield from scan.collect_batches(chunk_size=rows, maintain_order=True)


def part_files(source: Source, path: Path) -> list[Path]:
    """The data files of a path, in order: itself, or those of the folder that it is.

    Raises:
        SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003.
    """
    return _files(source, path)[0]


def _as_promised(source: Source, found: Schema) -> Schema:
    """Text formats have no types, so those of the contract are used."""
    promised = dict(source.contract.columns)
    return Schema(
        tuple(Field(f.name, promised[f.name].dtype) if f.name in promised else f for f in found)
    )


def _files(source: Source, path: Path) -> tuple[list[Path], str]:
    if not path.exists():
        raise FileMissing(source=source.name, path=str(path), at=source.declared_at)
    files = sorted(f for f in path.iterdir() if f.suffix in _KINDS) if path.is_dir() else [path]
    kinds = sorted({_KINDS.get(f.suffix, f"files named *{f.suffix}") for f in files})
    if path.is_dir() and len(kinds) != 1:
        raise EmptyFolder(
            source=source.name,
            path=str(path),
            found=" and ".join(kinds) or "no data file",
            at=source.declared_at,
        )
    if kinds[0] not in _KINDS.values():
        reason = f"{path.suffix or 'no suffix'} is not a format that can be read"
        raise FileUnreadable(
            source=source.name, path=str(path), reason=reason, at=source.declared_at
        )
    return files, kinds[0]


@contextmanager
def _reading(source: Source, path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileUnreadable(
            source=source.name,
            path=str(path),
            reason=str(error).partition("\n")[0],
            at=source.declared_at,
        ) from error
