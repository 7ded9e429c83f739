"""Materialize the log of a topic into its table, from the table's position on; a crash at any
instant loses and doubles nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import polars as pl

from mainspring.elements.frame import schema_of
from mainspring.elements.schema import DType
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import ENVELOPE, LogReader
from mainspring.ports.tables import TableWriter
from mainspring.sources.ahead import iter_ahead
from mainspring.sources.columns import split_changed_columns
from mainspring.sources.read import require_not_ahead
from mainspring.sources.topic import topic_of

__all__ = ["TableMaterializer", "materialize_table"]

_ATTEMPTS = 20
_WORTH_A_COMMIT = 1_000
_BYTES_OF_COMMIT = 128 * 1024 * 1024
_MOST_WAITING = 65_536


def materialize_table(
    topic: str, *, log: LogReader, tables: TableWriter, rows: int = 524_288
) -> int:
    """Bring the table of a topic, which has its name, up to the head of the log; returns the
    position reached.

    If another process materializes the same topic, this one continues from its position.

    Args:
        rows: about how many records go into one commit, fewer where they are large; fewer commits
            make a faster and a smaller table.

    Raises:
        StaleWrite: ENG-004 when others were faster twenty times in a row.
        RetentionPassed: ENG-011 when the log was trimmed beyond the table's position.
        CopyAhead: ENG-043 when the table holds more than the log.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _fold_once(topic, log=log, tables=tables, rows=rows)
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


class TableMaterializer:
    """Keeps the tables of sources current, with one commit for many records.

    Args:
        sources: gives their names; called at every turn, since an environment gains and loses
            sources while a server runs.
    """

    def __init__(
        self, sources: Callable[[], Sequence[str]], *, log: LogReader, tables: TableWriter
    ) -> None:
        self._sources, self._log, self._tables = sources, log, tables
        self._reached: dict[str, int] = {}

    def run_due(self) -> None:
        """Bring each table up to the log for which a thousand records wait, and a thousandth of
        those that it has: each commit is a file more, which whoever opens the table pays for.
        """
        for topic in map(topic_of, self._sources()):
            if topic not in self._reached:
                # Reading a table's position costs 2 ms, and a server asks 50 times a second; it
                # only grows, so the last one seen is a safe bound.
                self._reached[topic] = self._tables.position(topic)
            if self._log.head(topic) - self._reached[topic] >= _worth(self._reached[topic]):
                self._reached[topic] = materialize_table(topic, log=self._log, tables=self._tables)


def _worth(reached: int) -> int:
    """How many records are worth a commit to a table that has so many."""
    return min(max(_WORTH_A_COMMIT, reached // 1_000), _MOST_WAITING)


def _fold_once(topic: str, *, log: LogReader, tables: TableWriter, rows: int) -> int:
    position = require_not_ahead(topic, log=log, tables=tables)
    if position == log.head(topic):
        return position
    held = _columns_of(tables, topic)
    # Digests are half of a table's bytes, and asked for by the log alone, which keeps them whatever
    # is trimmed.
    frames = (
        split_changed_columns(frame.drop("_content", strict=False), held)
        for frame in log.read(topic, start=position)
    )
    for frame in iter_ahead(_iter_gathered(frames, rows=rows)):
        reached = int(frame["_offset"][-1]) + 1
        tables.append(topic, frame, expected=position, position=reached)
        position = reached
    return position


def _columns_of(tables: TableWriter, topic: str) -> dict[str, DType]:
    scan = tables.scan(topic)
    columns = scan.collect_schema() if scan is not None else {}
    return {
        field.name: field.dtype
        for field in schema_of(
            {name: dtype for name, dtype in columns.items() if name not in ENVELOPE}
        )[0]
    }


def _iter_gathered(frames: Iterable[pl.DataFrame], *, rows: int) -> Iterator[pl.DataFrame]:
    """Small frames joined until there are enough rows; a column that only later frames have is null
    before.
    """
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        size_bytes = sum(f.estimated_size() for f in waiting)
        if sum(f.height for f in waiting) >= rows or size_bytes >= _BYTES_OF_COMMIT:
            yield pl.concat(waiting, how="diagonal")
            waiting = []
    if any(f.height for f in waiting):
        yield pl.concat(waiting, how="diagonal")
