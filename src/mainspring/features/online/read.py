"""Read features for a request: the same values as the backfill's, byte for byte, from the online
state of the requested keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import NoneType

import msgspec
import numpy as np

from mainspring.elements.html import html_page, html_table
from mainspring.elements.time import Micros
from mainspring.features.errors import FeatureOverflow, MissingRequestField
from mainspring.features.kernel.arrays import Ints
from mainspring.features.online.point import ShardQuery, answer_shard
from mainspring.features.online.reasons import NullReason, explain_shard
from mainspring.features.physical import Value
from mainspring.features.state.names import encode_key, partition_of, shard_of_partition
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = [
    "EntityColumns",
    "FeatureRows",
    "Value",
    "distinct_query",
    "query_of",
    "read_online",
]

EntityColumns = Mapping[str, Sequence[Value]]
"""Join keys by name, a value for each row; instants are int64 microseconds."""


_SHOWN = 10
_FEW = 8
"""Up to so many keys, looking for equal ones costs more than it saves."""


class FeatureRows(msgspec.Struct, frozen=True):
    """Features of a request.

    Args:
        columns: by name a value for each row.
        positions: how far each shard that was read had applied (L).
        partitions: by `shard` of each view with several partitions, the partition of every (entity,
            row).
        reasons: by `view.entity`, why each row has the values that it has; empty unless it was
            requested.
    """

    columns: dict[str, list[Value]]
    positions: dict[str, Position]
    partitions: dict[str, Ints]
    reasons: dict[str, list[NullReason]]

    def _repr_html_(self) -> str:
        rows = list(zip(*self.columns.values(), strict=True))
        more = f", the first {_SHOWN} of {len(rows):,}" if len(rows) > _SHOWN else ""
        return html_page(f"Features{more}", html_table("", [*self.columns], rows[:_SHOWN]))

    def positions_of(self, view: CompiledView, row: int) -> list[Position]:
        """Where the state of each of the view's entities stood for one row."""
        partitions = self.partitions.get(view.shard)
        if partitions is None:
            return [self.positions[view.shard]] * len(view.view.entities)
        return [
            self.positions[shard_of_partition(view.shard, partition, view.partitions)]
            for partition in partitions[:, row].tolist()
        ]


def read_online(
    views: Sequence[CompiledView],
    online: OnlineReader,
    keys: EntityColumns,
    *,
    at: Sequence[Micros],
    reasons: bool = False,
) -> FeatureRows:
    """The features of each row at its prediction time.

    Args:
        keys: the join keys; a null or unknown key gives empty windows.
        at: prediction time of each row.
        reasons: say also why values are there or not, which reads every fact that a window can see.

    Cost: one store read and one kernel call per view and partition; another of each where a
        window's edge lies in a sealed page.
    Raises: FEA-001 when a sum of whole numbers overflows, FEA-002 when a time lies before what is
        kept, FEA-003 when a join key is absent.
    """
    rows = len(at)
    result = FeatureRows(
        {} if rows else {name: [] for view in views for name in view.column_names}, {}, {}, {}
    )
    for view in views if rows else ():
        view_keys = keys
        if view.lookups:
            found = read_online(view.lookups, online, keys, at=at)
            result.positions.update(found.positions)
            result.partitions.update(found.partitions)
            view_keys = _with_keys(view, keys, found)
        query = query_of(view, view_keys, at)
        _read_view(view, online, query, rows=rows, result=result)
        if reasons:
            _add_reasons(view, online, query, rows=rows, result=result)
    return result


def query_of(view: CompiledView, keys: EntityColumns, at: Sequence[Micros]) -> ShardQuery:
    """The requests of all entities, one entity after the other."""
    # Requests of equal keys share their name, and so the rows that are read.
    names, codes = _names_of(view, keys, len(at))
    hop, entities = view.view.hop, len(view.view.entities)
    times = list(at) if hop is None else view.answered_at(np.array(at, dtype=np.int64)).tolist()
    return ShardQuery(names, codes, times * entities, min(times))


def distinct_query(query: ShardQuery) -> ShardQuery:
    """One request for each key where all are of one time, as those of a prediction are; else these
    requests themselves.

    Rows of one request share their carriers, shops and always the whole network: to read those once
    and hand the answer out costs a tenth of reading them for each row.  The null key comes last,
    where its code of -1 finds it.
    """
    keys = len(query.names)
    if keys + 1 >= len(query.codes) or query.oldest < max(query.times):
        return query
    codes = [*range(keys), *([-1] if -1 in query.codes else [])]
    return ShardQuery(query.names, codes, [query.oldest] * len(codes), query.oldest)


def _read_view(
    view: CompiledView, online: OnlineReader, query: ShardQuery, *, rows: int, result: FeatureRows
) -> None:
    """Answer one view, and add the answer to the result."""
    distinct, codes = distinct_query(query), query.codes
    try:
        if view.partitions == 1:
            values, result.positions[view.shard] = answer_shard(view, online, view.shard, distinct)
        else:
            # Kept for L: each row names the positions of the partitions that its own keys lie in.
            result.partitions[view.shard] = _partitions_of(view, query).reshape(-1, rows)
            values = _read_partitions(view, online, distinct, result.positions)
    except FeatureOverflow as overflow:
        first = overflow.row
        if distinct is not query:
            first = codes.index(distinct.codes[first])
        raise _named(view, overflow, first, rows) from None
    if distinct is not query:
        values = [[column[code] for code in codes] for column in values]
    if len(view.view.entities) > 1:
        values = [
            column[begin : begin + rows]
            for begin in range(0, len(codes), rows)
            for column in values
        ]
    result.columns.update(zip(view.column_names, values, strict=True))


