"""Packed records as a frame, for engines that have no form of their own for them."""

from collections.abc import Sequence

import polars as pl

from mainspring.ports.log import ENVELOPE, PackedRecord

__all__ = ["PACKED_COLUMNS", "frame_of_records", "records_of_frame"]

PACKED_COLUMNS = (*ENVELOPE[1:], "shared", "packed")
"""The columns of a frame of packed records, without offsets."""

_TIMES = ("_event_time", "_known_at", "_appended_at", "_visible_at")


def frame_of_records(records: Sequence[PackedRecord]) -> pl.DataFrame:
    """The records as `LogWriter.append` takes them; `records_of_frame` is the inverse."""
    at = pl.Series([record.at for record in records], dtype=pl.Int64)
    return pl.DataFrame(
        {
            "_id": pl.Series([record.id for record in records], dtype=pl.String),
            "_content": pl.Series([record.content for record in records], dtype=pl.Binary),
            "_op": pl.Series(["insert"] * len(records), dtype=pl.String),
            **dict.fromkeys(_TIMES, at),
            "_history": pl.Series([False] * len(records), dtype=pl.Boolean),
            "shared": pl.Series([record.shared for record in records], dtype=pl.Binary),
            "packed": pl.Series([record.packed for record in records], dtype=pl.Binary),
        }
    )


def records_of_frame(frame: pl.DataFrame) -> list[PackedRecord] | None:
    """The records of a frame; None for one that holds others."""
    if frame.columns != [*PACKED_COLUMNS]:
        return None
    columns = (frame[name].to_list() for name in ("_id", "_appended_at", "shared", "packed"))
    return [PackedRecord(*row) for row in zip(*columns, strict=True)]
