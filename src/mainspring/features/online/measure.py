"""Measure online state: how much there is, how new it is, and what it says of some of its keys."""

from collections.abc import Iterator
from dataclasses import replace
from heapq import nsmallest
from typing import NamedTuple
from zlib import crc32

import numpy as np

from mainspring.elements.time import Micros
from mainspring.features.errors import FeatureOverflow
from mainspring.features.kernel.arrays import EVENT_TIME
from mainspring.features.kernel.tree.page import (
    FACT_WORDS,
    FACTS,
    HEAD_LEVEL,
    HEADER,
    LEVEL,
    RUN_LEVEL,
)
from mainspring.features.online.point import ShardQuery, answer_shard
from mainspring.features.physical import Value
from mainspring.features.state.pages import split_row
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader

__all__ = ["StateMeasure", "measure_state", "sample_answers"]


class StateMeasure(NamedTuple):
    """The state of a view, all partitions together.

    Args:
        keys: of all entities.
        size_bytes: of rows and their keys, without what the store adds.
        newest_event: event time of the newest fact that is kept; None without one.
    """

    keys: int
    rows: int
    size_bytes: int
    newest_event: Micros | None


def measure_state(view: CompiledView, online: OnlineReader) -> StateMeasure:
    """Measure the state of a view.  Cost: reads all of it, about 4 µs a row."""
    keys = rows = size = 0
    newest: Micros | None = None
    for shard in shards_of(view):
        for key, row in online.iter_rows(shard):
            rows, size = rows + 1, size + len(key) + len(row)
            if _is_of_key(row):
                keys += 1
                event = _newest_event(view, row)
                newest = event if newest is None else max(newest, event)
    return StateMeasure(keys, rows, size, newest)


def sample_answers(
    view: CompiledView, online: OnlineReader, *, at: Micros, keys: int
) -> dict[str, list[Value]]:
    """By feature column what state says at one time of so many keys of each entity, or of all if
    there are fewer.

    The keys are those with the smallest hashes: a sample that is the same in every process, and
    moves only with the keys themselves.

    Cost: reads all state, to find the keys; then as a read.
    Raises: FEA-001 when a sum of whole numbers overflows, FEA-002 when the time lies before what is
        kept.
    """
    columns: dict[str, list[Value]] = {name: [] for name in view.column_names}
    answered_at = int(view.answered_at(np.array([at], dtype=np.int64))[0])
    for shard, names in _sampled(view, online, keys).items():
        query = ShardQuery(names, list(range(len(names))), [answered_at] * len(names), answered_at)
        try:
            values, _ = answer_shard(view, online, shard, query)
        except FeatureOverflow as overflow:
            entity = view.view.entities[names[overflow.row][0]]
            raise replace(overflow, feature=f"{entity.name}__{overflow.feature}") from None
        for index, name in enumerate(names):
            for column, result in zip(
                view.names_of(view.view.entities[name[0]]), values, strict=True
            ):
                columns[column].append(result[index])
    return columns


def _sampled(view: CompiledView, online: OnlineReader, keys: int) -> dict[str, list[bytes]]:
    """By shard the names of the keys in the sample."""
    found: dict[str, list[bytes]] = {}
    for entity in range(len(view.view.entities)):
        # By hash, because random keys would move the distribution from one look to the next.
        for _, shard, name in nsmallest(
            keys,
            (
                (crc32(name), shard, name)
                for shard, name in _iter_names(view, online)
                if name[0] == entity
            ),
        ):
            found.setdefault(shard, []).append(name)
    return found


def _iter_names(view: CompiledView, online: OnlineReader) -> Iterator[tuple[str, bytes]]:
    for shard in shards_of(view):
        yield from ((shard, key) for key, row in online.iter_rows(shard) if _is_of_key(row))


def _is_of_key(row: bytes) -> bool:
    """Whether it is the row of a key and not a page of one; it has no head while nothing that was
    appended is in the tree.
    """
    return _word(row, LEVEL) in (HEAD_LEVEL, RUN_LEVEL)


def _newest_event(view: CompiledView, row: bytes) -> Micros:
    """The newest fact is the last of the head, or of a page that was appended: they hold facts
    alone, in total order.
    """
    width = int(view.tiles.shape[FACT_WORDS])
    return max(
        _word(page, HEADER + (_word(page, FACTS) - 1) * width + EVENT_TIME)
        for page in split_row(row)
        if _is_of_key(page)
    )


def _word(row: bytes, index: int) -> int:
    return int.from_bytes(row[8 * index : 8 * index + 8], "little", signed=True)
