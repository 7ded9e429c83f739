"""The ways in which features are answered: by a backfill, and online from state that came about in
one way or another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

import polars as pl

from mainspring.elements.time import DAY
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.errors import HorizonPassed
from mainspring.features.history.gather import backfill_from
from mainspring.features.online.read import read_online
from mainspring.features.physical import plain_values
from mainspring.features.state.stream import CLOCK_SKEW, materialize_view, merge_runs, shards_of
from mainspring.features.view import CompiledView, with_lookups
from mainspring.sources.facts import read_source_rows
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.topic import topic_of
from tests.proof.declared import SOURCES
from tests.proof.history import BEGINNING, Delivery
from tests.proof.truth import Question, Told

__all__ = [
    "Heads",
    "Reading",
    "Table",
    "arrived",
    "fold",
    "folded",
    "heads_of",
    "ingest",
    "iter_streamed",
    "logged",
    "rearranged",
    "rows_of",
    "sharded",
    "spine_of",
    "taught",
    "told",
]

Table = Mapping[str, Sequence[Told]]
"""By column a value for each question."""

Heads = Mapping[str, int]
"""A position of the log, by source."""


def ingest(delivery: Delivery, log: SqliteLog) -> None:
    """Hand a delivery in."""
    rows, operations = (
        [dict(handed.row) for handed in delivery.rows],
        [handed.op for handed in delivery.rows],
    )
    clock = FrozenClock(delivery.moment)
    SourceWriter(
        SOURCES[delivery.source], log=log, clock=clock, objects=MemoryObjects()
    ).write_rows(rows, history=delivery.is_history, op=operations)


def logged(deliveries: Sequence[Delivery]) -> SqliteLog:
    """A log that took these deliveries."""
    log = SqliteLog(None)
    for delivery in deliveries:
        ingest(delivery, log)
    return log


def heads_of(log: SqliteLog) -> Heads:
    """How far the log reaches."""
    return {name: log.head(topic_of(name)) for name in SOURCES}


def rearranged(log: SqliteLog, random: Random) -> SqliteLog:
    """A log of the same records in another order: only the revisions of one id keep theirs."""
    other = SqliteLog(None)
    for topic in map(topic_of, SOURCES):
        frames = list(log.read(topic))
        if frames:
            records = pl.concat(frames).drop("_offset")
            slots = pl.Series(random.sample(range(records.height), records.height), dtype=pl.Int64)
            # Each id keeps the slots that it was dealt, and fills them in its own order.
            dealt = records.with_columns(_slot=slots).with_columns(
                pl.col("_slot").sort().over("_id")
            )
            other.append({topic: dealt.sort("_slot").drop("_slot")}, expected={})
    return other


def opened(view: CompiledView) -> SqliteOnline:
    """A store in which the view's state begins before anything happened, and nothing is left
    out.
    """
    online = SqliteOnline(None)
    fold(view, SqliteLog(None), online, now=BEGINNING - DAY)
    return online


def fold(view: CompiledView, log: SqliteLog, online: SqliteOnline, *, now: int) -> None:
    """Bring the state of the view, and of what it looks up, up to the head of the log."""
    for each in with_lookups([view]):
        materialize_view(each, log=log, online=online, now=now)


def folded(view: CompiledView, log: SqliteLog) -> SqliteOnline:
    """A store that folded the log in one go, when all had been appended."""
    online = opened(view)
    fold(view, log, online, now=max(_moments(log, pl.col("_appended_at")), default=0))
    return online


def sharded(view: CompiledView, partitions: int) -> CompiledView:
    """The view with its state, and that of what it looks up, divided."""
    lookups = tuple(replace(lookup, partitions=partitions) for lookup in view.lookups)
    return replace(view, partitions=partitions, lookups=lookups)


def iter_streamed(
    view: CompiledView, deliveries: Sequence[Delivery]
) -> Iterator[tuple[int, SqliteLog, SqliteOnline]]:
    """Hand in and fold as the deliveries say, and at the end in any case; after each fold how many
    deliveries there were, the log and the store.
    """
    log, online = SqliteLog(None), opened(view)
    for place, delivery in enumerate(deliveries, start=1):
        ingest(delivery, log)
        if delivery.is_folded or place == len(deliveries):
            fold(view, log, online, now=delivery.moment)
            yield place, log, online


def rows_of(view: CompiledView, online: SqliteOnline) -> dict[bytes, bytes]:
    """All rows of the view's state, whichever shards hold them, with all that was appended in the
    trees.
    """
    # Later than all that arrived, so that what is evicted is what the records decide.
    merge_runs(view, online=online, now=2**60)
    return {key: row for shard in shards_of(view) for key, row in online.iter_rows(shard)}


def taught(
    view: CompiledView, log: SqliteLog, questions: Sequence[Question], *, heads: Heads | None = None
) -> Table:
    """What a backfill answers from the log, or from the log up to a position."""
    heads = heads or heads_of(log)
    answer = backfill_from(
        view,
        lambda source: read_source_rows(
            source, log=log, until=heads[source.name], schema=view.schema
        ),
        spine_of(questions),
    )
    return {name: plain_values(answer[name]) for name in view.column_names}


def spine_of(questions: Sequence[Question]) -> pl.DataFrame:
    """The questions as the rows of a spine."""
    keys = {name: [question.keys[name] for question in questions] for name in ("city", "gate")}
    times = [question.time for question in questions]
    return pl.DataFrame(
        {**keys, "_prediction_time": times},
        schema={"city": pl.String, "gate": pl.String, "_prediction_time": pl.Int64},
    )


class Reading(NamedTuple):
    """What state answered to some of the questions, by their places; it refused the others, which
    lie too far back.
    """

    places: Sequence[int]
    table: Table


def told(
    view: CompiledView, online: SqliteOnline, questions: Sequence[Question], *, since: int
) -> Reading:
    """What an online read answers.

    Args:
        since: all questions from here on must be answered, in one call; older ones are asked one by
            one and may be refused.
    """
    places = [place for place, question in enumerate(questions) if question.time >= since]
    answers = [_read(view, online, [questions[place] for place in places])]
    for place, question in enumerate(questions):
        if question.time < since:
            try:
                answers.append(_read(view, online, [question]))
            except HorizonPassed:
                continue
            places.append(place)
    return Reading(
        places,
        {
            name: [value for answer in answers for value in answer.get(name, [])]
            for name in view.column_names
        },
    )


def _read(view: CompiledView, online: SqliteOnline, questions: Sequence[Question]) -> Table:
    names = questions[0].keys if questions else ()
    keys = {name: [question.keys[name] for question in questions] for name in names}
    return read_online([view], online, keys, at=[question.time for question in questions]).columns


def arrived(log: SqliteLog) -> int:
    """The moment from which on state that folded the whole log must answer: what is older than the
    slack of clocks may be forgotten.
    """
    return (
        max(_moments(log, pl.min_horizontal("_appended_at", "_visible_at")), default=0)
        - 2 * CLOCK_SKEW
    )


def _moments(log: SqliteLog, moment: pl.Expr) -> list[int]:
    """The greatest moment of each frame in the log."""
    return [
        frame.select(moment.max()).item()
        for topic in map(topic_of, SOURCES)
        for frame in log.read(topic)
    ]
