"""Read features for a request: the same values as the backfill's, byte for byte, from the online
state of the keys that are asked about.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.time import Micros
from mainspring.features.errors import FeatureOverflow, MissingRequestField
from mainspring.features.kernel.arrays import Ints
from mainspring.features.online.point import ShardQuery, answer_shard
from mainspring.features.online.reasons import NullReason, explain_shard
from mainspring.features.pattern import Value
from mainspring.features.state.names import encode_key, partition_of, shard_of_partition
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["EntityRow", "FeatureRows", "Value", "read_online"]

EntityRow = Mapping[str, Scalar | None]
"""What a request says: join keys and other fields by name; instants are int64 microseconds."""


class FeatureRows(msgspec.Struct, frozen=True):
    """Features of a request.

    Args:
        columns: by name a value for each row.
        positions: how far each shard that was read had folded (L).
        homes: by `shard` of each view with several partitions, the partition of every (entity,
            row).
        reasons: by `view.entity`, why each row has the values that it has; empty unless it was
            asked for.
    """

    columns: dict[str, list[Value]]
    positions: dict[str, Position]
    homes: dict[str, Ints]
    reasons: dict[str, list[NullReason]]

    def positions_of(self, view: CompiledView, row: int) -> list[Position]:
        """Where the state of each of the view's entities stood for one row."""
        homes = self.homes.get(view.shard)
        if homes is None:
            return [self.positions[view.shard]] * len(view.view.entities)
        return [
            self.positions[shard_of_partition(view.shard, home, view.partitions)]
            for home in homes[:, row].tolist()
        ]


def read_online(
    views: Sequence[CompiledView],
    online: OnlineReader,
    rows: Sequence[EntityRow],
    *,
    at: Sequence[Micros],
    reasons: bool = False,
) -> FeatureRows:
    """The features of each row at its prediction time.

    Args:
        rows: join keys by name; a null or unknown key gives empty windows.
        at: prediction time of each row.
        reasons: say also why values are there or not, which reads every fact that a window can see.

    Cost: one store read and one kernel call per view and partition; another of each where a
        window's edge lies in a sealed page.
    Raises: FEA-001 when a sum of whole numbers overflows, FEA-002 when a time lies before what is
        kept, FEA-003 when a join key is absent.
    """
    told = FeatureRows(
        {} if rows else {name: [] for view in views for name in view.column_names}, {}, {}, {}
    )
    for view in views if rows else ():
        asked = rows
        if view.lookups:
            keys = read_online(view.lookups, online, rows, at=at)
            told.positions.update(keys.positions)
            told.homes.update(keys.homes)
            asked = _with_keys(view, rows, keys)
        _read_view(view, online, _asked_of(view, asked, at), rows=len(rows), told=told)
        if reasons:
            _add_reasons(view, online, _asked_of(view, asked, at), rows=len(rows), told=told)
    return told


def _asked_of(view: CompiledView, rows: Sequence[EntityRow], at: Sequence[Micros]) -> ShardQuery:
    """The questions of all entities, one entity after the other."""
    names, codes = _names_of(view, rows)
    hop, entities = view.view.hop, len(view.view.entities)
    times = list(at) if hop is None else view.answered_at(np.array(at, dtype=np.int64)).tolist()
    return ShardQuery(names, codes, times * entities, min(times))


def _read_view(
    view: CompiledView, online: OnlineReader, asked: ShardQuery, *, rows: int, told: FeatureRows
) -> None:
    """Answer one view, and put the answer to what is told."""
    if view.partitions == 1:
        try:
            values, told.positions[view.shard] = answer_shard(view, online, view.shard, asked)
        except FeatureOverflow as overflow:
            raise _named(view, overflow, overflow.row, rows) from None
    else:
        values = _read_partitions(view, online, asked, rows=rows, told=told)
    if len(view.view.entities) > 1:
        values = [
            column[begin : begin + rows]
            for begin in range(0, len(asked.codes), rows)
            for column in values
        ]
    told.columns.update(zip(view.column_names, values, strict=True))


