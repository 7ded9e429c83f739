"""Read a source's facts: each accepted revision once, with the span of time in which it
is visible.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import and_, or_
from typing import NamedTuple

import polars as pl

from mainspring.elements.schema import Schema
from mainspring.elements.time import FOREVER, Micros
from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableReader
from mainspring.sources.columns import conform_rows, rejoin_changed_columns
from mainspring.sources.read import iter_records, reading_table, require_not_ahead
from mainspring.sources.sequence import SYSTEM
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["FactQuery", "KeyValues", "read_source_rows", "scan_source_rows"]

_SYSTEM = {
    "_id": pl.String(),
    **dict.fromkeys(("_offset", "_event_time", "_visible_from", "_visible_to"), pl.Int64()),
    "_history": pl.Boolean(),
}
_IS_RETRACT = pl.col("_op") == "retract"
_FARTHEST: Micros = 2**62

KeyValues = Mapping[str, pl.Series]
"""By column, the distinct values of a key that are asked for, a null among them if that is one."""


class FactQuery(NamedTuple):
    """Which facts of a source are asked for, and what of them; each part that is given spares
    reading.

    Args:
        schema: the payload columns that are asked for, and their types: the source may have had
            others when they were accepted.  None gives all columns as they are.
        only: whether the columns of the schema are the only ones of the payload.
        keys: of several kinds of keys the values; a fact is asked for if one kind fits.  None asks
            for all.
        happened_from, happened_until: leave out what happened before and after.
    """

    schema: Schema | None = None
    only: bool = False
    keys: tuple[KeyValues, ...] | None = None
    happened_from: Micros | None = None
    happened_until: Micros | None = None


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
    query = FactQuery(schema, happened_from=happened_from)
    scan = scan_source_rows(source, query, log=log, tables=tables, until=until)
    with reading_table(topic_of(source.stream)):
        facts = scan.collect()
    if not facts["_offset"].is_sorted():
        facts = facts.sort("_offset")
    return (
        facts if visible_until is None else facts.filter(pl.col("_visible_from") <= visible_until)
    )


def scan_source_rows(
    source: Source,
    query: FactQuery,
    *,
    log: LogReader,
    tables: TableReader | None = None,
    until: int | None = None,
) -> pl.LazyFrame:
    """The facts of a source as `read_source_rows` gives them, in any order, read when they are
    asked for: collect them inside `reading_table`.

    Cost: what the log alone has is read now, and which facts were taken back; where nothing was,
        nearly nothing of the table.
    """
    topic = topic_of(source.stream)
    stored, below = _scan_table(topic, log=log, tables=tables, until=until)
    frames = [] if stored is None else [_asked(_rejoined(stored, query), query)]
    recent = iter_records(
        topic, log=log, tables=tables, start=below, stop=until, schema=query.schema
    )
    frames += [_asked(frame.lazy(), query) for frame in recent]
    if not frames:
        frames = [_asked(pl.LazyFrame(schema={**_SYSTEM_OF_RECORDS}), query)]
    records = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
    with reading_table(topic):
        return _with_spans(records, query)


_SYSTEM_OF_RECORDS = {
    "_op": pl.String(),
    "_id": pl.String(),
    **dict.fromkeys(("_offset", "_event_time", "_visible_at"), pl.Int64()),
    "_history": pl.Boolean(),
}


def _scan_table(
    topic: str, *, log: LogReader, tables: TableReader | None, until: int | None
) -> tuple[pl.LazyFrame | None, int]:
    """What a table holds of the records below `until`, and from where on the log is read."""
    if tables is None:
        return None, 0
    position = require_not_ahead(topic, log=log, tables=tables)
    below = position if until is None else min(position, until)
    scan = tables.scan(topic) if below else None
    # It may have gone on since; where it has not, no offset has to be looked at.
    is_all = below == position and tables.position(topic) == position
    return (scan if scan is None or is_all else scan.filter(pl.col("_offset") < below)), below


def _rejoined(stored: pl.LazyFrame, query: FactQuery) -> pl.LazyFrame:
    return rejoin_changed_columns(stored, query.schema)


def _asked(records: pl.LazyFrame, query: FactQuery) -> pl.LazyFrame:
    """The records that a query asks for, in the types of its schema."""
    if query.schema is not None:
        records = conform_rows(records, query.schema)
    rules = list(_iter_rules(query))
    return records.filter(reduce(and_, rules)) if rules else records


def _iter_rules(query: FactQuery) -> Iterator[pl.Expr]:
    # A fact and what takes it back carry one event time, so that both are left out or neither is.
    for bound, rule in (
        (query.happened_from, pl.col("_event_time").ge),
        (query.happened_until, pl.col("_event_time").le),
    ):
        if bound is not None:
            yield rule(max(-_FARTHEST, min(bound, _FARTHEST)))
    if query.keys is not None:
        # They carry one payload too; but that was written in the types of its time, and a key that
        # was cast meanwhile may not be equal to itself.
        yield reduce(or_, map(_has_key, query.keys), _IS_RETRACT)


def _has_key(values: KeyValues) -> pl.Expr:
    return reduce(and_, [_is_among(pl.col(name), own) for name, own in values.items()])


def _is_among(column: pl.Expr, values: pl.Series) -> pl.Expr:
    known = values.drop_nulls()
    found = column.is_in(known.implode())
    if len(known) and (known.dtype.is_integer() or known.dtype == pl.String):
        # Statistics of files speak of the least and the greatest.
        found = column.is_between(pl.lit(known.min()), pl.lit(known.max())) & found
    return found | column.is_null() if known.len() < values.len() else found


def _with_spans(records: pl.LazyFrame, query: FactQuery) -> pl.LazyFrame:
    """A retract ends the span of the revision before it of the same id, and is left out itself."""
    payload = [name for name in records.collect_schema().names() if name not in SYSTEM]
    if query.only and query.schema is not None:
        payload = [name for name in payload if name in query.schema]
    taken_back = records.filter(_IS_RETRACT).select("_id").unique().collect()
    closed = pl.lit(FOREVER, dtype=pl.Int64)
    if taken_back.height:
        records = _closed(records, taken_back)
        closed = pl.col("_closed_at").fill_null(FOREVER)
        records = records.filter(pl.col("_op") == "insert")
    return records.select(
        *payload,
        "_id",
        "_offset",
        "_event_time",
        pl.col("_visible_at").alias("_visible_from"),
        closed.alias("_visible_to"),
        "_history",
    )


def _closed(records: pl.LazyFrame, taken_back: pl.DataFrame) -> pl.LazyFrame:
    """For each record of an id that was ever taken back, when the next record of that id becomes
    visible.
    """
    touched = (
        records.select("_id", "_offset", "_visible_at")
        .join(taken_back.lazy(), on="_id", how="semi")
        .sort("_offset")
    )
    ends = touched.select("_offset", _closed_at=pl.col("_visible_at").shift(-1).over("_id"))
    # In one order whenever it is read: ids may be read after the rest.
    return records.join(ends.collect().lazy(), on="_offset", how="left", maintain_order="left")
