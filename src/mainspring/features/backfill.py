"""Answer for many rows of history at once: what was each feature, at the moment each question was asked?"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mainspring.features.errors import FeatureOverflow
from mainspring.features.kernel.aggregate import aggregate
from mainspring.features.kernel.arrays import Answer, Facts, Ints, Spine
from mainspring.features.pattern import Patterns, evaluate_values, series_of
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView

__all__ = ["backfill"]

_ALWAYS = -(2**62)
_KEY = "_key_code"


def backfill(view: CompiledView, facts: pl.DataFrame, spine: pl.DataFrame) -> pl.DataFrame:
    """The view's features for every row of the spine, in the spine's order; no row is ever dropped.

    Args:
        facts: as `sources.facts.read_facts` gives them: payload, `_id`, `_event_time`, `_visible_from`, `_visible_to`.
        spine: the join keys, and `_prediction_time` in int64 microseconds.

    Shapes: (rows of the spine, entities × outputs).
    Cost: one sort of the facts, then about 10 ns a fact and output per entity.
    Raises: FEA-001 when an integer sum overflows.
    """
    ordered = _in_total_order(view, facts)
    patterns = evaluate_values(view, ordered)
    return pl.concat([_of_entity(view, entity, ordered, patterns=patterns, spine=spine) for entity in view.view.entities], how="horizontal")


def _in_total_order(view: CompiledView, facts: pl.DataFrame) -> pl.DataFrame:
    """Facts sorted by (event time, id); under hindsight only what stands in the end, as if always known."""
    if view.view.knowledge == "as_corrected":
        stands = facts.filter(pl.col("_visible_to") == np.iinfo(np.int64).max)
        facts = stands.with_columns(_visible_from=pl.lit(_ALWAYS, dtype=pl.Int64))
    return facts.sort("_event_time", "_id", "_visible_from")


def _of_entity(view: CompiledView, entity: Entity, facts: pl.DataFrame, *, patterns: Patterns, spine: pl.DataFrame) -> pl.DataFrame:
    fact_codes, spine_codes, keys = _key_codes(entity, facts, spine)
    order = np.argsort(fact_codes, kind="stable")
    order = order[np.searchsorted(fact_codes[order], 0) :]
    times = facts.select("_event_time", "_visible_from", "_visible_to").to_numpy().astype(np.int64, copy=False)
    bits = patterns.bits[:, order]
    for column in view.text_columns:
        bits[column] = np.arange(order.size)
    grouped = Facts(
        key_start=np.searchsorted(fact_codes[order], np.arange(keys + 1)).astype(np.int64),
        times=np.ascontiguousarray(times[order].T),
        values=np.ascontiguousarray(bits),
        valid=np.ascontiguousarray(patterns.valid[:, order]),
    )
    # A question without a time keeps its row and sees nothing.
    asked = spine["_prediction_time"].cast(pl.Int64).fill_null(_ALWAYS).to_numpy(writable=True)
    answer = aggregate(view.program, grouped, Spine(spine_codes, asked))
    _refuse_overflow(view, entity, answer)
    texts = {column: pl.Series(patterns.texts[column], dtype=pl.String).gather(order) for column in view.text_columns}
    return pl.DataFrame(_columns(view, view.names_of(entity), answer, texts=texts))


def _key_codes(entity: Entity, facts: pl.DataFrame, spine: pl.DataFrame) -> tuple[Ints, Ints, int]:
    """A code for each distinct key of the facts, on both sides; -1 where a key is null or unknown."""
    if not entity.join_keys:
        return np.zeros(facts.height, dtype=np.int64), np.zeros(spine.height, dtype=np.int64), 1
    on = list(entity.join_keys)
    keys = facts.select(on).drop_nulls().unique(maintain_order=True).with_row_index(_KEY)
    return _codes(facts.select(on), keys, on), _codes(spine.select(on), keys, on), keys.height


def _codes(frame: pl.DataFrame, keys: pl.DataFrame, on: Sequence[str]) -> Ints:
    joined = frame.join(keys, on=list(on), how="left", maintain_order="left")
    return joined[_KEY].cast(pl.Int64).fill_null(-1).to_numpy(writable=True)


def _columns(view: CompiledView, names: Sequence[str], answer: Answer, *, texts: dict[int, pl.Series]) -> list[pl.Series]:
    columns = []
    for index, (name, field) in enumerate(zip(names, view.outputs, strict=True)):
        text = texts.get(view.program.outputs[index].column)
        columns.append(series_of(name, field.dtype, answer.bits[index], answer.valid[index], texts=text))
    return columns


def _refuse_overflow(view: CompiledView, entity: Entity, answer: Answer) -> None:
    if answer.overflow is not None:
        row, output = answer.overflow
        raise FeatureOverflow(feature=view.names_of(entity)[output], row=row)
