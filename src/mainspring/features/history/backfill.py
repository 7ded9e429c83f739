"""Answer for many rows of history at once: what was each feature, at the moment each request was
asked?
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from mainspring.elements.time import FOREVER
from mainspring.features.answers import answer_columns
from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.keys import Codes, key_codes
from mainspring.features.history.runs import key_runs
from mainspring.features.history.ties import settle_ties
from mainspring.features.kernel.arrays import (
    EVENT_TIME,
    VISIBLE_FROM,
    VISIBLE_TO,
    Bytes,
    Facts,
    Ints,
    KernelResult,
    Spine,
)
from mainspring.features.kernel.grouping.as_of import AsOfQueries, Past, newest_facts
from mainspring.features.kernel.grouping.chunks import concatenated
from mainspring.features.kernel.grouping.group import Grouping, group_facts
from mainspring.features.kernel.windows.aggregate import aggregate, blank_answer
from mainspring.features.physical import PhysicalColumn, chunks_of, evaluate_columns
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView

__all__ = ["answer_entity", "backfill_entity", "backfill_view"]

_ALWAYS = -(2**62)


Ids = Callable[[], pl.Series]
"""Gives the ids of facts, in their order."""


def backfill_view(
    view: CompiledView, facts: pl.DataFrame, spine: pl.DataFrame, *, ids: Ids | None = None
) -> pl.DataFrame:
    """The view's features for every row of the spine, in the spine's order; no row is ever dropped.

    Args:
        facts: as `gather.gather_facts` gives them: payload, `_id`, `_event_time`, `_visible_from`,
            `_visible_to`; in any order.
        spine: the join keys (of entities reached through another view as `gather.gather_keys` adds
            them), and `_prediction_time` in int64 microseconds.
        ids: gives the ids where facts come without; called only if two facts of a key happened at
            once.

    Shapes: (rows of the spine, entities × outputs).
    Cost: per entity about 20 ns a fact, and 2 ns a row and output, on all processors; facts that
        lie by key and time already cost less.
    Raises: FEA-001 when an integer sum overflows.
    """
    facts = _as_seen(view, facts)
    columns = evaluate_columns(view, facts)
    return pl.concat(
        [
            _of_entity(view, entity, facts, columns=columns, spine=spine, ids=ids)
            for entity in view.view.entities
        ],
        how="horizontal",
    )


def backfill_entity(
    view: CompiledView, entity: Entity, facts: pl.DataFrame, spine: pl.DataFrame
) -> pl.DataFrame:
    """The same for one of the view's entities: (rows of the spine, outputs)."""
    facts = _as_seen(view, facts)
    return _of_entity(view, entity, facts, columns=evaluate_columns(view, facts), spine=spine)


def answer_entity(
    view: CompiledView, entity: Entity, facts: pl.DataFrame, spine: pl.DataFrame
) -> KernelResult:
    """The same as the kernel answers."""
    facts = _as_seen(view, facts)
    return _answer(view, entity, facts, columns=evaluate_columns(view, facts), spine=spine)


def _as_seen(view: CompiledView, facts: pl.DataFrame) -> pl.DataFrame:
    """Under hindsight only what stands in the end counts, as if always known."""
    if view.view.knowledge != "as_corrected":
        return facts
    return facts.filter(pl.col("_visible_to") == FOREVER).with_columns(
        _visible_from=pl.lit(_ALWAYS, dtype=pl.Int64)
    )


def _of_entity(
    view: CompiledView,
    entity: Entity,
    facts: pl.DataFrame,
    *,
    columns: Sequence[PhysicalColumn],
    spine: pl.DataFrame,
    ids: Ids | None = None,
) -> pl.DataFrame:
    answer = _answer(view, entity, facts, columns=columns, spine=spine, ids=ids)
    return pl.DataFrame(
        answer_columns(
            view,
            view.names_of(entity),
            answer,
            {index: columns[index].texts for index in view.text_columns},
        )
    )


def _answer(
    view: CompiledView,
    entity: Entity,
    facts: pl.DataFrame,
    *,
    columns: Sequence[PhysicalColumn],
    spine: pl.DataFrame,
    ids: Ids | None = None,
) -> KernelResult:
    # A request without a time keeps its row and sees nothing.
    times = np.maximum(
        view.answered_at(
            spine["_prediction_time"].cast(pl.Int64).fill_null(_ALWAYS).to_numpy(writable=True)
        ),
        _ALWAYS,
    )
    asked_by = zip(view.key_columns(entity), entity.join_keys, strict=True)
    asked = spine.with_columns(pl.col(column).alias(key) for column, key in asked_by)
    runs = key_runs(entity, facts, asked)
    if runs is not None:
        grouping = settle_ties(runs.grouping, facts, view.id_keys, ids)
        by_key = _grouped_facts(grouping, facts, columns)
        answer = aggregate(view.program, by_key, Spine(runs.spine, times))
    else:
        answer = _answer_coded(
            view, facts, columns, codes=key_codes(entity, facts, asked), times=times, ids=ids
        )
    _refuse_overflow(view, entity, answer)
    return answer


