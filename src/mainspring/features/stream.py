"""Fold the log into online segments.

A fold is a function of the accepted records alone: any batching gives the same bytes.  It takes records as the log has them, also those that become
visible later, because a segment keeps when each fact is seen and the kernel decides at the read; so a shard answers for every prediction time from its
horizon on, and nothing waits for a timer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.time import HOUR, Micros
from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO
from mainspring.features.kernel.program import FOREVER
from mainspring.features.pattern import evaluate_values, plain_values
from mainspring.features.segment import TIMES, Segment, decode_segment, encode_segment, merge_segments, take_back
from mainspring.features.view import CompiledView
from mainspring.ports.log import LogReader
from mainspring.ports.online import KeySpan, OnlineWriter, Position, RowKey
from mainspring.ports.tables import TableReader
from mainspring.sources.read import iter_records
from mainspring.sources.topic import topic_of

__all__ = ["CLOCK_SLACK", "HORIZON", "bucket_of", "encode_key", "fold_view", "horizon_at", "refold_view"]

HORIZON = KeySpan(b"\xff", 0, 0)
"""Where a shard keeps its horizon: the event time from which on no fact was left out."""

CLOCK_SLACK: Micros = HOUR
"""How far the clocks of two processes that share a shard may lie apart before one must build it anew.

Clocks of machines differ, and the clock of an environment that looks at history starts again with each process.
"""

Key = tuple[object, ...]


class Records(NamedTuple):
    """The records of a frame as one segment in the order of the log, the place of each row in total order, and which rows take a fact back."""

    facts: Segment
    rank: Mapping[int, int]
    retracts: frozenset[int]


def encode_key(entity: int, key: Key) -> bytes:
    """The bytes of one entity's key: the place of the entity in its view, then MessagePack."""
    return bytes((entity,)) + msgspec.msgpack.encode(key)


def bucket_of(view: CompiledView, event_time: Micros) -> int:
    """The segment that a fact of this event time lies in."""
    return event_time // view.bucket_width if view.bucket_width else 0


def horizon_at(view: CompiledView, now: Micros) -> Micros:
    """The oldest event time that a read at `now` or later can need."""
    return -FOREVER if view.reach >= FOREVER else now - view.reach


def fold_view(
    view: CompiledView, *, log: LogReader, online: OnlineWriter, now: Micros, before: Micros = FOREVER, tables: TableReader | None = None
) -> Position:
    """Bring a shard up to the head of the log; a new shard starts with what a read at `now` can need.

    Args:
        before: leave out facts that happen then or later; for checks that look at one moment of a long log.
        tables: where a new shard finds the records that the log does not keep any more.

    Cost: about 20 µs for each segment touched.
    Raises: ENG-004 when another process folds the same shard: its work stands, call again.
    """
    topic = topic_of(view.view.source.name)
    position, [stored] = online.read(view.shard, [HORIZON])
    horizon = msgspec.msgpack.decode(stored[0], type=int) if stored else horizon_at(view, now)
    if position is None:
        start = Position(((topic, 0),), -FOREVER)
        online.commit(view.shard, {RowKey(HORIZON.key, 0): msgspec.msgpack.encode(horizon)}, expected=None, position=start)
        position = start
    for frame in iter_records(topic, log=log, tables=tables, start=position.offset(topic), schema=view.schema):
        rows = _fold_frame(view, _between(frame, horizon, before), online=online)
        reached = Position(((topic, frame["_offset"][-1] + 1),), max(position.visible_until, _largest(frame["_visible_at"])))
        online.commit(view.shard, rows, expected=position, position=reached)
        position = reached
    return position


def refold_view(view: CompiledView, *, log: LogReader, online: OnlineWriter, now: Micros, tables: TableReader | None = None) -> Position:
    """As `fold_view`, and built anew where the shard has left out what a read at `now` needs: its clock was ahead of this one."""
    position, [stored] = online.read(view.shard, [HORIZON])
    if position is not None and stored and msgspec.msgpack.decode(stored[0], type=int) > horizon_at(view, now):
        online.drop(view.shard)
    return fold_view(view, log=log, online=online, now=now - CLOCK_SLACK, tables=tables)


def _largest(moments: pl.Series) -> Micros:
    largest = moments.max()
    assert isinstance(largest, int)
    return largest


def _between(frame: pl.DataFrame, first: Micros, before: Micros) -> pl.DataFrame:
    inside = frame["_event_time"].is_between(first, before, closed="left")
    return frame if inside.all() else frame.filter(inside)


def _fold_frame(view: CompiledView, frame: pl.DataFrame, *, online: OnlineWriter) -> dict[RowKey, bytes | None]:
    if frame.is_empty():
        return {}
    records = _records_of(view, frame)
    groups = _group_rows(view, frame)
    _, stored = online.read(view.shard, [KeySpan(place.key, place.bucket, place.bucket) for place in groups])
    return {place: encode_segment(_fold_segment(view, records, rows=rows, stored=old)) for (place, rows), old in zip(groups.items(), stored, strict=True)}


def _records_of(view: CompiledView, frame: pl.DataFrame) -> Records:
    patterns = evaluate_values(view, frame)
    words = np.empty((frame.height, TIMES + len(view.values)), dtype=np.int64)
    words[:, EVENT_TIME], words[:, VISIBLE_FROM], words[:, VISIBLE_TO] = frame["_event_time"].to_numpy(), frame["_visible_at"].to_numpy(), NEVER
    words[:, TIMES:] = patterns.bits.T
    facts = Segment(words, np.ascontiguousarray(patterns.valid.T), frame["_id"].to_list(), [patterns.texts[column] for column in view.text_columns])
    rank = {row: place for place, row in enumerate(facts.total_order())}
    return Records(facts, rank, frozenset(row for row, op in enumerate(frame["_op"].to_list()) if op == "retract"))


def _group_rows(view: CompiledView, frame: pl.DataFrame) -> dict[RowKey, list[int]]:
    """The rows of the frame by the segment they belong to, for every entity; a fact with a null in its key belongs to none."""
    groups: dict[RowKey, list[int]] = defaultdict(list)
    buckets = [bucket_of(view, moment) for moment in frame["_event_time"].to_list()]
    columns = {name: plain_values(frame[name]) for entity in view.view.entities for name in entity.join_keys}
    for place, entity in enumerate(view.view.entities):
        keys = zip(*(columns[name] for name in entity.join_keys), strict=True) if entity.join_keys else repeat((), frame.height)
        for row, key in enumerate(keys):
            if None not in key:
                groups[RowKey(encode_key(place, key), buckets[row])].append(row)
    return groups


def _fold_segment(view: CompiledView, records: Records, *, rows: Sequence[int], stored: Sequence[bytes]) -> Segment:
    """The stored segment with these records applied in the order of the log."""
    segment = decode_segment(stored[0]) if stored else _empty_segment(view)
    if records.retracts.isdisjoint(rows):
        return merge_segments(segment, records.facts.take(sorted(rows, key=records.rank.__getitem__)))
    for row in rows:
        fact = records.facts.take([row])
        segment = take_back(segment, [(fact.ids[0], int(fact.words[0, VISIBLE_FROM]))]) if row in records.retracts else merge_segments(segment, fact)
    return segment


def _empty_segment(view: CompiledView) -> Segment:
    columns = len(view.values)
    return Segment(np.empty((0, TIMES + columns), np.int64), np.empty((0, columns), np.uint8), [], [[] for _ in view.text_columns])
