"""Materialize the log as online state.

The state is a function of the accepted records alone: any batching gives the same trees once what
was appended is in them, and each key's pages depend on that key's records only, so that partitions
leave no trace either.  It takes
records as the log has them, also those that become visible later, because a page keeps when each
fact is seen and the kernel decides at the read; so nothing waits for a timer.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import polars as pl

from mainspring.elements.time import HOUR, Micros
from mainspring.features.history.gather import qualify_ids
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.state.growth import StateGrowth, runs_of
from mainspring.features.state.names import (
    STATE_LAYOUT,
    partition_of,
    shard_of_partition,
    shards_of_partitions,
)
from mainspring.features.state.records import Records, no_records, records_of
from mainspring.features.state.runs import RUN_LIMITS, RunLimits, ShardRuns
from mainspring.features.view import CompiledView
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineReader, OnlineWriter, Position, ShardCommit
from mainspring.ports.tables import TableReader
from mainspring.sources.read import iter_records
from mainspring.sources.topic import topic_of

__all__ = [
    "CLOCK_SKEW",
    "ViewMaterialization",
    "drop_late_state",
    "horizon_at",
    "materialize_view",
    "merge_runs",
    "rematerialize_view",
    "shards_of",
]

CLOCK_SKEW: Micros = HOUR
"""How far the clocks of two processes that share a shard may lie apart before one must build it
anew.

Twice as much of the past is kept beyond what windows reach, counted from the time at which facts
become visible, or from two such lengths after `now` where the log knows of later facts: so a live
materialization evicts by what the log says alone, and who looks at history still finds all that it
needs.

Clocks of machines differ, and the clock of an environment that looks at history starts again with
each process.
"""

_ROWS_PER_COMMIT = 8_192


class _Change(NamedTuple):
    """What happens to a partition: rows to put and to remove, what is appended to others, and where
    it stands with them.
    """

    partition: int
    rows: Mapping[bytes, bytes | None]
    position: Position
    appended: Mapping[bytes, bytes]


def horizon_at(view: CompiledView, now: Micros) -> Micros:
    """The oldest event time that a read at `now` or later can need."""
    return -UNBOUNDED_SPAN if view.reach >= UNBOUNDED_SPAN else now - view.reach


def shards_of(view: CompiledView) -> list[str]:
    """The shards that hold the view's online state, one for each partition."""
    return list(shards_of_partitions(view.shard, view.partitions))


def materialize_view(
    view: CompiledView,
    *,
    log: LogReader,
    online: OnlineWriter,
    now: Micros,
    before: Micros = UNBOUNDED_SPAN,
    tables: TableReader | None = None,
    only: Sequence[int] | None = None,
    limits: RunLimits = RUN_LIMITS,
) -> Position:
    """Bring a view's state up to the head of the log; new state starts with what a read at `now`
    can need.

    Args:
        before: leave out facts that happen then or later; for checks that look at one moment of a
            long log.
        tables: where new state finds the records that the log does not keep any more.
        only: the partitions to materialize, for one of several consumers; default: all.
        limits: how much is appended before it is taken into trees.

    Returns: the position of the partition that is least far.
    Cost: about 4 µs a record and entity, and what the store takes for a commit.
    Raises: ENG-004 when another process writes the same partition: its work stands, call again.
    """
    materialization = ViewMaterialization(
        view,
        range(view.partitions) if only is None else only,
        log=log,
        online=online,
        now=now,
        tables=tables,
        before=before,
        limits=limits,
    )
    for _ in materialization.iter_steps(
        {topic: log.head(topic) for topic in materialization.topics}, now=now
    ):
        pass
    return min(materialization.positions.values(), key=lambda position: position.offsets)


def merge_runs(view: CompiledView, *, online: OnlineWriter, now: Micros) -> None:
    """Take all that was appended into the trees of the keys: the rows then are the bytes that the
    records alone decide.  Reads answer the same before and after; for checks, while nobody reads.

    Raises: ENG-004 when another process writes the same partition.
    """
    for shard in shards_of(view):
        position, _ = online.read(shard, [])
        names = list(online.appended(shard))
        if position is not None and names:
            growth = _growth(view, no_records(view), online, shard, until=now + 2 * CLOCK_SKEW)
            online.commit(shard, growth.rows_of([], names), expected=position, position=position)


def rematerialize_view(
    view: CompiledView,
    *,
    log: LogReader,
    online: OnlineWriter,
    now: Micros,
    tables: TableReader | None = None,
) -> Position:
    """As `materialize_view`, and built anew where the state has left out what a read at `now`
    needs: its clock was ahead of this one.

    Where other processes write the same state, each goes on from where the others have got to.
    """
    while True:
        with suppress(StaleWrite):
            # Dropped and built in two commits: a crash in between leaves no shard, which the next
            # call builds.
            drop_late_state(view, shards_of(view), online=online, now=now)
            return materialize_view(
                view, log=log, online=online, now=now - CLOCK_SKEW, tables=tables
            )