def _answer_coded(
    view: CompiledView,
    facts: pl.DataFrame,
    columns: Sequence[PhysicalColumn],
    *,
    codes: Codes,
    times: Ints,
    ids: Ids | None,
) -> KernelResult:
    answer = _looked_up(view, facts, columns, codes=codes, times=times)
    if answer is not None:
        return answer
    by_key = _by_key(view, facts, columns, codes=codes, ids=ids)
    spine_codes = codes.spine.astype(np.int64)
    # The answer takes the memory that the codes do not need any more.
    del codes
    return aggregate(view.program, by_key, Spine(spine_codes, times))


def _looked_up(
    view: CompiledView,
    facts: pl.DataFrame,
    columns: Sequence[PhysicalColumn],
    *,
    codes: Codes,
    times: Ints,
) -> KernelResult | None:
    """The values of the newest facts, where a walk in order of time finds them; None where it does
    not, or there are aggregates beside lookups.
    """
    if view.tiles.kind != "newest" or not _is_prompt(facts):
        return None
    time, found = (
        concatenated(chunks_of(facts["_event_time"])),
        np.empty(times.size, dtype=np.int64),
    )
    # To sort what asks costs less than to group what is asked about.
    order = np.argsort(times, kind="stable")
    queries = AsOfQueries(codes.spine[order], times[order], np.empty_like(found))
    if not newest_facts(Past(codes.facts, time), queries, keys=codes.keys):
        return None
    found[order] = queries.found
    answer = blank_answer(len(view.outputs), times.size)
    known = np.flatnonzero(found >= 0)
    known = known[time[found[known]] >= times[known] - view.tiles.longest]
    for slot, (column, _) in enumerate(view.tiles.outputs.tolist()):
        _tell(
            columns[column], found[known], known, bits=answer.bits[slot], valid=answer.valid[slot]
        )
    return answer


def _tell(column: PhysicalColumn, facts: Ints, rows: Ints, *, bits: Ints, valid: Bytes) -> None:
    """Write the values that a column has in these facts into these rows, and that the other rows
    have none.
    """
    bits[:] = valid[:] = 0
    bits[rows] = concatenated(column.bits)[facts]
    valid[rows] = 1 if column.present is None else column.present[facts]


def _by_key(
    view: CompiledView,
    facts: pl.DataFrame,
    columns: Sequence[PhysicalColumn],
    *,
    codes: Codes,
    ids: Ids | None,
) -> Facts:
    """Facts by key and in total order; what it took to find that order is let go of."""
    grouping = settle_ties(
        group_facts(codes.facts, codes.keys, chunks_of(facts["_event_time"])),
        facts,
        view.id_keys,
        ids,
    )
    return _grouped_facts(grouping, facts, columns)


def _grouped_facts(
    grouping: Grouping, facts: pl.DataFrame, columns: Sequence[PhysicalColumn]
) -> Facts:
    """Times and values as the grouped rows lie."""
    times, size = _grouped_times(grouping, facts), grouping.event_time.size
    # Times first: the grouping's own need not be in memory beside the values.
    grouping = grouping._replace(event_time=times[EVENT_TIME])
    values, valid = (
        np.empty((len(columns), size), dtype=np.int64),
        np.ones((len(columns), size), dtype=np.uint8),
    )
    for column, own_values, own_valid in zip(columns, values, valid, strict=True):
        grouping.words(column.bits, own_values)
        if column.present is not None:
            grouping.flags([column.present.view(np.uint8)], own_valid)
    return Facts(grouping.key_start, times, values, valid)


def _grouped_times(grouping: Grouping, facts: pl.DataFrame) -> Ints:
    if _is_prompt(facts):
        return np.require(grouping.event_time, requirements="W").reshape(1, -1)
    seen, superseded = facts["_visible_from"], facts["_visible_to"]
    times = np.empty((3, grouping.event_time.size), dtype=np.int64)
    times[EVENT_TIME] = grouping.event_time
    grouping.words(chunks_of(seen), times[VISIBLE_FROM])
    times[VISIBLE_TO] = FOREVER
    rows = (superseded != FOREVER).arg_true()
    indices = grouping.indices(rows.to_numpy())
    times[VISIBLE_TO, indices[indices >= 0]] = concatenated(chunks_of(superseded.gather(rows)))[
        indices >= 0
    ]
    return times


def _is_prompt(facts: pl.DataFrame) -> bool:
    """Whether every fact is seen as soon as it happens, and for good."""
    return bool((facts["_visible_from"] <= facts["_event_time"].to_physical()).all()) and facts[
        "_visible_to"
    ].min() in (None, FOREVER)


def _refuse_overflow(view: CompiledView, entity: Entity, answer: KernelResult) -> None:
    if answer.overflow is not None:
        row, output = answer.overflow
        raise FeatureOverflow(feature=view.names_of(entity)[output], row=row)
