"""Append several pushes in one transaction, each as if it had come alone, one after the other.

Most pushes are plain: every row fulfils the contract, comes in time, and has an id that nobody else
has.  What becomes of such a push depends on no other, so all of them are judged in one pass, and
only their places in the log are given in order.  Every other push is judged by itself, over a log
in which those before it lie already.  So the log has the same records, in the same order, as if
each push had been a transaction; the law is in `tests/laws/test_group_commit.py`.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.sources.append_push import Push, ahead_of_raw_log, append_push
from mainspring.sources.batch import Batch
from mainspring.sources.compiled import Cell
from mainspring.sources.errors import UnreadableRows
from mainspring.sources.generation import Generation
from mainspring.sources.pending_log import PendingLog
from mainspring.sources.raw.log import SegmentToStore, name_of_body, segment_records
from mainspring.sources.raw.segment import RawSegment
from mainspring.sources.report import IngestReport

__all__ = ["Appended", "PlacedPush", "append_group"]


class PlacedPush(NamedTuple):
    """A push, and its segment but for its rows and its place."""

    push: Push
    template: RawSegment


class Appended(NamedTuple):
    """What came of a push, and the segment that it became; None where the raw log had it all."""

    report: IngestReport
    segment: int | None


class _PlainRows(NamedTuple):
    """The records of those rows of a run that are facts whatever becomes of the others, in order.

    Args:
        bounds: of each push, the place of its first record among them; then, where they end.
        is_plain: of each push, whether all its rows are among them.
    """

    records: pl.DataFrame
    bounds: Sequence[int]
    is_plain: Sequence[bool]


def append_group(
    pushes: Sequence[PlacedPush], *, generation: Generation, log: LogWriter
) -> list[Appended | MainspringError]:
    """Append pushes in their order, in one transaction; what came of each, or why it was refused.

    Raises: StaleWrite ENG-004 where another writer was faster: do it again.

    Cost: about 20 µs a plain push and 3 µs a row, and what one transaction takes; another push,
        what it takes alone.
    """
    generation.follow()
    pending = PendingLog(log)
    group = _Group(generation.over(pending), pending)
    outcomes = [
        outcome
        for _, alike in groupby(pushes, key=_kind_of)
        for outcome in group.append(list(alike))
    ]
    pending.commit()
    generation.remember(group.generation)
    return outcomes


def _kind_of(placed: PlacedPush) -> object:
    """What neighbours have in common whose rows can be judged in one pass; a push that corrects
    something, or has no rows, has nothing in common with others.
    """
    push, template = placed.push, placed.template
    if not _can_be_plain(push):
        return id(push)
    stored = tuple(push.frame.schema.items()) if push.encoding == "arrow" else ()
    return push.encoding, stored, template.appended_at, template.history, template.ahead


def _can_be_plain(push: Push) -> bool:
    return push.height > 0 and not push.operations_if_any


class _Group:
    """Appends runs of pushes to a pending log."""

    def __init__(self, generation: Generation, log: PendingLog) -> None:
        self.generation, self._log = generation, log

    def append(self, run: Sequence[PlacedPush]) -> Iterator[Appended | MainspringError]:
        """Append a run; what came of each."""
        if not _can_be_plain(run[0].push):
            yield from map(self._append_alone, run)
            return
        rows = self._plain_rows(run)
        for is_plain, places in groupby(range(len(run)), key=rows.is_plain.__getitem__):
            if is_plain:
                yield from self._append_plain(run, list(places), rows)
            else:
                yield from (self._append_alone(run[place]) for place in places)

    def _append_alone(self, placed: PlacedPush) -> Appended | MainspringError:
        try:
            return Appended(
                *append_push(
                    placed.push, placed.template, generation=self.generation, log=self._log
                )
            )
        except StaleWrite:
            raise
        except MainspringError as error:
            return error

    def _plain_rows(self, run: Sequence[PlacedPush]) -> _PlainRows:
        frame, heights = _frame_of([placed.push for placed in run])
        if frame.is_empty():
            return _PlainRows(frame, [0] * (len(run) + 1), [False] * len(run))
        records = self.generation.plain_records(Batch(rows=frame, segment=run[0].template))
        rows = records["_row"].to_list()
        bounds = [bisect_left(rows, first) for first in accumulate(heights, initial=0)]
        is_plain = [
            0 < height == end - start
            for height, (start, end) in zip(heights, pairwise(bounds), strict=True)
        ]
        return _PlainRows(records, bounds, is_plain)

    def _append_plain(
        self, run: Sequence[PlacedPush], places: Sequence[int], rows: _PlainRows
    ) -> list[Appended | MainspringError]:
        """Append neighbours of which every row is a fact."""
        generation = self.generation
        heads = generation.heads()
        tally, raw = generation.tally(), generation.raw_head()
        if tally.segment != raw.offset:
            raise ahead_of_raw_log(generation.raw, tally.segment, raw.offset)
        first, last = rows.bounds[places[0]], rows.bounds[places[-1] + 1]
        facts = _with_raw(rows.records[first:last], raw.rows)
        times = facts["_event_time"].to_list()
        tallies, segments, outcomes = [], [], list[Appended | MainspringError]()
        for place in places:
            push, height = run[place].push, run[place].push.height
            segment = msgspec.structs.replace(
                raw.placed(run[place].template),
                rows=height,
                size_bytes=len(push.body),
                encoding=push.encoding,
            )
            name = name_of_body(push.body) if push.has_other_columns else ""
            segments.append(SegmentToStore(segment, push.body, name))
            at = rows.bounds[place] - first
            tally = tally.with_facts(height, newest=max(times[at : at + height]))
            tallies.append(tally.at(raw.offset + 1))
            report = IngestReport(
                accepted=height,
                first_offset=heads[generation.facts] + at,
                next_offset=heads[generation.facts] + at + height,
            )
            outcomes.append(Appended(report, raw.offset))
            raw = raw.after(segment)
        records = {generation.facts: facts, generation.raw: segment_records(segments)}
        heads[generation.raw] = raw.offset - len(places)
        generation.commit_all(records, tallies, heads, at=run[0].template.appended_at, end=raw)
        return outcomes


def _frame_of(pushes: Sequence[Push]) -> tuple[pl.DataFrame, list[int]]:
    """The rows of pushes of one kind, and how many each has there: none where they cannot be
    read.
    """
    try:
        return _joined(pushes), [push.height for push in pushes]
    except UnreadableRows:
        readable = [push for push in pushes if _is_readable(push)]
        held = set(map(id, readable))
        heights = [push.height if id(push) in held else 0 for push in pushes]
        return (_joined(readable) if readable else pl.DataFrame()), heights


def _joined(pushes: Sequence[Push]) -> pl.DataFrame:
    """Raises: UnreadableRows SRC-006."""
    if len(pushes) == 1 or pushes[0].encoding == "arrow":
        return pl.concat([push.frame for push in pushes])
    # A frame for each would take half of the time of a push of one row.
    return pushes[0].compiled.frame_of([row for push in pushes for row in _mappings(push)])


def _is_readable(push: Push) -> bool:
    try:
        return push.frame.height == push.height
    except UnreadableRows:
        return False


def _mappings(push: Push) -> Sequence[Mapping[str, Cell]]:
    assert not isinstance(push.rows, pl.DataFrame)
    return push.rows


def _with_raw(records: pl.DataFrame, first: int) -> pl.DataFrame:
    """Records with raw offsets from this one on in place of their places."""
    raw = pl.Series("_raw", np.arange(first, first + records.height))
    return pl.DataFrame([raw if each.name == "_row" else each for each in records.iter_columns()])
