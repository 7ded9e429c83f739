"""The times of records as a table holds them: each once.

Of imported history a fact was known when it happened and visible when it was known, so that three
of its times are one.  Where a time is that before it, the table holds null in its place, which
takes no bytes; whoever scans the table through this engine sees all of them.
"""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

__all__ = ["told_once", "told_whole"]

_TIMES = ("_event_time", "_known_at", "_visible_at")
"""In the order in which each may be told by those before it."""


def told_once(frame: pl.DataFrame) -> pl.DataFrame:
    """Records with null for each time that is the one before it."""
    if not set(_TIMES) <= set(frame.columns):
        return frame
    return frame.with_columns(
        # Compared with what stands there, and not with a null: a time that is absent is none.
        pl.when(pl.col(time) == pl.col(before)).then(None).otherwise(time).alias(time)
        for before, time in pairwise(_TIMES)
    )


def told_whole(scan: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The inverse of `told_once`."""
    if not set(_TIMES) <= set(columns):
        return scan
    return scan.with_columns(
        pl.coalesce(*reversed(_TIMES[: place + 1])).alias(time)
        for place, time in enumerate(_TIMES[1:], start=1)
    )
