"""Fold the log continuously: the loop of `mainspring stream` and of the server.

One thread looks and decides: what of the work is this process's, which views have something to
fold, whether it is time to tell.  Everything that takes long is done in a pool and picked up when
it is finished, so a view that builds its state from a long log holds up no other, and a flush of
the disk or a slow answer about leases holds up nobody.  Views fold in threads of their own, so that
those which commit at the same time share a flush.

No lock and no lease keeps the state right: the position that a commit expects does.  A process that
slept through its lease and folds on is refused by the store, and reads where the work stands.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, ParamSpec, TypeVar

from mainspring.elements.errors import MainspringError
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.state.names import shard_of_partition
from mainspring.features.state.replicate import snapshot_shard
from mainspring.features.state.stream import CLOCK_SKEW, ViewMaterialization
from mainspring.features.stream.meter import StreamReport, ThroughputMeter
from mainspring.features.stream.open import StreamPorts, open_materializations
from mainspring.features.stream.pace import pause_after
from mainspring.features.view import CompiledView
from mainspring.flow.consumer_group import Assignment, ConsumerGroup, GroupMember
from mainspring.ports.errors import StaleWrite

__all__ = ["StreamConsumer"]

P = ParamSpec("P")
T = TypeVar("T")

_LOG = logging.getLogger("mainspring.stream")
_FOLDING, _LEASING = 8, 8
_SLICE_S = 0.2
_LOOK_S, _SHARE_S, _HURRY_S = 0.1, 0.5, 0.1
"""How often the map is looked at, how often leases are kept, and how often while one that is wanted
is still held by another.
"""
_REST_S, _REPORT_S, _TELL_S, _SNAPSHOT_S = 1.0, 1.0, 60.0, 3_600.0


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamConsumer:
    """Folds its share of an environment's views for as long as it runs.

    Args:
        views: the views to keep current; asked ten times a second.
        group: the processes that share them; store: what tells this online store from others that
            the group's leases are given by the same state for.
        takes_snapshots: write one of each shard when it has caught up, and every hour.
        on_report: told once a second how it goes.
    """

    ports: StreamPorts
    views: Callable[[], Sequence[CompiledView]]
    member: GroupMember
    group: str
    store: str
    takes_snapshots: bool = False
    on_report: Callable[[StreamReport], None] = lambda _: None

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop; commits at hand are finished, and what is held is given
        back.
        """
        # Before it holds anything: where the kernel was not compiled yet, that takes half a minute.
        warm_online()
        with self._sharing() as sharer, ThreadPoolExecutor(_FOLDING, "mainspring-fold") as folding:
            loop = _Loop(self, sharer, stop, folding)
            while not stop.is_set():
                loop.turn()

    @contextmanager
    def _sharing(self) -> Iterator[ConsumerGroup]:
        """Be a member of the group while the block runs."""
        with ThreadPoolExecutor(_LEASING, "mainspring-lease") as leasing:
            sharer = ConsumerGroup(
                self.ports.state, self.group, self.member, clock=self.ports.clock, executor=leasing
            )
            try:
                yield sharer
            finally:
                sharer.leave()


class _Part(NamedTuple):
    """One partition of a view."""

    view: CompiledView
    partition: int

    @property
    def shard(self) -> str:
        """The name of its state."""
        return shard_of_partition(self.view.shard, self.partition, self.view.partitions)


@dataclass(eq=False)
class _Line:
    """Partitions of a view that move together, and what is done to them now.

    Args:
        whole_at: when the log was last looked at and held nothing that is not folded; whatever
            waits was appended later.
        heads, looked_at: how far the task folds, and when that was looked up.
        snapshot_at: when the next snapshot is due.
    """

    fold: ViewMaterialization
    whole_at: float
    snapshot_at: float
    task: Future[bool] | None = None
    heads: Mapping[str, int] = field(default_factory=dict)
    looked_at: float = 0.0

    @property
    def parts(self) -> list[_Part]:
        """What it folds."""
        return [_Part(self.fold.view, partition) for partition in self.fold.positions]

    @property
    def place(self) -> tuple[str, object]:
        """Equal for lines that can be joined."""
        return self.fold.view.shard, next(iter(self.fold.positions.values())).offsets


