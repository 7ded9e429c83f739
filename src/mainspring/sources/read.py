"""Read the records of a source: from the log, and those that the log has trimmed from the table."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mainspring.elements.schema import Schema
from mainspring.elements.spilled_parts import SpilledParts, joined_frames
from mainspring.elements.time import Micros
from mainspring.ports.errors import RetentionPassed, StoreDamaged
from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableReader
from mainspring.sources.columns import conform_rows, rejoin_changed_columns
from mainspring.sources.errors import CopyAhead

__all__ = [
    "iter_frames_with",
    "iter_records",
    "read_materialized",
    "reading_table",
    "require_not_ahead",
    "spans_of",
]

_ROWS_AT_ONCE = 262_144
_LONGEST_REASON = 300
_SMALL_GAP = 256
_SAMPLE = 4_096


def iter_records(
    topic: str,
    *,
    log: LogReader,
    tables: TableReader | None = None,
    start: int = 0,
    stop: int | None = None,
    schema: Schema | None = None,
) -> Iterator[pl.DataFrame]:
    """The records with `start <= offset < stop` in order, as if nothing had ever been trimmed; it
    may be trimmed while they are read.  They come without `_content`, which tables do not have.

    Args:
        tables: where trimmed records are read.
        schema: the columns that every frame shall have, and their types; None leaves each batch as
            it was written.

    Raises:
        RetentionPassed: ENG-011 for records that neither the log nor the table has.
    """
    stop = min(log.head(topic), stop) if stop is not None else log.head(topic)
    while start < stop:
        first, reached = log.first(topic), start
        frames = (
            log.read(topic, start=start, stop=stop)
            if start >= first
            else _of_table(topic, tables, start=start, stop=min(first, stop), schema=schema)
        )
        try:
            for frame in frames:
                reached = int(frame["_offset"][-1]) + 1
                frame = frame.drop("_content", strict=False)
                yield frame if schema is None else conform_rows(frame, schema)
        except RetentionPassed:
            if tables is None or tables.position(topic) < min(log.first(topic), stop):
                raise
        else:
            if reached == start:
                raise RetentionPassed(topic=topic, kept_from=first, asked=start)
        start = reached


def read_materialized(
    topic: str,
    tables: TableReader,
    *,
    start: int = 0,
    stop: int,
    happened_from: Micros | None = None,
    schema: Schema | None = None,
) -> pl.DataFrame | None:
    """The records that a table holds with `start <= offset < stop`, in order; None where it has
    none of them.

    Args:
        happened_from: leaves out those of facts that happened before; files that hold no others are
            not read.
    """
    scan = tables.scan(topic) if start < stop else None
    if scan is None:
        return None
    if happened_from is not None:
        scan = scan.filter(pl.col("_event_time") >= happened_from)
    with reading_table(topic):
        frame = (
            scan.filter(pl.col("_offset").is_between(start, stop, closed="left"))
            .sort("_offset")
            .collect()
        )
    return rejoin_changed_columns(frame, schema) if frame.height else None


def spans_of(offsets: Sequence[int]) -> list[tuple[int, int]]:
    """What to read for these offsets, which are sorted: one read costs as much as the records of a
    small gap.

    >>> spans_of([1, 2, 3, 9_000, 9_010])
    [(1, 4), (9000, 9011)]
    """
    spans: list[tuple[int, int]] = []
    for offset in offsets:
        if spans and offset - spans[-1][1] < _SMALL_GAP:
            spans[-1] = (spans[-1][0], offset + 1)
        else:
            spans.append((offset, offset + 1))
    return spans


def iter_frames_with(topic: str, offsets: Sequence[int], log: LogReader) -> Iterator[pl.DataFrame]:
    """The frames of a log that have records at these offsets, which are sorted, from each such
    offset on.  Cost: each frame is read once, and those in a wide gap are not read.
    """
    reached = 0
    for offset in offsets:
        if offset < reached:
            continue
        for frame in log.read(topic, start=offset, stop=offsets[-1] + 1):
            yield frame
            reached = int(frame["_offset"][-1]) + 1
            next_place = bisect_left(offsets, reached)
            if next_place == len(offsets) or offsets[next_place] - reached >= _SMALL_GAP:
                break


def require_not_ahead(topic: str, *, log: LogReader, tables: TableReader) -> int:
    """The position of a table, which is not beyond the head of the log.  Raises: CopyAhead ENG-043:
    what is believed of such a table is in no log.
    """
    # In this order: a table that is folded meanwhile is never beyond a head that is read later.
    position, head = tables.position(topic), log.head(topic)
    if position > head:
        raise CopyAhead(store=f"table {topic}", topic=topic, position=position, head=head)
    return position


@contextmanager
def reading_table(topic: str) -> Iterator[None]:
    """Raise StoreDamaged ENG-010 where what a table holds cannot be read when it is asked for: a
    scan is lazy, and its files are opened only then.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0][:_LONGEST_REASON]
        raise StoreDamaged(store=f"table {topic}", reason=reason) from error


def _of_table(
    topic: str, tables: TableReader | None, *, start: int, stop: int, schema: Schema | None
) -> Iterator[pl.DataFrame]:
    if tables is None or tables.position(topic) < stop:
        raise RetentionPassed(topic=topic, kept_from=stop, asked=start)
    if _lies_by_offset(topic, tables):
        for at in range(start, stop, _ROWS_AT_ONCE):
            frame = read_materialized(
                topic, tables, start=at, stop=min(at + _ROWS_AT_ONCE, stop), schema=schema
            )
            if frame is not None:
                yield frame
        return
    yield from _in_order(topic, tables, start=start, stop=stop, schema=schema)


def _lies_by_offset(topic: str, tables: TableReader) -> bool:
    """Whether the first rows of a table are in order, as those of one that was put in another order
    are not.
    """
    scan = tables.scan(topic)
    with reading_table(topic):
        first = scan.select("_offset").head(_SAMPLE).collect() if scan is not None else None
    return first is None or first["_offset"].is_sorted()


def _in_order(
    topic: str, tables: TableReader, *, start: int, stop: int, schema: Schema | None
) -> Iterator[pl.DataFrame]:
    """The records of a table that lie in another order, read once: what was read goes to disk by
    where it belongs.
    """
    scan = tables.scan(topic)
    if scan is None:
        return
    wanted = scan.filter(pl.col("_offset").is_between(start, stop, closed="left"))
    part = (pl.col("_offset") - start) // _ROWS_AT_ONCE
    with TemporaryDirectory(prefix="mainspring-table-") as folder:
        parts = SpilledParts(Path(folder) / "records", (stop - start - 1) // _ROWS_AT_ONCE + 1)
        with reading_table(topic):
            for frame in filter(len, joined_frames(wanted.collect_batches())):
                parts.add(frame, frame.select(part.cast(pl.UInt16)).to_series())
        for number in range(parts.number):
            records = pl.concat([*parts.read(number), scan.head(0).collect()]).sort("_offset")
            if records.height:
                yield rejoin_changed_columns(records, schema)
