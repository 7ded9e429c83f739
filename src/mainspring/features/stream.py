"""Fold the log into online state.

A fold is a function of the accepted records alone: any batching gives the same bytes, and each key's pages depend on that key's records only, so that
partitions leave no trace either.  It takes records as the log has them, also those that become visible later, because a page keeps when each fact is seen
and the kernel decides at the read; so nothing waits for a timer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from mainspring.elements.time import HOUR, Micros
from mainspring.features.gather import qualify_ids
from mainspring.features.growth import Growth
from mainspring.features.kernel.program import FOREVER
from mainspring.features.names import partition_of, shard_of_partition
from mainspring.features.records import records_of
from mainspring.features.view import CompiledView
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineReader, OnlineWriter, Position
from mainspring.ports.tables import TableReader
from mainspring.sources.read import iter_records
from mainspring.sources.topic import topic_of

__all__ = ["CLOCK_SLACK", "fold_view", "horizon_at", "refold_view", "shards_of"]

CLOCK_SLACK: Micros = HOUR
"""How far the clocks of two processes that share a shard may lie apart before one must build it anew.

Twice as much of the past is kept beyond what windows reach, counted from the time at which facts become visible, or from two such lengths after `now` for
a fold that looks at the past: so a live fold evicts by what the log says alone, and a check of an old moment still finds all that it needs.

Clocks of machines differ, and the clock of an environment that looks at history starts again with each process.
"""

_ROWS_PER_COMMIT = 8_192


def horizon_at(view: CompiledView, now: Micros) -> Micros:
    """The oldest event time that a read at `now` or later can need."""
    return -FOREVER if view.reach >= FOREVER else now - view.reach


def shards_of(view: CompiledView) -> list[str]:
    """The shards that hold the view's online state, one for each partition."""
    return [shard_of_partition(view.shard, partition, view.partitions) for partition in range(view.partitions)]


def fold_view(
    view: CompiledView,
    *,
    log: LogReader,
    online: OnlineWriter,
    now: Micros,
    before: Micros = FOREVER,
    tables: TableReader | None = None,
    only: Sequence[int] | None = None,
) -> Position:
    """Bring a view's state up to the head of the log; new state starts with what a read at `now` can need.

    Args:
        before: leave out facts that happen then or later; for checks that look at one moment of a long log.
        tables: where new state finds the records that the log does not keep any more.
        only: the partitions to fold, for one of several consumers; default: all.

    Returns: the position of the partition that is least far.
    Cost: about 5 µs a record and entity, and what the store takes for a commit.
    Raises: ENG-004 when another process folds the same partition: its work stands, call again.
    """
    folds = [_open_fold(view, partition, online, now) for partition in (range(view.partitions) if only is None else only)]
    for source in view.view.sources:
        topic = topic_of(source.name)
        for group, stop in _iter_groups(folds, topic, log.head(topic)):
            records = iter_records(topic, log=log, tables=tables, start=group[0].position.offset(topic), stop=stop, schema=view.schema)
            for frame in _iter_gathered(records):
                _fold_frame(view, qualify_ids(view, source, frame), topic, folds=group, online=online, before=before, until=now + 2 * CLOCK_SLACK)
    return min((fold.position for fold in folds), key=lambda position: position.offsets)


def refold_view(view: CompiledView, *, log: LogReader, online: OnlineWriter, now: Micros, tables: TableReader | None = None) -> Position:
    """As `fold_view`, and built anew where the state has left out what a read at `now` needs: its clock was ahead of this one."""
    for shard in shards_of(view):
        position, _ = online.read(shard, [])
        if position is not None and position.kept_from > horizon_at(view, now):
            online.drop(shard)
    return fold_view(view, log=log, online=online, now=now - CLOCK_SLACK, tables=tables)


@dataclass
class _Fold:
    """One partition on its way through the log."""

    partition: int
    shard: str
    position: Position
    places: list[int] = field(default_factory=list)


def _open_fold(view: CompiledView, partition: int, online: OnlineWriter, now: Micros) -> _Fold:
    shard = shard_of_partition(view.shard, partition, view.partitions)
    position, _ = online.read(shard, [])
    if position is None:
        offsets = tuple((topic_of(source.name), 0) for source in view.view.sources)
        position = Position(offsets, visible_until=-FOREVER, kept_from=horizon_at(view, now))
        online.commit(shard, {}, expected=None, position=position)
    return _Fold(partition, shard, position)


def _iter_groups(folds: Sequence[_Fold], topic: str, head: int) -> Iterator[tuple[list[_Fold], int]]:
    """Partitions that are equally far, and up to where they go together: the last first, until all are at the head."""
    while folds and (low := min(fold.position.offset(topic) for fold in folds)) < head:
        group = [fold for fold in folds if fold.position.offset(topic) == low]
        yield group, min((fold.position.offset(topic) for fold in folds if fold.position.offset(topic) > low), default=head)


def _iter_gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Small frames joined until a commit is worth it."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(each.height for each in waiting) >= _ROWS_PER_COMMIT:
            yield pl.concat(waiting, how="diagonal_relaxed")
            waiting = []
    if waiting:
        yield waiting[0] if len(waiting) == 1 else pl.concat(waiting, how="diagonal_relaxed")


def _fold_frame(view: CompiledView, frame: pl.DataFrame, topic: str, *, folds: Sequence[_Fold], online: OnlineWriter, before: Micros, until: Micros) -> None:
    """Fold one frame into partitions that stand at its beginning."""
    kept = FOREVER if view.reach >= FOREVER else view.reach + 2 * CLOCK_SLACK
    reached, seen = int(frame["_offset"][-1]) + 1, _largest(frame["_visible_at"])
    kept_from = min(fold.position.kept_from for fold in folds)
    inside = frame.filter(frame["_event_time"].is_between(kept_from, before, closed="left"))
    records = records_of(view, inside)
    for fold in folds:
        fold.places = []
    by_partition = {fold.partition: fold for fold in folds}
    for place, name in enumerate(records.names):
        home = by_partition.get(partition_of(name, view.partitions))
        if home is not None:
            home.places.append(place)
    for fold in folds:
        offsets = tuple((name, reached if name == topic else offset) for name, offset in fold.position.offsets)
        position = replace(fold.position, offsets=offsets, visible_until=max(fold.position.visible_until, seen))
        rows = Growth(view, records, partial(_read_rows, online, fold.shard), kept=kept, until=until).rows_of(fold.places)
        online.commit(fold.shard, rows, expected=fold.position, position=position)
        fold.position = position


def _read_rows(online: OnlineReader, shard: str, keys: Sequence[bytes]) -> list[bytes | None]:
    return online.read(shard, keys)[1]


def _largest(moments: pl.Series) -> Micros:
    largest = moments.max()
    assert isinstance(largest, int)
    return largest
