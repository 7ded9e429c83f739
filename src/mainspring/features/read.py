"""Read features for a request: the same kernel as the backfill, over the segments of the keys that are asked about."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.time import Micros, format_instant
from mainspring.features.answers import answer_values
from mainspring.features.errors import FeatureOverflow, HorizonPassed, MissingRequestField
from mainspring.features.kernel.aggregate import aggregate
from mainspring.features.kernel.arrays import Ints, Spine
from mainspring.features.kernel.program import FOREVER
from mainspring.features.pattern import Value
from mainspring.features.segment import facts_of_segments
from mainspring.features.stream import HORIZON, bucket_of, encode_key
from mainspring.features.view import CompiledView
from mainspring.ports.online import KeySpan, OnlineReader, Position

__all__ = ["FeatureRows", "Row", "Value", "read_online"]

Row = Mapping[str, Scalar | None]
"""What a request says: join keys and other fields by name; instants are int64 microseconds."""


class FeatureRows(NamedTuple):
    """Features of a request, by name a value for each row, and the position of every shard that was read (L)."""

    columns: dict[str, list[Value]]
    positions: dict[str, Position]


def read_online(views: Sequence[CompiledView], online: OnlineReader, rows: Sequence[Row], *, at: Sequence[Micros]) -> FeatureRows:
    """The features of each row at its prediction time.

    Args:
        rows: join keys by name; a null or unknown key gives empty windows.
        at: prediction time of each row.

    Cost: one store read and one kernel call per view.
    Raises: FEA-002 when a time lies before what a shard keeps, FEA-003 when a join key is absent.
    """
    if not rows:
        return FeatureRows({}, {})
    columns: dict[str, list[Value]] = {}
    positions: dict[str, Position] = {}
    times = np.array(at, dtype=np.int64)
    for view in views:
        told = read_online(view.lookups, online, rows, at=at) if view.lookups else FeatureRows({}, {})
        answer, position = _read_view(view, online, _with_keys(view, rows, told), times=times)
        columns |= answer
        positions |= {**told.positions, view.shard: position}
    return FeatureRows(columns, positions)


def _read_view(view: CompiledView, online: OnlineReader, rows: Sequence[Row], *, times: Ints) -> tuple[dict[str, list[Value]], Position]:
    codes, keys = _keys_of(view, rows)
    oldest, newest = int(times.min()), int(times.max())
    first = 0 if view.bucket_width == 0 else bucket_of(view, oldest - view.reach)
    last = bucket_of(view, newest)
    position, found = online.read(view.shard, [HORIZON, *(KeySpan(key, first, last) for key in keys)])
    _require_horizon(view, position, found[0], oldest=oldest)
    assert position is not None
    facts, texts = facts_of_segments(found[1:], columns=len(view.values), text_columns=view.text_columns)
    answer = aggregate(view.program, facts, Spine(codes, np.tile(view.answered_at(times), len(view.view.entities))))
    if answer.overflow is not None:
        row, output = answer.overflow
        raise FeatureOverflow(feature=view.outputs[output].name, row=row % len(rows))
    columns: dict[str, list[Value]] = {}
    for field, values in zip(view.outputs, answer_values(view, answer, texts), strict=True):
        for place, entity in enumerate(view.view.entities):
            columns[f"{entity.name}__{field.name}"] = values[place * len(rows) : (place + 1) * len(rows)]
    return columns, position


def _keys_of(view: CompiledView, rows: Sequence[Row]) -> tuple[Ints, list[bytes]]:
    """The code of each (entity, row), entity by entity, and the distinct keys by code; -1 where a key is null and nulls are no keys."""
    codes: list[int] = []
    known: dict[bytes, int] = {}
    for place, entity in enumerate(view.view.entities):
        for index, row in enumerate(rows):
            key = _key_of(row, index, view.key_columns(entity))
            is_none = None in key and entity.null_keys == "skip"
            codes.append(-1 if is_none else known.setdefault(encode_key(place, key), len(known)))
    return np.array(codes, dtype=np.int64), list(known)


def _with_keys(view: CompiledView, rows: Sequence[Row], told: FeatureRows) -> Sequence[Row]:
    """The rows with the keys that other views know at their times."""
    for entity in view.view.entities:
        lookup = view.lookup_of(entity)
        if lookup is not None:
            [asked] = lookup.view.entities
            columns = [told.columns[f"{asked.name}__{key}"] for key in entity.join_keys]
            keys = [dict(zip(view.key_columns(entity), map(_single, values), strict=True)) for values in zip(*columns, strict=True)]
            rows = [{**row, **key} for row, key in zip(rows, keys, strict=True)]
    return rows


def _single(value: Value) -> Scalar | None:
    assert not isinstance(value, list)
    return value


def _key_of(row: Row, index: int, join_keys: Sequence[str]) -> tuple[Scalar | None, ...]:
    try:
        return tuple([row[name] for name in join_keys])
    except KeyError as error:
        raise MissingRequestField(row=index, field=str(error.args[0])) from error


def _require_horizon(view: CompiledView, position: Position | None, stored: Sequence[bytes], *, oldest: Micros) -> None:
    kept_from = msgspec.msgpack.decode(stored[0], type=int) if stored and position else FOREVER
    needed_from = -FOREVER if view.reach >= FOREVER else oldest - view.reach
    if needed_from < kept_from:
        told = "never (no state yet)" if position is None else "always" if kept_from <= -FOREVER else format_instant(kept_from)
        raise HorizonPassed(view=view.view.name, kept_from=told, needed_from="always" if needed_from <= -FOREVER else format_instant(needed_from))
