"""Read features for a request: the same values as the backfill's, byte for byte, from the online state of the keys that are asked about."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.time import Micros
from mainspring.features.answers import answer_values
from mainspring.features.errors import FeatureOverflow, MissingRequestField
from mainspring.features.kernel.arrays import Answer, Ints
from mainspring.features.kernel.online import NOTE
from mainspring.features.names import encode_key, partition_of, shard_of_partition
from mainspring.features.pattern import Value
from mainspring.features.point import Asked, PointAnswer, answer_shard
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

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

    Cost: one store read and one kernel call per view and partition; another of each where a window's edge lies in a sealed page.
    Raises: FEA-002 when a time lies before what is kept, FEA-003 when a join key is absent.
    """
    columns: dict[str, list[Value]] = {}
    positions: dict[str, Position] = {}
    for view in views if rows else ():
        asked = rows
        if view.lookups:
            told = read_online(view.lookups, online, rows, at=at)
            positions |= told.positions
            asked = _with_keys(view, rows, told)
        columns |= _read_view(view, online, asked, at=at, positions=positions)
    return FeatureRows(columns, positions)


def _read_view(
    view: CompiledView, online: OnlineReader, rows: Sequence[Row], *, at: Sequence[Micros], positions: dict[str, Position]
) -> dict[str, list[Value]]:
    names, codes = _names_of(view, rows)
    entities = len(view.view.entities)
    times, oldest = np.array(at if entities == 1 else [*at] * entities, dtype=np.int64), min(at)
    if view.view.hop is not None:
        times = view.answered_at(times)
        oldest = int(times.min())
    asked = Asked(names, codes, times, oldest)
    if view.partitions == 1:
        answer, positions[view.shard] = answer_shard(view, online, view.shard, asked)
        _refuse_overflow(view, answer, questions=None, rows=len(rows))
        values = _values_of(view, answer)
    else:
        values = _read_partitions(view, online, asked, rows=len(rows), positions=positions)
    if entities > 1:
        values = [column[begin : begin + len(rows)] for begin in range(0, entities * len(rows), len(rows)) for column in values]
    return dict(zip(view.column_names, values, strict=True))


def _read_partitions(view: CompiledView, online: OnlineReader, asked: Asked, *, rows: int, positions: dict[str, Position]) -> list[list[Value]]:
    """For each output its values by question.  Every partition is asked for its keys; a null key is asked of the first, which knows as little as any."""
    homes = np.array([partition_of(name, view.partitions) for name in asked.names] + [0], dtype=np.int64)[asked.codes]
    told: list[list[Value]] = [[None] * asked.codes.size for _ in view.outputs]
    for partition in np.unique(homes).tolist():
        questions = np.flatnonzero(homes == partition)
        kept, codes = np.unique(asked.codes[questions], return_inverse=True)
        without = int(kept.size > 0 and kept[0] < 0)
        part = Asked([asked.names[code] for code in kept[without:]], (codes - without).astype(np.int64), asked.times[questions], asked.oldest)
        shard = shard_of_partition(view.shard, partition, view.partitions)
        answer, positions[shard] = answer_shard(view, online, shard, part)
        _refuse_overflow(view, answer, questions=questions.tolist(), rows=rows)
        for values, all_values in zip(_values_of(view, answer), told, strict=True):
            for place, value in zip(questions.tolist(), values, strict=True):
                all_values[place] = value
    return told


def _values_of(view: CompiledView, answer: PointAnswer) -> list[list[Value]]:
    """For each output its values by question."""
    return answer_values(view, Answer(answer.bits, answer.valid, NOTE), answer.texts)


def _refuse_overflow(view: CompiledView, answer: PointAnswer, *, questions: Sequence[int] | None, rows: int) -> None:
    if answer.overflow is not None:
        question, output = answer.overflow
        raise FeatureOverflow(feature=view.outputs[output].name, row=(questions[question] if questions else question) % rows)


def _names_of(view: CompiledView, rows: Sequence[Row]) -> tuple[list[bytes], Ints]:
    """The names of the keys that are asked about, each once, and for each entity and row its place among them; -1 where a key is null."""
    codes: list[int] = []
    known: dict[bytes, int] = {}
    for place, entity in enumerate(view.view.entities):
        columns, is_none = view.key_columns(entity), entity.null_keys == "skip"
        for index, row in enumerate(rows):
            key = _key_of(row, index, columns)
            codes.append(-1 if is_none and None in key else known.setdefault(encode_key(place, key), len(known)))
    return list(known), np.array(codes, dtype=np.int64)


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
