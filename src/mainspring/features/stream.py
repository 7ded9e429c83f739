"""Fold the log into online state.

A fold is a function of the accepted records alone: any batching gives the same bytes, and each key's pages depend on that key's records only, so that
partitions leave no trace either.  It takes records as the log has them, also those that become visible later, because a page keeps when each fact is seen
and the kernel decides at the read; so nothing waits for a timer.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from mainspring.elements.time import HOUR, Micros
from mainspring.features.gather import qualify_ids
from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, Ints
from mainspring.features.kernel.grow import TABLE_FIELDS, WRITTEN_PAGE
from mainspring.features.kernel.online import NOTE, grow_door
from mainspring.features.kernel.page import FACTS, HEAD_LEVEL, HEADER, OPEN_FACTS, TEXT_SHIFT
from mainspring.features.kernel.program import FOREVER
from mainspring.features.names import directory_key, page_key, partition_of, shard_of_partition, shards_of_partitions
from mainspring.features.pages import join_rows
from mainspring.features.records import Records, records_of
from mainspring.features.retract import Fact, iter_pages_below, take_back
from mainspring.features.view import CompiledView
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineWriter, Position, ShardCommit
from mainspring.ports.tables import TableReader
from mainspring.sources.read import iter_records
from mainspring.sources.topic import topic_of

__all__ = ["CLOCK_SLACK", "ViewFold", "drop_late_state", "fold_view", "horizon_at", "refold_view", "shards_of"]

CLOCK_SLACK: Micros = HOUR
"""How far the clocks of two processes that share a shard may lie apart before one must build it anew; state answers for the past at least so far back.

Clocks of machines differ, and the clock of an environment that looks at history starts again with each process.
"""

_ROWS_PER_COMMIT = 8_192

_Change = tuple[int, Mapping[bytes, bytes | None], Position]
"""A partition, its rows to put and to remove, and where it stands with them."""


def horizon_at(view: CompiledView, now: Micros) -> Micros:
    """The oldest event time that a read at `now` or later can need."""
    return -FOREVER if view.reach >= FOREVER else now - view.reach


def shards_of(view: CompiledView) -> list[str]:
    """The shards that hold the view's online state, one for each partition."""
    return list(shards_of_partitions(view.shard, view.partitions))


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
    fold = ViewFold(view, range(view.partitions) if only is None else only, log=log, online=online, now=now, tables=tables, before=before)
    for _ in fold.iter_steps({topic: log.head(topic) for topic in fold.topics}):
        pass
    return min(fold.positions.values(), key=lambda position: position.offsets)


def refold_view(view: CompiledView, *, log: LogReader, online: OnlineWriter, now: Micros, tables: TableReader | None = None) -> Position:
    """As `fold_view`, and built anew where the state has left out what a read at `now` needs: its clock was ahead of this one.

    Where other processes fold the same state, each goes on from where the others have got to.
    """
    while True:
        with suppress(StaleWrite):
            drop_late_state(view, shards_of(view), online=online, now=now)
            return fold_view(view, log=log, online=online, now=now - CLOCK_SLACK, tables=tables)


def drop_late_state(view: CompiledView, shards: Sequence[str], *, online: OnlineWriter, now: Micros) -> None:
    """Drop those of a view's shards that have left out what a read at `now` needs."""
    for shard in shards:
        position, _ = online.read(shard, [])
        if position is not None and position.kept_from > horizon_at(view, now):
            online.drop(shard)


