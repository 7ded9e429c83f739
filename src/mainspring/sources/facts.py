"""Read a source's facts: each accepted revision once, with the span of time in which it
is visible.
"""

import polars as pl

from mainspring.elements.schema import Schema
from mainspring.elements.time import FOREVER, Micros
from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableReader
from mainspring.sources.columns import conform_rows
from mainspring.sources.read import iter_records, read_materialized, require_not_ahead
from mainspring.sources.sequence import SYSTEM
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["read_source_rows"]

_SYSTEM = {
    "_id": pl.String(),
    **dict.fromkeys(("_offset", "_event_time", "_visible_from", "_visible_to"), pl.Int64()),
    "_history": pl.Boolean(),
}


def read_source_rows(
    source: Source,
    *,
    log: LogReader,
    tables: TableReader | None = None,
    until: int | None = None,
    visible_until: Micros | None = None,
    happened_from: Micros | None = None,
    schema: Schema | None = None,
) -> pl.DataFrame:
    """The facts of a source in the order of the log.

    Args:
        tables: where the log below the table's position is read faster; None reads the log alone.
        until: only records below this offset count; None reads up to the head.
        visible_until: leaves out what became visible later; a fact that is withdrawn later still
            has the end of its span.
        happened_from: leaves out what happened before, which a table need not be read for.
        schema: the columns that the facts shall have, and their types: the source may have had
            others when they were accepted.

    Returns:
        The payload, and `_id`, `_offset`, `_event_time`, `_visible_from`, `_visible_to`,
        `_history`.  A fact is seen at q while `_visible_from <= q < _visible_to`.

    Raises:
        RetentionPassed: ENG-011 for records that neither the log nor the table has.
        CopyAhead: ENG-043 for a table that holds more than the log.
    """
    topic = topic_of(source.stream)
    position = require_not_ahead(topic, log=log, tables=tables) if tables is not None else 0
    below = position if until is None else min(position, until)
    folded = (
        read_materialized(topic, tables, stop=below, happened_from=happened_from, schema=schema)
        if tables is not None
        else None
    )
    frames = [folded] if folded is not None else []
    recent = iter_records(topic, log=log, tables=tables, start=below, stop=until, schema=schema)
    # A fact and what takes it back carry one event time, so that both are left out or neither is.
    frames += (
        recent
        if happened_from is None
        else (frame.filter(pl.col("_event_time") >= happened_from) for frame in recent)
    )
    records = (
        pl.concat(frames, how="diagonal_relaxed")
        if frames
        else pl.DataFrame(schema={"_op": pl.String(), **_SYSTEM})
    )
    records = records if schema is None else conform_rows(records, schema)
    facts = _with_spans(records) if frames else records.drop("_op")
    return (
        facts if visible_until is None else facts.filter(pl.col("_visible_from") <= visible_until)
    )


def _with_spans(records: pl.DataFrame) -> pl.DataFrame:
    """A retract ends the span of the revision before it of the same id, and is left out itself."""
    payload = [name for name in records.columns if name not in SYSTEM]
    taken_back = records.filter(pl.col("_op") == "retract")
    closed = pl.lit(FOREVER, dtype=pl.Int64)
    if taken_back.height:
        records = _closed(records, taken_back)
        closed = pl.col("_closed_at").fill_null(FOREVER)
    return records.filter(pl.col("_op") == "insert").select(
        *payload,
        "_id",
        "_offset",
        "_event_time",
        pl.col("_visible_at").alias("_visible_from"),
        closed.alias("_visible_to"),
        "_history",
    )


def _closed(records: pl.DataFrame, taken_back: pl.DataFrame) -> pl.DataFrame:
    """For each record of an id that was ever taken back, when the next record of that id becomes
    visible.
    """
    touched = (
        records.select("_id", "_offset", "_visible_at")
        .join(taken_back.select("_id").unique(), on="_id", how="semi")
        .sort("_offset")
    )
    ends = touched.select("_offset", _closed_at=pl.col("_visible_at").shift(-1).over("_id"))
    return records.join(ends, on="_offset", how="left", maintain_order="left")
