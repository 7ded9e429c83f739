"""A generation of a source: what its raw log comes to under one definition of id, clocks and
contract.

It is a deterministic fold of the raw log: facts, quarantine and the tally of both move in one
transaction, so that a crash at any instant loses and doubles nothing, and a generation that is
built anew has the same facts as one that has followed all along.

Corrections name raw offsets: which rows they took back was decided when they came, by the
generation that answered.  Every other one takes back the same rows, whatever it calls them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

import polars as pl

from mainspring.elements.content import with_content
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectReader
from mainspring.ports.tables import TableReader
from mainspring.sources.ahead import iter_ahead
from mainspring.sources.batch import Batch, iter_batches, operations_alike
from mainspring.sources.compiled import CompiledSource, Prepared
from mainspring.sources.judge import TakenRows
from mainspring.sources.raw.body import decode_rows
from mainspring.sources.raw.copies import opened_copy
from mainspring.sources.raw.log import (
    RawHead,
    StoredSegment,
    find_refreshes,
    is_void,
    iter_segments,
    name_of_hits,
    raw_head,
    raw_start,
    segment_record,
)
from mainspring.sources.raw.rows import RawRowReader
from mainspring.sources.raw.segment import RawSegment, pack_hits, unpack_hits
from mainspring.sources.read import iter_records, spans_of
from mainspring.sources.refuse import departed_rows, refused_rows, with_raw
from mainspring.sources.sequence import Decision, Rules, plain_records, sequence
from mainspring.sources.spec import declared_delay
from mainspring.sources.tally import Tally, read_tally, tally_after, tally_records
from mainspring.sources.topic import quarantine_topic_of, raw_topic_of, tally_topic_of, topic_of

__all__ = ["Generation", "Progress"]

Progress = Callable[[int, int], None]
"""Called with the number of rows done, and of all rows."""

_ATTEMPTS = 20
_TALLIES = 1_000


class Generation:
    """One generation of a source.

    Args:
        compiled: the source, bound to the generation.
        objects: where copies of files lie.
        tables: where revisions find rows that the log has trimmed.
    """

    def __init__(
        self,
        compiled: CompiledSource,
        *,
        log: LogWriter,
        objects: ObjectReader,
        tables: TableReader | None = None,
    ) -> None:
        self.compiled, self._log, self._objects, self._tables = compiled, log, objects, tables
        stream = compiled.source.stream
        self.facts, self.quarantine = topic_of(stream), quarantine_topic_of(stream)
        self.tallies, self.raw = tally_topic_of(stream), raw_topic_of(stream)
        self._raw_rows = RawRowReader(compiled, log=log, objects=objects, topic=self.raw)
        # A record never changes, so what is the newest below a head stays that.
        self._newest = (0, Tally())
        self._end = RawHead(0, 0, 0)

    def over(self, log: LogWriter) -> "Generation":
        """The same generation in another log, such as one over its own that holds what waits."""
        other = Generation(self.compiled, log=log, objects=self._objects, tables=self._tables)
        other._newest, other._end = self._newest, self._end
        return other

    def remember(self, other: "Generation") -> None:
        """Take over where another one ended, which lies in this log now."""
        self._newest, self._end = other._newest, other._end

    def tally(self) -> Tally:
        """How far it has come, and what it has counted."""
        head = self._log.head(self.tallies)
        if head == 0:
            return Tally(segment=raw_start(self.raw, self._log))
        if self._newest[0] != head:
            self._newest = head, read_tally(self.tallies, self._log)
        return self._newest[1]

    def raw_head(self) -> RawHead:
        """Where its raw log ends."""
        if self._end.offset != self._log.head(self.raw):
            self._end = raw_head(self.raw, self._log)
        return self._end

    def heads(self) -> dict[str, int]:
        """Where its topics end."""
        return {
            topic: self._log.head(topic) for topic in (self.facts, self.quarantine, self.tallies)
        }

    def follow(self, *, progress: Progress = lambda *_: None) -> Counter[str]:
        """Decide on all rows of the raw log that it has not seen; for which reasons how many were
        refused.

        Raises:
            RetentionPassed: ENG-011 where rows that it needs were trimmed.
            StaleWrite: ENG-004, when it failed twenty times in a row and nobody came any further.
        """
        reasons, lost = Counter[str](), 0
        while (tally := self.tally()).segment < self._log.head(self.raw):
            try:
                reasons += self._fold(tally, progress)
            except StaleWrite:
                # Who is overtaken by another process that follows has lost nothing by it.
                lost = lost + 1 if self.tally() == tally else 0
                if lost == _ATTEMPTS:
                    raise
        return reasons

    def decide(self, batch: Batch) -> Decision:
        """The decision on a batch, on the present content of the log.

        Whoever appends it has read `heads` before: what another writer appends in between makes
        the append fail, and the decision is made anew.
        """
        prepared = self._prepared(batch)
        taken = self._taken(batch, prepared.kept)
        ids = prepared.kept["_id"].to_list() + list(taken.ids.values())
        known = self._log.find(self.facts, ids)
        return sequence(prepared, known, self._rules(batch), old_rows=self._old_rows, taken=taken)

    def plain_records(self, batch: Batch) -> pl.DataFrame:
        """The records of those rows of a batch that are facts whatever becomes of the others, with
        `_row`; only for a batch that inserts.
        """
        prepared = self._prepared(batch)
        known = self._log.find(self.facts, prepared.kept["_id"].to_list())
        return plain_records(prepared, known, self._rules(batch))

    def _prepared(self, batch: Batch) -> Prepared:
        prepared = batch.prepared or self.compiled.prepare(batch.rows, batch.operations or None)
        if self._is_of_first_release:
            kept = prepared.kept
            content = self.compiled.legacy_content(kept).alias("_content")
            prepared = Prepared(kept.with_columns(content), prepared.broken)
        return prepared

    def raw_offsets_of(self, offsets: Sequence[int]) -> dict[int, int]:
        """By offset of a fact, the raw offset of its row; without those of release 0.1, which had
        none.
        """
        if not offsets:
            return {}
        frame = self._old_rows(sorted(set(offsets)))
        return dict(frame.select("_offset", "_raw").drop_nulls().iter_rows())

    def records(
        self, decision: Decision, raw: pl.Series, *, is_read_again: bool = False
    ) -> dict[str, pl.DataFrame]:
        """The records of a decision by topic.

        Args:
            raw: the raw offset of each row of the batch; null for one that was not stored again.
            is_read_again: whether the rows are of a file that was read before: then those that
                somebody dropped from quarantine stay away.
        """
        found: dict[str, pl.DataFrame] = {}
        if decision.accepted.height:
            found[self.facts] = with_raw(decision.accepted, raw)
        if decision.quarantined.is_empty() and not decision.dropped:
            return found
        refused = refused_rows(
            decision.quarantined,
            raw,
            topic=self.quarantine,
            log=self._log,
            is_read_again=is_read_again,
        )
        # Who is accepted later than this has left quarantine.
        facts = pl.lit(self._log.head(self.facts), dtype=pl.Int64)
        gone = departed_rows([offset for _, offset in decision.dropped], refused)
        records = pl.concat([refused.with_columns(facts=facts), gone], how="diagonal")
        return found | {self.quarantine: records}

    def commit(
        self,
        records: Mapping[str, pl.DataFrame],
        tally: Tally,
        heads: Mapping[str, int],
        *,
        at: int,
    ) -> None:
        """Append records and tally in one transaction.  Raises: StaleWrite ENG-004."""
        self.commit_all(records, [tally], heads, at=at)

    def commit_all(
        self,
        records: Mapping[str, pl.DataFrame],
        tallies: Sequence[Tally],
        heads: Mapping[str, int],
        *,
        at: int,
        end: RawHead | None = None,
    ) -> None:
        """Append records, and the tallies that followed each other, in one transaction.

        Args:
            end: where the raw log ends then, where that is known.

        Raises: StaleWrite ENG-004.
        """
        batches = {**records, self.tallies: tally_records(tallies, at=at)}
        self._log.append(batches, expected={topic: heads[topic] for topic in batches})
        newest = heads[self.tallies] + len(tallies) - 1
        self._newest, self._end = (newest + 1, tallies[-1]), end or self._end
        if (newest + 1) // _TALLIES > heads[self.tallies] // _TALLIES:
            # Only the newest is ever read.
            self._log.trim(self.tallies, newest)

    def _fold(self, tally: Tally, progress: Progress) -> Counter[str]:
        """Decide on the segment that the tally names, or on some rows of it."""
        [stored] = iter_segments(self.raw, self._log, start=tally.segment, stop=tally.segment + 1)
        segment = stored.segment
        match segment.kind:
            case "rows":
                return self._fold_batch(tally, stored, self._batch_of(stored))
            case "file" if segment.rows and not self.is_void(stored):
                return self._fold_file(stored, progress)
            case "hits" if segment.answered_by != self.compiled.source.stream:
                return self._fold_taken(tally, stored)
            case "drop":
                return self._fold_taken(tally, stored)
            case "release":
                return self._fold_release(tally, stored)
            case _:
                return self._skip(tally, stored)

    def _skip(self, tally: Tally, stored: StoredSegment) -> Counter[str]:
        heads = self.heads()
        self._require(tally)
        self.commit({}, tally.at(stored.offset + 1), heads, at=stored.segment.appended_at)
        return Counter()

    def is_void(self, stored: StoredSegment) -> bool:
        """Whether, in this generation, a refresh has superseded the rows of a file."""
        refreshes = find_refreshes(self.raw, self._log, self.compiled.source.refreshes)
        return is_void(stored, refreshes)

    def _batch_of(self, stored: StoredSegment) -> Batch:
        segment = stored.segment
        operations = segment.operations or operations_alike(segment.operation, segment.rows)
        return Batch(
            rows=self.compiled.frame_of(decode_rows(stored.body, segment.encoding)),
            segment=segment,
            operations=operations,
            hits=unpack_hits(segment.hits),
        )

    def _fold_file(self, stored: StoredSegment, progress: Progress) -> Counter[str]:
        segment, reasons = stored.segment, Counter[str]()
        assert segment.file is not None
        with opened_copy(segment.file, self._objects) as path:
            # Rows are checked and digested while those before them are decided on and written.
            for batch in iter_ahead(iter_batches(self.compiled, segment, path)):
                reasons += self._fold_part(stored, batch)
                progress(batch.first + batch.rows.height, segment.rows)
        return reasons

    def _fold_part(self, stored: StoredSegment, batch: Batch) -> Counter[str]:
        """Decide on those rows of a part of a file on which no other process has meanwhile."""
        for _ in range(_ATTEMPTS):
            tally, height = self.tally(), batch.rows.height
            is_past = tally.segment > stored.offset
            done = height if is_past else max(tally.row - batch.first, 0)
            if done >= height:
                return Counter()
            with suppress(StaleWrite):
                return self._fold_batch(tally, stored, batch.after(done))
        raise StaleWrite(what=self.facts, expected="no other writer", found="twenty in a row")

    def _fold_batch(self, tally: Tally, stored: StoredSegment, batch: Batch) -> Counter[str]:
        segment, heads = stored.segment, self.heads()
        self._require(tally)
        if (tally.segment, tally.row) != (stored.offset, batch.first):
            raise StaleWrite(what=self.facts, expected=f"row {batch.first}", found="another")
        decision = self.decide(batch)
        if decision.overruled and segment.previous is not None:
            decision = self.decide(self._without_unchanged(batch, decision.overruled))
        after = tally_after(
            tally, decision, of_file=segment.file is not None, rows=batch.rows.height
        )
        reached = batch.first + batch.rows.height
        is_whole = reached >= segment.rows
        after = after.at(stored.offset + is_whole, 0 if is_whole else reached)
        raw = pl.int_range(batch.rows.height, eager=True) + batch.raw_offset
        records = self.records(decision, raw, is_read_again=segment.previous is not None)
        if hits := self._new_hits(batch, decision):
            records[self.raw] = segment_record(hits, name=name_of_hits(segment.start, batch.first))
            heads[self.raw] = self._log.head(self.raw)
        self.commit(records, after, heads, at=segment.appended_at)
        return Counter(decision.quarantined["reason"].to_list())

    def _without_unchanged(self, batch: Batch, overruled: Mapping[str, int]) -> Batch:
        """The batch with an insert for each row that the file had before as it is now: it says
        nothing new, and must not undo what was corrected meanwhile.
        """
        assert batch.segment.previous is not None
        [before] = iter_segments(
            self.raw,
            self._log,
            start=batch.segment.previous,
            stop=batch.segment.previous + 1,
        )
        said = self._raw_rows.contents(before, frozenset(overruled))
        now = with_content(self.compiled.prepare(batch.rows[list(overruled.values())]).kept)
        unchanged = {
            overruled[id_]
            for id_, content in now.select("_id", "_content").iter_rows()
            if content == said.get(id_)
        }
        operations = [
            "keep" if place in unchanged else operation
            for place, operation in enumerate(batch.operations)
        ]
        return replace(batch, operations=operations, prepared=None)

    def _new_hits(self, batch: Batch, decision: Decision) -> RawSegment | None:
        """What rows of a file take back, where this generation decides it and has not yet."""
        segment = batch.segment
        name = name_of_hits(segment.start, batch.first)
        if (
            segment.answered_by != self.compiled.source.stream
            or not decision.taken_back
            or self._log.find(self.raw, [name])
        ):
            return None
        raw = self.raw_offsets_of([o for found in decision.taken_back.values() for o in found])
        hits = {
            batch.first + row: [raw[offset] for offset in offsets if offset in raw]
            for row, offsets in decision.taken_back.items()
        }
        segment_of_hits = RawSegment(
            kind="hits",
            start=0,
            rows=0,
            appended_at=segment.appended_at,
            actor=segment.actor,
            environment=segment.environment,
            history=segment.history,
            hits=pack_hits(hits),
            answered_by=segment.answered_by,
        )
        return self.raw_head().placed(segment_of_hits)

    def _fold_taken(self, tally: Tally, stored: StoredSegment) -> Counter[str]:
        """Take back the rows that a file took back, or that somebody dropped from quarantine."""
        segment = stored.segment
        gone = segment.rows_in_quarantine or [
            offset for offsets in unpack_hits(segment.hits).values() for offset in offsets
        ]
        batch = Batch(rows=self.compiled.no_rows, segment=segment, hits={0: gone})
        self._fold_marker(tally, stored, batch)
        return Counter()

    def _fold_release(self, tally: Tally, stored: StoredSegment) -> Counter[str]:
        """Accept rows from quarantine, whatever their times and whatever else stands; each is
        visible from the release on.
        """
        segment = stored.segment
        rows = self._raw_rows.frame(segment.rows_in_quarantine)
        batch = Batch(rows=rows, segment=segment, operations=("replace",) * rows.height)
        self._fold_marker(tally, stored, batch)
        return Counter()

    def _fold_marker(self, tally: Tally, stored: StoredSegment, batch: Batch) -> None:
        segment, heads = stored.segment, self.heads()
        self._require(tally)
        decision = self.decide(batch)
        after = tally_after(tally, decision, of_file=False, rows=0).at(stored.offset + 1)
        raw = pl.Series(segment.rows_in_quarantine or [segment.start], dtype=pl.Int64)
        if segment.kind == "release":
            # Whatever becomes of the fact: its row does not come back to quarantine by itself.
            released = decision.accepted.filter(pl.col("_op") == "insert")["_row"].to_list()
            gone = [*decision.dropped, *((row, raw[row]) for row in released)]
            decision = replace(decision, dropped=gone)
        self.commit(self.records(decision, raw), after, heads, at=segment.appended_at)

    def _require(self, tally: Tally) -> None:
        """Raises: StaleWrite ENG-004 where another process has come further meanwhile."""
        if self.tally() != tally:
            raise StaleWrite(what=self.facts, expected=f"segment {tally.segment}", found="later")

    def _rules(self, batch: Batch) -> Rules:
        source, segment = self.compiled.source, batch.segment
        is_marker = segment.kind in ("release", "hits", "drop")
        skew = None if is_marker else source.clock_skew
        until = (
            None
            if skew is None
            else segment.appended_at + segment.ahead + skew + declared_delay(source.known_at)
        )
        return Rules(
            now=segment.appended_at,
            history=segment.history,
            lateness=None if is_marker else source.lateness,
            known_until=until,
            hits=batch.hits,
            deletes=frozenset(
                place for place, operation in enumerate(batch.operations) if operation == "delete"
            ),
        )

    def _taken(self, batch: Batch, kept: pl.DataFrame) -> TakenRows:
        """Where the rows lie that the batch took back when it came."""
        if not batch.hits:
            return TakenRows()
        first = batch.raw_offset
        wanted = {raw for offsets in batch.hits.values() for raw in offsets if raw < first}
        ids = self._raw_rows.ids(sorted(wanted))
        known = self._log.find(self.facts, sorted(set(ids.values())))
        raws = self.raw_offsets_of([each.offset for each in known.values()])
        standing = {
            raw: id_
            for raw, id_ in ids.items()
            if id_ in known and raws.get(known[id_].offset) == raw
        }
        return TakenRows(first, standing, dict(kept.select("_row", "_id").iter_rows()))

    def _old_rows(self, offsets: Sequence[int]) -> pl.DataFrame:
        """Records at these offsets, in their order; those that the log trimmed come from the
        table.
        """
        first = min(self._log.first(self.facts), offsets[-1] + 1)
        old = [offset for offset in offsets if offset < first]
        spans = [(old[0], old[-1] + 1)] if old else []
        spans += spans_of(offsets[len(old) :])
        wanted = pl.Series(offsets, dtype=pl.Int64).implode()
        frames = [
            frame.filter(pl.col("_offset").is_in(wanted))
            for start, stop in spans
            for frame in iter_records(
                self.facts,
                log=self._log,
                tables=self._tables,
                start=start,
                stop=stop,
                schema=self.compiled.schema,
            )
        ]
        found = pl.concat(frames, how="diagonal_relaxed")
        raw = [] if "_raw" in found.columns else [pl.lit(None, dtype=pl.Int64).alias("_raw")]
        return found.with_columns(*raw, _content=pl.lit(None, dtype=pl.Binary))

    @cached_property
    def _is_of_first_release(self) -> bool:
        """Whether the facts are those that release 0.1 began, which digested rows otherwise."""
        if self.compiled.source.bound_stream or not self._log.head(self.facts):
            return False
        first = self._log.first(self.facts)
        frames = self._log.read(self.facts, start=first, stop=first + 1)
        return any("_raw" not in frame.columns for frame in frames)