class ViewFold:
    """Some partitions of a view on their way through the log.

    It knows how far each is, so that looking for news costs no read of the store.  What it knows is wrong once another process has folded one of them:
    then a step raises ENG-004, and the work goes on with a new one.

    Args:
        partitions: which; those without state begin with what a read at `now` can need.
        tables, before: as for `fold_view`.
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
        before: Micros = FOREVER,
    ) -> None:
        self.view, self._log, self._online, self._tables, self._before = view, log, online, tables, before
        self.positions = {partition: _open_shard(view, partition, online, now) for partition in partitions}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the view's sources."""
        return tuple(topic_of(source.name) for source in self.view.view.sources)

    def split(self) -> list["ViewFold"]:
        """One fold for each place in the log at which partitions stand."""
        places: dict[tuple[tuple[str, int], ...], dict[int, Position]] = {}
        for partition, position in self.positions.items():
            places.setdefault(position.offsets, {})[partition] = position
        return [self._with(positions) for positions in places.values()]

    def joined(self, other: "ViewFold") -> "ViewFold":
        """The partitions of both in one fold."""
        return self._with({**self.positions, **other.positions})

    def without(self, partitions: Collection[int]) -> "ViewFold":
        """The fold of its other partitions."""
        return self._with({partition: position for partition, position in self.positions.items() if partition not in partitions})

    def _with(self, positions: dict[int, Position]) -> "ViewFold":
        fold = copy(self)
        fold.positions = positions
        return fold

    def reached(self, topic: str) -> int:
        """The offset up to which every one of the partitions has folded a topic."""
        return min(position.offset(topic) for position in self.positions.values())

    def is_behind(self, heads: Mapping[str, int]) -> bool:
        """Whether a partition has something to fold below these heads of the topics."""
        return any(self.reached(topic) < heads[topic] for topic in self.topics)

    def iter_steps(self, heads: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """Fold up to these heads, and after each commit give the topic and how many of its records were folded.  Raises: ENG-004, ENG-011."""
        for source in self.view.view.sources:
            topic = topic_of(source.name)
            for group, start, stop in self._iter_groups(topic, heads[topic]):
                records = iter_records(topic, log=self._log, tables=self._tables, start=start, stop=stop, schema=self.view.schema)
                for frame in _iter_gathered(records):
                    self._commit(self._changes(group, qualify_ids(self.view, source, frame), topic))
                    yield topic, frame.height

    def _iter_groups(self, topic: str, head: int) -> Iterator[tuple[list[int], int, int]]:
        """Partitions that are equally far, and from where to where they go together: the last first, until all are at the head."""
        while self.positions and (low := self.reached(topic)) < head:
            offsets = {partition: position.offset(topic) for partition, position in self.positions.items()}
            group = [partition for partition, offset in offsets.items() if offset == low]
            yield group, low, min((offset for offset in offsets.values() if offset > low), default=head)

    def _changes(self, group: Sequence[int], frame: pl.DataFrame, topic: str) -> list[_Change]:
        """What one frame changes in partitions that stand at its beginning."""
        view, reached, seen = self.view, int(frame["_offset"][-1]) + 1, _largest(frame["_visible_at"])
        kept_from = min(self.positions[partition].kept_from for partition in group)
        records = records_of(view, frame.filter(frame["_event_time"].is_between(kept_from, self._before, closed="left")))
        places: dict[int, list[int]] = {partition: [] for partition in group}
        for place, name in enumerate(records.names):
            if (home := partition_of(name, view.partitions)) in places:
                places[home].append(place)
        changes = []
        for partition in group:
            before = self.positions[partition]
            offsets = tuple((name, reached if name == topic else offset) for name, offset in before.offsets)
            rows = _Growth(view, records, self._online, self._shard(partition)).rows_of(places[partition])
            changes.append((partition, rows, replace(before, offsets=offsets, visible_until=max(before.visible_until, seen))))
        return changes

    def _commit(self, changes: Sequence[_Change]) -> None:
        self._online.commit_all([ShardCommit(self._shard(partition), rows, self.positions[partition], position) for partition, rows, position in changes])
        self.positions |= {partition: position for partition, _, position in changes}

    def _shard(self, partition: int) -> str:
        return shard_of_partition(self.view.shard, partition, self.view.partitions)


def _open_shard(view: CompiledView, partition: int, online: OnlineWriter, now: Micros) -> Position:
    """Where a partition stands; one that has no state yet is given its first position."""
    shard = shard_of_partition(view.shard, partition, view.partitions)
    position, _ = online.read(shard, [])
    if position is None:
        offsets = tuple((topic_of(source.name), 0) for source in view.view.sources)
        position = Position(offsets, visible_until=-FOREVER, kept_from=horizon_at(view, now))
        online.commit(shard, {}, expected=None, position=position)
    return position


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


def _largest(moments: pl.Series) -> Micros:
    largest = moments.max()
    assert isinstance(largest, int)
    return largest


class _Growth:
    """The rows of a shard as they become through the records of one frame."""

    def __init__(self, view: CompiledView, records: Records, online: OnlineWriter, shard: str) -> None:
        self._view = view
        self._records = records
        self._online = online
        self._shard = shard
        self._rows: dict[bytes, bytes | None] = {}

    def rows_of(self, places: Sequence[int]) -> Mapping[bytes, bytes | None]:
        """The rows to put and to remove for the keys at these places."""
        records = self._records
        contested = set(places) & records.contested
        plain = [place for place in places if place not in contested] if contested else places
        self._grow([records.names[place] for place in plain], *records.of_names(plain))
        for place in sorted(contested):
            self._follow(records.names[place], records.of_name(place))
        return self._rows

    def _follow(self, name: bytes, rows: Ints) -> None:
        """Apply the records of one key one run after the other: a fact that is taken back must be there before."""
        waiting: list[int] = []
        for row in rows.tolist():
            if not self._records.retracts[row]:
                waiting.append(row)
                continue
            self._grow([name], *_run_of(waiting))
            waiting = []
            self._take_back(name, row)
        self._grow([name], *_run_of(waiting))

    def _take_back(self, name: bytes, row: int) -> None:
        words = self._records.words[row]
        fact = Fact(self._records.text_at(row, 0), int(words[EVENT_TIME]), int(words[VISIBLE_FROM]))
        self._rows |= take_back(self._view.tiles, name, self._fetch_rows([name, directory_key(name)]), fact=fact, fetch=partial(self._fetch_page, name))

    def _grow(self, names: Sequence[bytes], order: Ints, key_first: Ints) -> None:
        """Add facts to these keys: those at `order[key_first[k]] … order[key_first[k + 1]]` to the key k."""
        if not order.size:
            return
        heads = self._fetch_rows(names)
        # Only a head that will be full needs its directory: one change in sixteen.
        is_full = _open_facts(heads) + np.diff(key_first) >= OPEN_FACTS
        full = [name for name, fills in zip(names, is_full.tolist(), strict=True) if fills]
        directories = self._fetch_rows([directory_key(name) for name in full])
        old = join_rows([[row for row in (*heads, *directories) if row is not None]])
        payload = old.payload + self._records.texts
        payload += bytes(-len(payload) % 8)
        starts = np.full((len(names), 3), -1, dtype=np.int64)
        has_head = np.array([head is not None for head in heads])
        has_directory = np.flatnonzero(is_full)[[row is not None for row in directories]]
        count = int(has_head.sum())
        starts[has_head, 0] = old.starts[:count]
        starts[has_directory, 1], starts[has_directory, 2] = old.starts[count:-1], old.starts[count + 1 :]
        links = self._records.links + (len(old.payload) << TEXT_SHIFT)
        self._keep(names, *self._written(payload, starts, key_first, order, links))

    def _written(self, payload: bytes, starts: Ints, key_first: Ints, order: Ints, links: Ints) -> tuple[Ints, memoryview]:
        """What the kernel wrote: its table, and the bytes that the table's rows point into."""
        view, records = self._view, self._records
        words, texts = np.frombuffer(payload, dtype=np.int64), np.frombuffer(payload, dtype=np.uint8)
        room, listed = (
            2 * words.size + 4 * order.size * (records.words.shape[1] + links.shape[1] + 2) + starts.size * (HEADER + 2) + 65_536,
            2 * starts.shape[0] + order.size + 64,
        )
        kept = FOREVER if view.reach >= FOREVER else view.reach + CLOCK_SLACK
        while True:
            out, table = np.empty(room, dtype=np.int64), np.empty((listed, TABLE_FIELDS), dtype=np.int64)
            note = NOTE.copy()
            grow_door()(
                note, view.tiles.shape, view.tiles.lanes, words, texts, starts, key_first, order, records.words, links, kept, out, out.view(np.uint8), table
            )
            if note[0] >= 0:
                return table[: note[0]], out.data.cast("B")
            room, listed = 2 * room, 2 * listed

    def _keep(self, names: Sequence[bytes], table: Ints, written: memoryview) -> None:
        is_head = (table[:, 0] == WRITTEN_PAGE) & (table[:, 2] == HEAD_LEVEL)
        heads = table[is_head]
        self._rows.update(zip(names, [bytes(written[begin:end]) for begin, end in heads[:, 4:].tolist()], strict=True))
        for what, key, level, number, begin, end in table[~is_head].tolist():
            name = names[key]
            if what == WRITTEN_PAGE:
                self._rows[page_key(name, level, number)] = bytes(written[begin:end])
            else:
                for below in iter_pages_below(self._view.tiles, level, number, partial(self._fetch_page, name)):
                    self._rows[page_key(name, *below)] = None

    def _fetch_page(self, name: bytes, level: int, number: int) -> bytes:
        [page] = self._fetch_rows([page_key(name, level, number)])
        assert page is not None, f"page {level}/{number} of {name!r} is named by a tile and is gone"
        return page

    def _fetch_rows(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Rows as they are by now."""
        if not self._rows:
            return self._online.read(self._shard, keys)[1]
        absent = [key for key in keys if key not in self._rows]
        stored = dict(zip(absent, self._online.read(self._shard, absent)[1], strict=True)) if absent else {}
        return [self._rows[key] if key in self._rows else stored[key] for key in keys]


def _open_facts(heads: Sequence[bytes | None]) -> Ints:
    """How many facts each head has."""
    return np.array([0 if head is None else int.from_bytes(head[8 * FACTS : 8 * FACTS + 8], "little") for head in heads], dtype=np.int64)


def _run_of(rows: Sequence[int]) -> tuple[Ints, Ints]:
    return np.array(rows, dtype=np.int64), np.array([0, len(rows)], dtype=np.int64)
