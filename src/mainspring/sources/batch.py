"""Rows of a segment that a generation decides on together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from mainspring.sources.compiled import CompiledSource, Prepared
from mainspring.sources.files import iter_rows
from mainspring.sources.raw.segment import RawSegment
from mainspring.sources.repeated_ids import RepeatedIds

__all__ = ["ROWS_AT_ONCE", "Batch", "iter_batches", "operations_alike"]

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Rows of a segment that are decided on together.

    Args:
        first: the place of the first of them in the segment.
        operations: of each row; empty where all insert.
        hits: by place in the batch, the raw offsets that a row took back when it came.
        prepared: what `CompiledSource.prepare` says of these rows and operations, if it was asked.
    """

    rows: pl.DataFrame
    segment: RawSegment
    first: int = 0
    operations: Sequence[str] = ()
    hits: Mapping[int, Sequence[int]] = field(default_factory=dict)
    prepared: Prepared | None = None

    @property
    def raw_offset(self) -> int:
        """That of its first row."""
        return self.segment.start + self.first

    def after(self, rows: int) -> "Batch":
        """The batch without so many rows at its beginning; only for one that has no hits."""
        if rows == 0:
            return self
        return replace(
            self,
            rows=self.rows[rows:],
            first=self.first + rows,
            operations=self.operations[rows:],
            prepared=None,
        )


def iter_batches(compiled: CompiledSource, segment: RawSegment, path: Path) -> Iterator[Batch]:
    """The rows of a file, prepared."""
    source, first = compiled.source, 0
    repeats = RepeatedIds(compiled) if segment.operation == "upsert" else None
    if repeats is not None:
        repeats.look_for(iter_rows(source, path, rows=ROWS_AT_ONCE))
    for rows in iter_rows(source, path, rows=ROWS_AT_ONCE):
        alike = operations_alike(segment.operation, rows.height)
        operations = repeats.operations(rows) if repeats else alike
        prepared = compiled.prepare(rows, operations or None)
        yield Batch(
            rows=rows, segment=segment, first=first, operations=operations, prepared=prepared
        )
        first += rows.height


def operations_alike(operation: str, rows: int) -> Sequence[str]:
    """The operations of rows that all ask for the same; empty where they insert."""
    return () if operation == "insert" else (operation,) * rows
