"""How many rows of a source came: in a window, and ever.

What counts is rows as they came; where they are counted, and nowhere else, is here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from mainspring.elements.time import Micros
from mainspring.monitoring.limits.source import IngestedRows
from mainspring.ports.log import LogReader
from mainspring.sources.tally import read_tally
from mainspring.sources.topic import quarantine_topic_of, tally_topic_of, topic_of

__all__ = ["WindowRows", "ingested_topics", "read_ingested", "rows_ever"]


class WindowRows(NamedTuple):
    """The live rows of a source that came in a window: how many were accepted, and of those that
    went to quarantine how many for which reason.
    """

    accepted: int
    quarantined: Mapping[str, int]


def ingested_topics(stream: str) -> tuple[str, str]:
    """The topics in which rows of a generation are counted: accepted, and quarantined."""
    return topic_of(stream), quarantine_topic_of(stream)


def rows_ever(log: LogReader, stream: str) -> IngestedRows:
    """All rows of a generation so far, each as often as it came."""
    if log.head(tally_topic_of(stream)):
        tally = read_tally(tally_topic_of(stream), log)
        return IngestedRows(tally.accepted, tally.quarantined)
    return IngestedRows(*(log.head(topic) for topic in ingested_topics(stream)))


def read_ingested(
    log: LogReader,
    stream: str,
    *,
    start: Micros,
    end: Micros,
    begin: Mapping[str, int],
    reached: dict[str, int],
) -> WindowRows:
    """Count the rows that came in the window `start <= t < end`.

    Args:
        begin: by topic, where to begin to read.
        reached: notes by topic where the next window begins to read: at the first row that came at
            `end` or later.
    """
    came = pl.col("_appended_at").is_between(start, end, closed="left") & ~pl.col("_history")
    accepted, refused = 0, Counter[str]()
    topic, quarantine = ingested_topics(stream)
    for frame in _iter_new(log, topic, end, begin=begin, reached=reached):
        accepted += frame.select(came.sum()).item()
    for frame in _iter_new(log, quarantine, end, begin=begin, reached=reached):
        # A row that came several times stands there once, with how often; what has left quarantine
        # is noted there too, with no reason.
        times = pl.col("count") if "count" in frame.columns else pl.lit(1, dtype=pl.Int64)
        rows = frame.filter(came).select("reason", times.alias("count")).drop_nulls()
        for reason, count in rows.iter_rows():
            refused[reason] += count
    return WindowRows(accepted, refused)


def _iter_new(
    log: LogReader, topic: str, end: Micros, *, begin: Mapping[str, int], reached: dict[str, int]
) -> Iterator[pl.DataFrame]:
    head = log.head(topic)
    reached[topic] = head
    for frame in log.read(topic, start=max(begin.get(topic, 0), log.first(topic)), stop=head):
        later = frame.filter(pl.col("_appended_at") >= end)["_offset"]
        if len(later):
            reached[topic] = min(reached[topic], int(later[0]))
        yield frame
