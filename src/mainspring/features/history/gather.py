"""Gather what a backfill needs: the facts of all sources of a view, and the keys that are only
known through another view.
"""

from collections.abc import Callable
from typing import TypeVar

import polars as pl

from mainspring.elements.frame import STORED
from mainspring.features.history.backfill import backfill_view
from mainspring.features.history.query import columns_read
from mainspring.features.on_demand import CompiledOnDemandView, compute_on_spine
from mainspring.features.requested import RequestedView
from mainspring.features.view import CompiledView
from mainspring.sources.columns import conform_rows
from mainspring.sources.facts import FactQuery
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream

__all__ = [
    "AnswerOf",
    "FactReader",
    "FactScanner",
    "backfill_from",
    "backfill_requested",
    "gather_facts",
    "gather_keys",
    "qualify_ids",
    "scan_facts",
    "with_keys",
]

FactReader = Callable[[Source], pl.DataFrame]
"""Gives a source's facts as `sources.facts.read_source_rows` does."""

FactScanner = Callable[[Source, FactQuery], pl.LazyFrame]
"""Gives those facts of a source that are asked for, and possibly others, as
`sources.facts.scan_source_rows` does.
"""

AnswerOf = Callable[[CompiledView, pl.DataFrame], pl.DataFrame]
"""Gives a view's features for every row of a spine."""

Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)

_SYSTEM = ("_id", "_event_time", "_visible_from", "_visible_to")


def backfill_from(view: CompiledView, facts_of: FactReader, spine: pl.DataFrame) -> pl.DataFrame:
    """The view's features for every row of the spine, whatever it takes: see
    `backfill_view`.  Raises: FEA-001.
    """
    return backfill_view(
        view,
        gather_facts(view, facts_of),
        gather_keys(view, lambda lookup: gather_facts(lookup, facts_of), spine),
    )


def backfill_requested(
    requested: RequestedView, answer: AnswerOf, spine: pl.DataFrame, *, request: pl.DataFrame
) -> pl.DataFrame:
    """The requested features of one view or on-demand view for every row of the spine.

    Args:
        answer: answers a view, as `scan.HistoryReader` does.
        spine: as `prepare_spine` gives it; `request` as it came, which on-demand views read.

    Raises: FEA-001, FEA-004, FEA-010.
    """
    match requested.view:
        case CompiledOnDemandView() as view:
            return compute_on_spine(view, request).select(requested.columns)
        case view:
            return answer(view, spine).select(requested.columns)


def scan_facts(view: CompiledView, scan: FactScanner, query: FactQuery) -> pl.LazyFrame:
    """The facts of the view's sources that are asked for as one history, in any order and read when
    they are collected.
    """
    frames = [
        qualify_ids(view, source, scan(source, query)).select(
            *(query.schema.names if query.schema else ()), *_SYSTEM
        )
        for source in view.view.sources
    ]
    return pl.concat(frames) if len(frames) > 1 else frames[0]


def gather_facts(view: CompiledView, facts_of: FactReader) -> pl.DataFrame:
    """The facts of the view's sources as one history; a column that no fact has ever had is null.

    Cost: nothing for one source; for several a copy of the columns that the view reads.
    """
    frames = [conform_rows(facts_of(source), view.schema) for source in view.view.sources]
    if len(frames) == 1:
        return frames[0]
    columns = columns_read(view, view.view.entities)
    read = [pl.col(name).cast(STORED[view.schema[name].dtype]) for name in columns]
    sources = view.view.sources
    return pl.concat(
        [
            qualify_ids(view, source, frame).select(*read, *_SYSTEM)
            for source, frame in zip(sources, frames, strict=True)
        ]
    )


def gather_keys(
    view: CompiledView, facts_of: Callable[[CompiledView], pl.DataFrame], spine: pl.DataFrame
) -> pl.DataFrame:
    """The spine with the keys that other views knew at each row's prediction time, in the columns
    that `key_columns` names.

    Args:
        facts_of: gives the facts of one of these other views, gathered.
    """
    return with_keys(
        view, lambda lookup, asked: backfill_view(lookup, facts_of(lookup), asked), spine
    )


def with_keys(view: CompiledView, answer: AnswerOf, spine: pl.DataFrame) -> pl.DataFrame:
    """The same, given what answers these other views."""
    for entity in view.view.entities:
        lookup = view.lookup_of(entity)
        if lookup is not None:
            [looked_up] = lookup.view.entities
            result = answer(lookup, spine)
            columns = zip(entity.join_keys, view.key_columns(entity), strict=True)
            spine = spine.with_columns(
                result[f"{looked_up.name}__{key}"].alias(column) for key, column in columns
            )
    return spine


def qualify_ids(view: CompiledView, source: Source, frame: Rows) -> Rows:
    """The frame with ids that tell the facts of a union's sources apart, and sort as (name of the
    log, id) do: no name holds the character in between.
    """
    return (
        frame.with_columns(_id=pl.lit(f"{log_of_stream(source.stream)}\0") + pl.col("_id"))
        if view.view.is_union
        else frame
    )
