"""Which facts the rows of a spine can see: what is asked of a view's sources."""

from collections.abc import Sequence

import polars as pl

from mainspring.elements.time import Micros
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView
from mainspring.sources.facts import FactQuery, KeyValues

__all__ = ["columns_read", "fact_query_of"]

_FEW_KEYS = 20_000
"""Up to so many keys are looked for; more are hardly fewer than all, and every fact would be looked
up among them.
"""


def fact_query_of(
    view: CompiledView, spine: pl.DataFrame, entities: Sequence[Entity] | None = None
) -> FactQuery:
    """What some of the view's entities, by default all, need for the rows of a spine.

    Args:
        spine: as for `backfill_view`.

    Cost: a pass over times and keys.
    """
    wanted = view.view.entities if entities is None else entities
    asked = spine["_prediction_time"].cast(pl.Int64).drop_nulls()
    earliest, latest = _bounds(view, asked)
    return FactQuery(
        schema=view.schema.select(columns_read(view, wanted)),
        only=True,
        keys=_keys_of(view, wanted, spine),
        happened_from=earliest,
        happened_until=latest,
    )


def columns_read(view: CompiledView, entities: Sequence[Entity]) -> tuple[str, ...]:
    """The columns of the sources that the answers of these entities rest on."""
    keys = [key for entity in entities for key in entity.join_keys]
    return tuple(dict.fromkeys([*view.inputs, *keys]))


def _bounds(view: CompiledView, asked: pl.Series) -> tuple[Micros | None, Micros]:
    """The first and the last instant at which what a row sees may have happened."""
    first, last = asked.min(), asked.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return 0, -1
    return (None if view.reach >= UNBOUNDED_SPAN else first - view.reach), last


def _keys_of(
    view: CompiledView, entities: Sequence[Entity], spine: pl.DataFrame
) -> tuple[KeyValues, ...] | None:
    """Of each entity the keys that are asked about; None where they are too many to be looked
    for, or where one has no key.
    """
    found = []
    for entity in entities:
        values = {
            key: own
            for column, key in zip(view.key_columns(entity), entity.join_keys, strict=True)
            if (own := _distinct(entity, spine[column])) is not None
        }
        if not values:
            return None
        found.append(values)
    return tuple(found)


def _distinct(entity: Entity, column: pl.Series) -> pl.Series | None:
    # Equal floats differ in their bits, and which of them Polars takes for equal is its affair.
    if column.dtype.is_float() or column.dtype.is_nested():
        return None
    distinct = column.unique()
    if entity.null_keys == "skip":
        distinct = distinct.drop_nulls()
    return distinct if len(distinct) <= _FEW_KEYS else None