def _read_partitions(
    view: CompiledView, online: OnlineReader, asked: ShardQuery, *, rows: int, told: FeatureRows
) -> list[list[Value]]:
    """For each output its values by question."""
    homes = _homes_of(view, asked)
    told.homes[view.shard] = homes.reshape(-1, rows)
    all_values: list[list[Value]] = [[None] * len(asked.codes) for _ in view.outputs]
    for shard, questions, part in _iter_parts(view, asked, homes):
        try:
            values, told.positions[shard] = answer_shard(view, online, shard, part)
        except FeatureOverflow as overflow:
            raise _named(view, overflow, questions[overflow.row], rows) from None
        for own, column in zip(values, all_values, strict=True):
            for place, value in zip(questions, own, strict=True):
                column[place] = value
    return all_values


def _named(
    view: CompiledView, overflow: FeatureOverflow, question: int, rows: int
) -> FeatureOverflow:
    """The overflow by the name of its column and the row of the request."""
    entity, row = divmod(question, rows)
    return replace(
        overflow, feature=f"{view.view.entities[entity].name}__{overflow.feature}", row=row
    )


def _add_reasons(
    view: CompiledView, online: OnlineReader, asked: ShardQuery, *, rows: int, told: FeatureRows
) -> None:
    """Say for every entity and row why its values are there or not."""
    found: list[NullReason] = ["null key"] * len(asked.codes)
    for shard, questions, part in _iter_parts(view, asked, _homes_of(view, asked)):
        for place, reason in zip(questions, explain_shard(view, online, shard, part), strict=True):
            found[place] = reason
    for place, entity in enumerate(view.view.entities):
        told.reasons[f"{view.view.name}.{entity.name}"] = found[place * rows : (place + 1) * rows]


def _homes_of(view: CompiledView, asked: ShardQuery) -> Ints:
    """The partition of every question; a null key is asked of the first, which knows as little as
    any.
    """
    return np.array(
        [partition_of(name, view.partitions) for name in asked.names] + [0], dtype=np.int64
    )[asked.codes]


def _iter_parts(
    view: CompiledView, asked: ShardQuery, homes: Ints
) -> Iterator[tuple[str, list[int], ShardQuery]]:
    """For each partition that is asked: its shard, which questions are its own, and these."""
    for partition in np.unique(homes).tolist():
        questions = np.flatnonzero(homes == partition).tolist()
        kept: dict[int, int] = {}
        codes = [
            -1 if code < 0 else kept.setdefault(code, len(kept))
            for code in map(asked.codes.__getitem__, questions)
        ]
        part = ShardQuery(
            [asked.names[code] for code in kept],
            codes,
            [asked.times[question] for question in questions],
            asked.oldest,
        )
        yield shard_of_partition(view.shard, partition, view.partitions), questions, part


def _names_of(view: CompiledView, rows: Sequence[EntityRow]) -> tuple[list[bytes], list[int]]:
    """The names of the keys that are asked about, each once, and for each entity and row its place
    among them; -1 where a key is null.
    """
    codes: list[int] = []
    known: dict[bytes, int] = {}
    for place, (columns, is_skipped) in enumerate(view.asked):
        for key in _keys_of(rows, columns):
            codes.append(
                -1
                if is_skipped and None in key
                else known.setdefault(encode_key(place, key), len(known))
            )
    return list(known), codes


def _with_keys(
    view: CompiledView, rows: Sequence[EntityRow], told: FeatureRows
) -> Sequence[EntityRow]:
    """The rows with the keys that other views know at their times."""
    for entity in view.view.entities:
        lookup = view.lookup_of(entity)
        if lookup is not None:
            [asked] = lookup.view.entities
            columns = [told.columns[f"{asked.name}__{key}"] for key in entity.join_keys]
            keys = [
                dict(zip(view.key_columns(entity), map(_single, values), strict=True))
                for values in zip(*columns, strict=True)
            ]
            rows = [{**row, **key} for row, key in zip(rows, keys, strict=True)]
    return rows


def _single(value: Value) -> Scalar | None:
    assert not isinstance(value, list)
    return value


def _keys_of(
    rows: Sequence[EntityRow], join_keys: Sequence[str]
) -> Sequence[tuple[Scalar | None, ...]]:
    """The key of every row; raises FEA-003 for the first that lacks a part of it."""
    if not join_keys:
        return [()] * len(rows)
    try:
        if len(join_keys) == 1:
            [name] = join_keys
            return [(row[name],) for row in rows]
        return [tuple([row[name] for name in join_keys]) for row in rows]
    except KeyError:
        row, field = next(
            (index, name) for index, row in enumerate(rows) for name in join_keys if name not in row
        )
        raise MissingRequestField(row=row, field=field) from None