def _read_partitions(
    view: CompiledView, online: OnlineReader, query: ShardQuery, positions: dict[str, Position]
) -> list[list[Value]]:
    """For each output its values by request; raises FEA-001 with the request as its row."""
    all_values: list[list[Value]] = [[None] * len(query.codes) for _ in view.outputs]
    for shard, requests, part in _iter_parts(view, query, _partitions_of(view, query)):
        try:
            values, positions[shard] = answer_shard(view, online, shard, part)
        except FeatureOverflow as overflow:
            raise replace(overflow, row=requests[overflow.row]) from None
        for own, column in zip(values, all_values, strict=True):
            for index, value in zip(requests, own, strict=True):
                column[index] = value
    return all_values


def _named(
    view: CompiledView, overflow: FeatureOverflow, request: int, rows: int
) -> FeatureOverflow:
    """The overflow by the name of its column and the row of the request."""
    entity, row = divmod(request, rows)
    return replace(
        overflow, feature=f"{view.view.entities[entity].name}__{overflow.feature}", row=row
    )


def _add_reasons(
    view: CompiledView, online: OnlineReader, query: ShardQuery, *, rows: int, result: FeatureRows
) -> None:
    """Say for every entity and row why its values are there or not."""
    found: list[NullReason] = ["null key"] * len(query.codes)
    for shard, requests, part in _iter_parts(view, query, _partitions_of(view, query)):
        for index, reason in zip(requests, explain_shard(view, online, shard, part), strict=True):
            found[index] = reason
    for index, entity in enumerate(view.view.entities):
        result.reasons[f"{view.view.name}.{entity.name}"] = found[index * rows : (index + 1) * rows]


def _partitions_of(view: CompiledView, query: ShardQuery) -> Ints:
    """The partition of every request; a null key is read from the first, which knows as little as
    any.
    """
    return np.array(
        [partition_of(name, view.partitions) for name in query.names] + [0], dtype=np.int64
    )[query.codes]


def _iter_parts(
    view: CompiledView, query: ShardQuery, partitions: Ints
) -> Iterator[tuple[str, list[int], ShardQuery]]:
    """For each partition that has requests: its shard, which requests are its own, and these."""
    for partition in np.unique(partitions).tolist():
        requests = np.flatnonzero(partitions == partition).tolist()
        kept: dict[int, int] = {}
        codes = [
            -1 if code < 0 else kept.setdefault(code, len(kept))
            for code in map(query.codes.__getitem__, requests)
        ]
        part = ShardQuery(
            [query.names[code] for code in kept],
            codes,
            [query.times[request] for request in requests],
            query.oldest,
        )
        yield shard_of_partition(view.shard, partition, view.partitions), requests, part


def _names_of(view: CompiledView, keys: EntityColumns, rows: int) -> tuple[list[bytes], list[int]]:
    """The names of the requested keys, each once, and for each entity and row its index
    among them; -1 where a key is null.
    """
    codes: list[int] = []
    names: list[bytes] = []
    for index, (columns, is_skipped) in enumerate(view.entity_keys):
        own = _keys_of(keys, columns, rows)
        # Few keys are encoded as they come; of many each distinct one once, if Python's == means
        # the same as equal encodings.
        is_repeating = rows > _FEW and all(_has_exact_equality(keys[name]) for name in columns)
        distinct = list(dict.fromkeys(own)) if is_repeating else own
        encoded = [
            None if is_skipped and None in key else encode_key(index, key) for key in distinct
        ]
        # No name of one entity is that of another: its place is the first byte.
        known: dict[bytes, int] = {}
        own_codes = [
            -1 if name is None else known.setdefault(name, len(names) + len(known))
            for name in encoded
        ]
        names += known
        if len(distinct) < rows:
            code_of = dict(zip(distinct, own_codes, strict=True))
            own_codes = [code_of[key] for key in own]
        codes += own_codes
    return names, codes


def _keys_of(keys: EntityColumns, columns: Sequence[str], rows: int) -> Sequence[tuple[Value, ...]]:
    """The key of every row; raises FEA-003 where a part of it is absent."""
    if not columns:
        return [()] * rows
    try:
        return list(zip(*[keys[name] for name in columns], strict=True))
    except KeyError as missing:
        raise MissingRequestField(row=0, field=str(missing.args[0])) from None


def _has_exact_equality(column: Sequence[Value]) -> bool:
    """Whether equal values of the column have equal bytes: 0.0 equals -0.0, and 1 equals True."""
    return set(map(type, column)) <= {str, int, NoneType}


def _with_keys(view: CompiledView, keys: EntityColumns, found: FeatureRows) -> EntityColumns:
    """The keys, with those that other views know at their times."""
    added: dict[str, Sequence[Value]] = {}
    for entity in view.view.entities:
        lookup = view.lookup_of(entity)
        if lookup is not None:
            [entity_found] = lookup.view.entities
            for name, key in zip(view.key_columns(entity), entity.join_keys, strict=True):
                added[name] = found.columns[f"{entity_found.name}__{key}"]
    return {**keys, **added}
