"""Rows of a segment that a generation decides on together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from mainspring.sources.raw.segment import RawSegment

__all__ = ["Batch"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Rows of a segment that are decided on together.

    Args:
        first: the place of the first of them in the segment.
        operations: of each row; empty where all insert.
        hits: by place in the batch, the raw offsets that a row took back when it came.
    """

    rows: pl.DataFrame
    segment: RawSegment
    first: int = 0
    operations: Sequence[str] = ()
    hits: Mapping[int, Sequence[int]] = field(default_factory=dict)

    @property
    def raw_offset(self) -> int:
        """That of its first row."""
        return self.segment.start + self.first

    def after(self, rows: int) -> "Batch":
        """The batch without so many rows at its beginning; only for one that has no hits."""
        return replace(
            self,
            rows=self.rows[rows:],
            first=self.first + rows,
            operations=self.operations[rows:],
        )
