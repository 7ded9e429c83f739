"""The records of rows that come to quarantine, and of those that leave it."""

from collections.abc import Sequence

import polars as pl

from mainspring.ports.log import LogReader
from mainspring.sources.read import iter_frames_with

__all__ = ["departed_rows", "lying_rows", "refused_rows", "with_raw"]


def lying_rows(topic: str, ids: Sequence[str], log: LogReader) -> dict[str, int]:
    """By id of a refused row, which raw row lies in quarantine under it; without those that have
    been dropped or released.

    Cost: reads the frames that hold them, of whatever length the quarantine.
    """
    known = sorted(found.offset for found in log.find(topic, ids).values())
    if not known:
        return {}
    raws: dict[str, int] = {}
    for frame in iter_frames_with(topic, known, log):
        # Rows that release 0.1 refused have no raw offset.
        if "_raw" in frame.columns:
            newest = frame.filter(pl.col("_offset").is_in(known)).select("_id", "_raw")
            raws |= dict(newest.drop_nulls().iter_rows())
    gone = log.find(topic, [_name_of_departed(raw) for raw in raws.values()])
    return {id_: raw for id_, raw in raws.items() if _name_of_departed(raw) not in gone}


def refused_rows(
    refused: pl.DataFrame, raw: pl.Series, *, topic: str, log: LogReader, is_read_again: bool
) -> pl.DataFrame:
    """The records of refused rows; the text of one that lies in quarantine is not stored again.

    Args:
        raw: the raw offset of each row of the batch; null for one that was not stored again.
        is_read_again: whether the rows are of a file that was read before: then those that
            somebody dropped stay away.
    """
    records = with_raw(_collapsed(refused), raw)
    ids = records["_id"].to_list()
    lying = lying_rows(topic, ids, log)
    known = set(log.find(topic, ids)) if is_read_again else lying.keys()
    raws = [
        lying.get(id_) if id_ in known else offset
        for id_, offset in records.select("_id", "_raw").iter_rows()
    ]
    return records.with_columns(
        _raw=pl.Series(raws, dtype=pl.Int64),
        row=pl.when(~pl.col("_id").is_in(list(known))).then("row"),
    )


def departed_rows(offsets: Sequence[int], like: pl.DataFrame) -> pl.DataFrame:
    """The records that say that rows with these raw offsets have left quarantine."""
    rows = [
        {
            "_id": _name_of_departed(offset),
            "_content": offset.to_bytes(16, "big"),
            "_op": "retract",
            **dict.fromkeys(("_event_time", "_known_at", "_appended_at", "_visible_at"), 0),
            "_history": False,
            "_raw": offset,
            "count": 0,
        }
        for offset in offsets
    ]
    return pl.DataFrame(rows, schema=like.schema)


def with_raw(records: pl.DataFrame, raw: pl.Series) -> pl.DataFrame:
    """Records with the raw offsets of their rows in place of their places in the batch."""
    offsets = raw.gather(records["_row"]) if records.height else pl.Series([], dtype=pl.Int64)
    place = records.get_column_index("_row")
    return records.drop("_row").insert_column(place, offsets.cast(pl.Int64).alias("_raw"))


def _collapsed(refused: pl.DataFrame) -> pl.DataFrame:
    """Rows that are alike once, each with how many they were."""
    counts = pl.len().over("_id").cast(pl.Int64).alias("count")
    return refused.with_columns(counts).unique("_id", keep="first", maintain_order=True)


def _name_of_departed(raw: int) -> str:
    return f"gone:{raw}"