def drop_late_state(
    view: CompiledView, shards: Sequence[str], *, online: OnlineWriter, now: Micros
) -> None:
    """Drop those of a view's shards that have left out what a read at `now` needs, or that lie as
    an earlier release laid them out.
    """
    for shard in shards:
        position, _ = online.read(shard, [])
        if position is not None and (
            position.kept_from > horizon_at(view, now) or position.layout != STATE_LAYOUT
        ):
            online.drop(shard)


class ViewMaterialization:
    """Some partitions of a view on their way through the log.

    It knows how far each is, so that looking for news costs no read of the store.  What it knows is
    wrong once another process has written one of them: then a step raises ENG-004, and the work
    goes on with a new one.

    Args:
        partitions: which; those without state begin with what a read at `now` can need.
        tables, before, limits: as for `materialize_view`.
    """

    def __init__(
        self,
        view: CompiledView,
        partitions: Sequence[int],
        *,
        log: LogReader,
        online: OnlineWriter,
        now: Micros,
        tables: TableReader | None = None,
        before: Micros = UNBOUNDED_SPAN,
        limits: RunLimits = RUN_LIMITS,
    ) -> None:
        self.view, self._log, self._online, self._tables, self._before = (
            view,
            log,
            online,
            tables,
            before,
        )
        self._limits = limits
        self._runs: dict[int, ShardRuns] = {}
        self.positions = {
            partition: _open_shard(view, partition, online, now) for partition in partitions
        }

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the view's sources."""
        return tuple(topic_of(source.stream) for source in self.view.view.sources)

    def split(self) -> list["ViewMaterialization"]:
        """One materialization for each position in the log at which partitions stand."""
        by_offsets: dict[tuple[tuple[str, int], ...], dict[int, Position]] = {}
        for partition, position in self.positions.items():
            by_offsets.setdefault(position.offsets, {})[partition] = position
        return [self._with(positions) for positions in by_offsets.values()]

    def joined(self, other: "ViewMaterialization") -> "ViewMaterialization":
        """The partitions of both in one materialization."""
        joined = self._with({**self.positions, **other.positions})
        # What the other knows of its partitions, which this one may have had long ago.
        joined._runs = {
            **{each: runs for each, runs in self._runs.items() if each not in other.positions},
            **other._runs,
        }
        return joined

    def without(self, partitions: Collection[int]) -> "ViewMaterialization":
        """The materialization of its other partitions."""
        return self._with(
            {
                partition: position
                for partition, position in self.positions.items()
                if partition not in partitions
            }
        )

    def _with(self, positions: dict[int, Position]) -> "ViewMaterialization":
        materialization = copy(self)
        materialization.positions = positions
        materialization._runs = {
            each: runs for each, runs in self._runs.items() if each in positions
        }
        return materialization

    def reached(self, topic: str) -> int:
        """The offset up to which every one of the partitions has applied a topic."""
        return min(position.offset(topic) for position in self.positions.values())

    def furthest(self, topic: str) -> int:
        """The offset up to which one of the partitions has applied a topic."""
        return max(position.offset(topic) for position in self.positions.values())

    def is_behind(self, heads: Mapping[str, int]) -> bool:
        """Whether a partition has something to apply below these heads of the topics."""
        return any(self.reached(topic) < heads[topic] for topic in self.topics)

    def iter_steps(self, heads: Mapping[str, int], *, now: Micros) -> Iterator[tuple[str, int]]:
        """Apply the log up to these heads, and after each commit give the topic and how many of its
        records were applied.

        Args:
            now: nothing is evicted that a read at this time needs, however much later the facts are
                that the log knows of.

        Raises: ENG-004, ENG-011.
        """
        applied = 0
        for source in self.view.view.sources:
            topic = topic_of(source.stream)
            for group, start, stop in self._iter_groups(topic, heads[topic]):
                records = iter_records(
                    topic,
                    log=self._log,
                    tables=self._tables,
                    start=start,
                    stop=stop,
                    schema=self.view.schema,
                )
                for frame in _iter_gathered(records):
                    self._commit(
                        self._changes(
                            group,
                            qualify_ids(self.view, source, frame),
                            topic,
                            until=now + 2 * CLOCK_SKEW,
                        )
                    )
                    applied += frame.height
                    yield topic, frame.height
        # Few keys are taken in with each commit, so that none takes long; after few large ones too
        # much would be left to readers.
        if applied >= self._limits.fold_records:
            for partition in self._runs:
                self._take_in(partition, until=now + 2 * CLOCK_SKEW)

    def _take_in(self, partition: int, *, until: Micros) -> None:
        """Take in what is due, until nothing is."""
        while names := self._runs[partition].take_due():
            growth = _growth(
                self.view, no_records(self.view), self._online, self._shard(partition), until=until
            )
            rows = growth.rows_of([], list(names))
            self._commit([_Change(partition, rows, self.positions[partition], {})])

    def _iter_groups(self, topic: str, head: int) -> Iterator[tuple[list[int], int, int]]:
        """Partitions that are equally far, and from where to where they go together: the last
        first, until all are at the head.
        """
        # Partitions that another consumer left behind catch up first; from there on the log is read
        # once for all.
        while self.positions and (low := self.reached(topic)) < head:
            offsets = {
                partition: position.offset(topic) for partition, position in self.positions.items()
            }
            group = [partition for partition, offset in offsets.items() if offset == low]
            yield (
                group,
                low,
                min((offset for offset in offsets.values() if offset > low), default=head),
            )

    def _changes(
        self, group: Sequence[int], frame: pl.DataFrame, topic: str, *, until: Micros
    ) -> list[_Change]:
        """What one frame changes in partitions that stand at its beginning."""
        view, reached, seen = (
            self.view,
            int(frame["_offset"][-1]) + 1,
            _largest(frame["_visible_at"]),
        )
        kept_from = min(self.positions[partition].kept_from for partition in group)
        records = records_of(
            view,
            # Facts that no read can need any more are not put in to be evicted at once.
            frame.filter(frame["_event_time"].is_between(kept_from, self._before, closed="left")),
        )
        names: dict[int, list[int]] = {partition: [] for partition in group}
        if view.partitions == 1:
            names = {partition: [*range(len(records.names))] for partition in group}
        else:
            for index, name in enumerate(records.names):
                if (partition := partition_of(name, view.partitions)) in names:
                    names[partition].append(index)
        changes = []
        for partition in group:
            before = self.positions[partition]
            offsets = tuple(
                (name, reached if name == topic else offset) for name, offset in before.offsets
            )
            position = replace(
                before, offsets=offsets, visible_until=max(before.visible_until, seen)
            )
            changes.append(
                self._change(partition, records, names[partition], position, until=until)
            )
        return changes

    def _change(
        self,
        partition: int,
        records: Records,
        indices: Sequence[int],
        position: Position,
        *,
        until: Micros,
    ) -> _Change:
        """What the records of the keys at these places do to a partition."""
        shard, runs, names = self._shard(partition), self._runs_of(partition), records.names
        contested = records.contested
        appended = runs_of(
            records,
            [index for index in indices if index not in contested] if contested else indices,
        )
        # A fact that is taken back has to be in a tree, and so has all that is appended before it.
        grown = {names[index] for index in contested.intersection(indices)}
        grown |= runs.overfull(appended)
        grown |= (due := runs.take_due())
        growth = _growth(self.view, records, self._online, shard, until=until)
        rows = growth.rows_of(
            [index for index in indices if names[index] in grown],
            list(due.difference(names[index] for index in indices)),
        )
        if grown:
            appended = {name: piece for name, piece in appended.items() if name not in grown}
        return _Change(partition, rows, position, appended)

    def _runs_of(self, partition: int) -> ShardRuns:
        """What is appended to a partition; asked for only when there is something to write."""
        if partition not in self._runs:
            self._runs[partition] = ShardRuns(
                self._online.appended(self._shard(partition)), self._limits
            )
        return self._runs[partition]

    def _commit(self, changes: Sequence[_Change]) -> None:
        # Rows and offsets in one transaction: a crash before it repeats the frame, after it does
        # not, and neither counts a record twice.
        self._online.commit_all(
            [
                ShardCommit(
                    self._shard(change.partition),
                    change.rows,
                    self.positions[change.partition],
                    change.position,
                    change.appended,
                )
                for change in changes
            ]
        )
        # Only once the store has them: ENG-004 leaves this object as it was.
        for change in changes:
            self.positions[change.partition] = change.position
            self._runs[change.partition].note(change.rows, change.appended)

    def _shard(self, partition: int) -> str:
        return shard_of_partition(self.view.shard, partition, self.view.partitions)


