"""Recompute what online reads said, by backfill at the (L, q) that they carry: the second
computation shares the kernel and nothing else with the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from mainspring.elements.time import FOREVER
from mainspring.features.history.backfill import backfill_view
from mainspring.features.history.gather import FactReader, backfill_from, gather_facts, gather_keys
from mainspring.features.online.read import FeatureRows
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView, with_lookups
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["ReadAt", "backfill_as_read", "offsets_read", "read_key"]

ReadAt = Mapping[str, int]
"""L of one read: by `read_key`, how far the online state that answered had applied a source."""


def read_key(view: CompiledView, source: Source, entity: Entity | None = None) -> str:
    """The key of an offset in `ReadAt`: the view; of a view with several sources `view/source`;
    where the partition of an entity was further `view@entity`.
    """
    key = f"{view.view.name}/{source.name}" if view.view.is_union else view.view.name
    return key if entity is None else f"{key}@{entity.name}"


def offsets_read(
    views: Sequence[CompiledView], result: FeatureRows, *, rows: int
) -> list[dict[str, int]]:
    """L of each row of an answer, in entries that do not depend on how many partitions there were:
    those may be others by the time it is recomputed.

    Every view and source has the offset that the state of all its entities had reached; an entity
    whose partition was further has one of its own.
    """
    every = with_lookups(views)
    whole = {
        read_key(view, source): result.positions[view.shard].offset(topic_of(source.stream))
        for view in every
        if view.partitions == 1
        for source in view.view.sources
    }
    divided = [view for view in every if view.partitions > 1]
    if not divided:
        return [whole] * rows
    return [
        whole
        | {key: offset for view in divided for key, offset in _iter_offsets(view, result, row)}
        for row in range(rows)
    ]


def backfill_as_read(
    view: CompiledView, spine: pl.DataFrame, read_at: Sequence[ReadAt], facts_of: FactReader
) -> pl.DataFrame:
    """The view's features for every row of the spine, each at its own (L, q).

    L matters only to a row before whose q a fact claims to be visible that was appended after L,
    such as history imported later; the others share one backfill, because facts beyond their L are
    not visible at their q anyway.

    Args:
        spine: join keys and `_prediction_time`, as for `backfill_view`.
        read_at: L of each row.
        facts_of: gives at least the facts that a window at any of these times can see.

    Shapes: (rows of the spine, entities × outputs).
    """
    facts = {
        source.name: facts_of(source)
        for each in with_lookups([view])
        for source in each.view.sources
    }
    # One backfill for all rows: a fact beyond a row's L is normally not visible at its q.
    frame = backfill_from(view, lambda source: facts[source.name], spine)
    for index in _places_bound(view, read_at, spine, facts):
        alone = _backfill_row(view, spine.slice(index, 1), read_at[index], facts)
        frame = pl.concat([frame.slice(0, index), alone, frame.slice(index + 1)])
    return frame


def _iter_offsets(view: CompiledView, result: FeatureRows, row: int) -> Iterator[tuple[str, int]]:
    positions = result.positions_of(view, row)
    for source in view.view.sources:
        offsets = [position.offset(topic_of(source.stream)) for position in positions]
        yield read_key(view, source), min(offsets)
        # The least offset covers the whole view; an entry of its own only where a partition was
        # further.
        for entity, offset in zip(view.view.entities, offsets, strict=True):
            if offset > min(offsets):
                yield read_key(view, source, entity), offset


def _places_bound(
    view: CompiledView,
    read_at: Sequence[ReadAt],
    spine: pl.DataFrame,
    facts: Mapping[str, pl.DataFrame],
) -> list[int]:
    """The rows for which a fact that was not read yet claims to have been visible."""
    times = spine["_prediction_time"].cast(pl.Int64).to_list()
    bound: set[int] = set()
    for each in with_lookups([view]):
        for source in each.view.sources:
            earliest_after, key = (
                _earliest_visible_after(facts[source.name]),
                read_key(each, source),
            )
            bound |= {
                index
                for index, (at, reached) in enumerate(zip(times, read_at, strict=True))
                if earliest_after(reached[key]) <= at
            }
    return sorted(bound)


def _backfill_row(
    view: CompiledView, row: pl.DataFrame, reached: ReadAt, facts: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """One row at its own L: entity by entity, for their partitions may have been unlike far."""
    answers = []
    for entity in view.view.entities:
        answer = backfill_view(
            view,
            _facts_known(view, entity, reached, facts),
            gather_keys(view, partial(_facts_of_lookup, reached, facts), row),
        )
        answers.append(answer.select(view.names_of(entity)))
    return pl.concat(answers, how="horizontal")


def _facts_of_lookup(
    reached: ReadAt, facts: Mapping[str, pl.DataFrame], lookup: CompiledView
) -> pl.DataFrame:
    [entity] = lookup.view.entities
    return _facts_known(lookup, entity, reached, facts)


def _facts_known(
    view: CompiledView, entity: Entity, reached: ReadAt, facts: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """The facts of a view that the state of this entity had applied."""

    def known(source: Source) -> pl.DataFrame:
        offset = reached.get(read_key(view, source, entity), reached[read_key(view, source)])
        return facts[source.name].filter(pl.col("_offset") < offset)

    return gather_facts(view, known)


def _earliest_visible_after(facts: pl.DataFrame) -> Callable[[int], int]:
    ordered = facts.sort("_offset")
    offsets = ordered["_offset"].to_numpy()
    # The earliest visible time among all records from an offset on, so that each row is one
    # bisection.
    suffix = (
        np.minimum.accumulate(ordered["_visible_from"].to_numpy()[::-1])[::-1]
        if len(offsets)
        else offsets
    )

    def earliest(limit: int) -> int:
        index = int(np.searchsorted(offsets, limit))
        return int(suffix[index]) if index < len(offsets) else FOREVER

    return earliest
