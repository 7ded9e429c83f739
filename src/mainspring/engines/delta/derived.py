"""What a table leaves out of the envelope of records because another column says it.

Of imported history a fact was known when it happened and visible when it was known, so that three
of its times are one; and its id is the text of one of its columns.  Where that is so the table
holds null, which takes no bytes; whoever scans the table through this engine sees all of them.
"""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

__all__ = ["column_of_ids", "filled_in", "left_out"]

_TIMES = ("_event_time", "_known_at", "_visible_at")
"""In the order in which each may be told by those before it."""
_TOLD = (pl.Int64, pl.String)


def column_of_ids(frame: pl.DataFrame) -> str | None:
    """The column whose values as text are the ids of all records; None where there is none."""
    if "_id" not in frame.columns or frame.is_empty():
        return None
    for name, dtype in frame.schema.items():
        # Compared to the end only where the first is alike.
        if not name.startswith("_") and dtype in _TOLD and _is_id(frame.head(1), name):
            return name if _is_id(frame, name) else None
    return None


def left_out(frame: pl.DataFrame, id_column: str | None) -> pl.DataFrame:
    """Records with null for each time that is the one before it, and for each id that is the text
    of this column.
    """
    told = []
    if set(_TIMES) <= set(frame.columns):
        # Compared with what stands there, and not with a null: a time that is absent is none.
        told += [_unless(pl.col(time) == pl.col(before), time) for before, time in pairwise(_TIMES)]
    if id_column is not None and frame.schema.get(id_column) in _TOLD:
        told.append(_unless(pl.col("_id") == pl.col(id_column).cast(pl.String), "_id"))
    return frame.with_columns(told)


def filled_in(scan: pl.LazyFrame, columns: Sequence[str], id_column: str | None) -> pl.LazyFrame:
    """The inverse of `left_out`."""
    told = []
    if set(_TIMES) <= set(columns):
        told += [
            pl.coalesce(*reversed(_TIMES[: place + 1])).alias(time)
            for place, time in enumerate(_TIMES[1:], start=1)
        ]
    if id_column is not None and id_column in columns:
        told.append(pl.coalesce("_id", pl.col(id_column).cast(pl.String)).alias("_id"))
    return scan.with_columns(told)


def _is_id(frame: pl.DataFrame, name: str) -> bool:
    return frame["_id"].equals(frame[name].cast(pl.String))


def _unless(is_told: pl.Expr, name: str) -> pl.Expr:
    return pl.when(is_told).then(None).otherwise(name).alias(name)