def _open_shard(view: CompiledView, partition: int, online: OnlineWriter, now: Micros) -> Position:
    """Where a partition stands; one that has no state yet is given its first position."""
    shard = shard_of_partition(view.shard, partition, view.partitions)
    position, _ = online.read(shard, [])
    if position is not None and position.layout != STATE_LAYOUT:
        online.drop(shard)
        position = None
    if position is None:
        offsets = tuple((topic_of(source.stream), 0) for source in view.view.sources)
        position = Position(
            offsets,
            visible_until=-UNBOUNDED_SPAN,
            kept_from=horizon_at(view, now),
            layout=STATE_LAYOUT,
        )
        online.commit(shard, {}, expected=None, position=position)
    return position


def _growth(
    view: CompiledView, records: Records, online: OnlineReader, shard: str, *, until: Micros
) -> StateGrowth:
    kept = UNBOUNDED_SPAN if view.reach >= UNBOUNDED_SPAN else view.reach + 2 * CLOCK_SKEW
    read = partial(_read_rows, online, shard)
    return StateGrowth(view, records, read, kept=kept, until=until)


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


def _read_rows(online: OnlineReader, shard: str, keys: Sequence[bytes]) -> list[bytes | None]:
    return online.read(shard, keys)[1]


def _largest(moments: pl.Series) -> Micros:
    largest = moments.max()
    assert isinstance(largest, int)
    return largest
