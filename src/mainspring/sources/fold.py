"""Folds the log of a topic into its table, from where the table stands; stopping at any instant loses and doubles nothing."""

from collections.abc import Iterator

import polars as pl

from mainspring.ports.log import LogReader
from mainspring.ports.tables import TableWriter

__all__ = ["fold_table"]


def fold_table(topic: str, *, log: LogReader, tables: TableWriter, rows: int = 262_144) -> int:
    """Bring the table of a topic, which has its name, up to the head of the log; the position reached.

    Args:
        rows: about how many records go into one commit; fewer commits make a faster table.

    Raises:
        StaleWrite: ENG-004 when another process folds the same topic: its work stands, call again.
    """
    position = tables.position(topic)
    for frame in _iter_gathered(log.read(topic, start=position), rows=rows):
        reached = int(frame["_offset"][-1]) + 1
        tables.append(topic, frame, expected=position, position=reached)
        position = reached
    return position


def _iter_gathered(frames: Iterator[pl.DataFrame], *, rows: int) -> Iterator[pl.DataFrame]:
    """Small frames joined until there are enough rows; a column that only later frames have is null before."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(f.height for f in waiting) >= rows:
            yield pl.concat(waiting, how="diagonal")
            waiting = []
    if any(f.height for f in waiting):
        yield pl.concat(waiting, how="diagonal")