class _Loop:
    """What a consumer knows while it runs.  Times are seconds of the monotonic clock."""

    def __init__(
        self,
        consumer: StreamConsumer,
        sharer: ConsumerGroup,
        stop: threading.Event,
        folding: Executor,
    ) -> None:
        self._consumer, self._sharer, self._stop, self._folding = consumer, sharer, stop, folding
        self._ports, self._meter, self._finished = (
            consumer.ports,
            ThroughputMeter(),
            threading.Event(),
        )
        self._parts: dict[str, _Part] = {}
        self._share = Assignment(frozenset(), frozenset(), 0)
        self._sharing: Future[Assignment] | None = None
        self._openings: dict[Future[list[ViewMaterialization]], list[_Part]] = {}
        self._lines: list[_Line] = []
        self._told: dict[str, float] = {}
        self._resting: dict[str, float] = {}
        self._report_at = self._look_at = self._share_at = self._news_at = time.monotonic()
        self._cpu = time.process_time()

    def turn(self) -> None:
        """Look once, set going what is to be done, and wait until some of it is finished or it is
        time to look again.
        """
        now = time.monotonic()
        with self._telling(now):
            self._follow_map(now)
            self._follow_share(now)
        self._collect(now)
        self._open_missing(now)
        with self._telling(now):
            heads = {
                topic: self._ports.log.head(topic)
                for topic in {topic for line in self._lines for topic in line.fold.topics}
            }
            self._set_going(heads, now)
            self._report(heads, now)
        self._wait(now)

    def _follow_map(self, now: float) -> None:
        """Know which parts there are."""
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            parts = [
                _Part(view, partition)
                for view in self._consumer.views()
                for partition in range(view.partitions)
            ]
            found = {self._resource(part): part for part in parts}
            if found.keys() != self._parts.keys():
                self._parts, self._share_at = found, now

    def _follow_share(self, now: float) -> None:
        """Know which of them are this process's; ask again in time, and sooner while one that is
        allotted is in other hands.
        """
        if self._sharing is not None and self._sharing.done():
            sharing, self._sharing = self._sharing, None
            self._share = sharing.result()
            if self._share.held != self._share.allotted:
                self._share_at = min(self._share_at, now + _HURRY_S)
        if self._sharing is None and now >= self._share_at:
            self._share_at = now + _SHARE_S
            self._sharing = self._sharer.begin_keeping(
                {resource: part.view.view.name for resource, part in self._parts.items()}
            )
            self._sharing.add_done_callback(lambda _: self._finished.set())

    def _collect(self, now: float) -> None:
        """Take up what is finished."""
        for opening in [opening for opening in self._openings if opening.done()]:
            [*parts] = self._openings.pop(opening)
            folds = self._outcome(opening, parts[0].view, now) or []
            self._lines += [_Line(fold, whole_at=now, snapshot_at=now) for fold in folds]
        for line in [line for line in self._lines if line.task is not None and line.task.done()]:
            task, line.task = line.task, None
            if task is None or not self._outcome(task, line.fold.view, now):
                self._lines.remove(line)
            elif not line.fold.is_behind(line.heads):
                self._meter.waited(now - line.whole_at)
                line.whole_at = line.looked_at
        self._tidy()

    def _tidy(self) -> None:
        """Let go of what is not held any more, and join lines that have become equally far."""
        places: dict[tuple[str, object], _Line] = {}
        kept: list[_Line] = []
        for line in self._lines:
            if line.task is None:
                line.fold = line.fold.without(
                    [
                        part.partition
                        for part in line.parts
                        if self._resource(part) not in self._share.held
                    ]
                )
                if not line.fold.positions:
                    continue
                first = places.setdefault(line.place, line)
                if first is not line:
                    first.fold, first.whole_at = (
                        first.fold.joined(line.fold),
                        min(first.whole_at, line.whole_at),
                    )
                    continue
            kept.append(line)
        self._lines = kept

    def _open_missing(self, now: float) -> None:
        """Open what is held and not on its way yet."""
        begun = {self._resource(part) for line in self._lines for part in line.parts}
        begun |= {self._resource(part) for parts in self._openings.values() for part in parts}
        missing = [
            part
            for resource, part in self._parts.items()
            if resource in self._share.held and resource not in begun
        ]
        for _, group in groupby(missing, key=lambda part: part.view.shard):
            parts = list(group)
            view = parts[0].view
            if self._resting.get(view.shard, now) <= now:
                opening = self._begin(
                    open_materializations, view, [part.partition for part in parts], self._ports
                )
                self._openings[opening] = parts

    def _set_going(self, heads: Mapping[str, int], now: float) -> None:
        """Fold where something waits; where nothing does, write a snapshot if it is time."""
        for line in [line for line in self._lines if line.task is None]:
            if line.fold.is_behind(heads):
                self._news_at = now
                line.heads, line.looked_at = heads, now
                line.task = self._begin(self._fold, line.fold, heads)
            else:
                line.whole_at = now
                if self._consumer.takes_snapshots and now >= line.snapshot_at:
                    line.snapshot_at = now + _SNAPSHOT_S
                    line.task = self._begin(self._snapshot, line.parts)

    def _fold(self, fold: ViewMaterialization, heads: Mapping[str, int]) -> bool:
        """Fold for a while; in the pool."""
        until = time.monotonic() + _SLICE_S
        for topic, records in fold.iter_steps(heads, now=self._ports.data_clock.now() - CLOCK_SKEW):
            self._meter.folded(fold.view.shard, topic, records)
            if self._stop.is_set() or time.monotonic() >= until:
                break
        return True

    def _snapshot(self, parts: Sequence[_Part]) -> bool:
        """Write snapshots; in the pool."""
        ports = self._ports
        for part in parts:
            snapshot_shard(
                part.shard,
                online=ports.online,
                objects=ports.objects,
                state=ports.state,
                at=ports.clock.now(),
            )
        return True

    def _report(self, heads: Mapping[str, int], now: float) -> None:
        """Say how it goes, once a second."""
        if now < self._report_at + _REPORT_S:
            return
        length_s, cpu = now - self._report_at, time.process_time()
        events, waited_s = self._meter.taken()
        behind = [line for line in self._lines if line.fold.is_behind(heads)]
        reached = {
            topic: min(
                line.fold.reached(topic) for line in self._lines if topic in line.fold.topics
            )
            for topic in heads
        }
        self._consumer.on_report(
            StreamReport(
                at=self._ports.clock.now(),
                events_per_s=round(events / length_s, 1),
                lag_records=sum(max(heads[topic] - offset, 0) for topic, offset in reached.items()),
                lag_ms=round(1e3 * max([waited_s, *(now - line.whole_at for line in behind)]), 1),
                shards=len(self._share.held),
                of=len(self._parts),
                members=self._share.members,
                cpu=round((cpu - self._cpu) / length_s, 3),
            )
        )
        self._report_at, self._cpu = now, cpu

    def _wait(self, now: float) -> None:
        """Until something is finished, or it is time to look again."""
        self._finished.wait(pause_after(now - self._news_at))
        self._finished.clear()

    def _begin(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> Future[T]:
        """Have something done in the pool, and be woken when it is."""
        task = self._folding.submit(work, *args, **options)
        task.add_done_callback(lambda _: self._finished.set())
        return task

    def _outcome(self, task: Future[T], view: CompiledView, now: float) -> T | None:
        """What a task came to; None when it failed, and then the view is opened again: at once
        where another process was faster, else after a rest.
        """
        try:
            return task.result()
        except StaleWrite:
            return None
        except MainspringError as error:
            self._tell(error, now)
            self._resting[view.shard] = now + _REST_S
            return None

    @contextmanager
    def _telling(self, now: float) -> Iterator[None]:
        """Go on after a fault that may pass."""
        try:
            yield
        except MainspringError as error:
            self._tell(error, now)

    def _tell(self, error: MainspringError, now: float) -> None:
        """Say what is wrong, each fault once a minute."""
        if self._told.get(str(error), now) <= now:
            # What may be told again is forgotten: what an error says can be another each time.
            self._told = {said: until for said, until in self._told.items() if until > now}
            self._told[str(error)] = now + _TELL_S
            _LOG.warning("%s", error)

    def _resource(self, part: _Part) -> str:
        return f"fold:{self._consumer.store}:{part.shard}"
