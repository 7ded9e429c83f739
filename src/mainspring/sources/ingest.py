"""Write rows of a source: into the raw log as they came, and in the same transaction as facts and
quarantine of the generation that answers.

Another writer may append between the decision and the append.  The log then refuses, and the
decision is made again on its present content: no lock, no lost row, and the same result as if the
other writer had come first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, cast

import msgspec
import polars as pl

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.state import StateWriter
from mainspring.ports.tables import TableReader
from mainspring.sources.check_file import refuse_broken_file
from mainspring.sources.compiled import Cell, CompiledSource
from mainspring.sources.errors import (
    BrokenContract,
    FileMoved,
    NotInQuarantine,
    NotReleasable,
    UnknownOperation,
    UnreadableRows,
)
from mainspring.sources.files import count_rows, iter_rows, part_files, scan_files
from mainspring.sources.generation import ROWS_AT_ONCE, Batch, Generation, Progress
from mainspring.sources.missing import find_missing
from mainspring.sources.profile import ColumnProfile, profile_columns
from mainspring.sources.quarantine import QuarantinedRow, read_quarantine
from mainspring.sources.raw.body import RawRows, chosen_rows, decode_rows, encode_rows
from mainspring.sources.raw.copies import copy_file
from mainspring.sources.raw.log import (
    find_file,
    name_of_body,
    name_of_refresh,
    raw_head,
    segment_record,
)
from mainspring.sources.raw.segment import (
    BodyEncoding,
    FileCopy,
    Operation,
    RawSegment,
    SegmentKind,
    pack_hits,
)
from mainspring.sources.refuse import lying_rows
from mainspring.sources.sequence import Decision
from mainspring.sources.tally import Tally, tally_after

__all__ = ["CompiledSource", "IngestJournal", "IngestReport", "SourceRows", "SourceWriter"]

SourceRows = Sequence[Mapping[str, Cell]] | pl.DataFrame
"""Rows to write: mappings with instants as ISO 8601 text, datetimes or microseconds; or a
frame.
"""

_ATTEMPTS = 20
_OPERATIONS = frozenset({"insert", "replace", "delete"})


@dataclass(frozen=True)
class IngestReport:
    """The result of an ingestion.

    Args:
        accepted: new facts; `revised` and `deleted` are counted apart.
        duplicates: rows that the log has already.
        unknown: deletes of facts that do not exist, which changed nothing.
        quarantined: how many rows were refused, by reason.
        first_offset: the head of the log before, `next_offset` after: the records between them are
            of this call unless another writer appended too.
        ignored: columns that the rows have and the source does not: they stay in the raw log, and
            no feature reads them.
        profile: of the whole file; empty for rows that were pushed.
    """

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    deleted: int = 0
    unknown: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    first_offset: int = 0
    next_offset: int = 0
    ignored: tuple[str, ...] = ()
    profile: tuple[ColumnProfile, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows changed something or were refused, by outcome."""
        return {
            "accepted": self.accepted,
            "revised": self.revised,
            "deleted": self.deleted,
            "quarantined": sum(self.quarantined.values()),
        }

    def __add__(self, later: "IngestReport") -> "IngestReport":
        return IngestReport(
            accepted=self.accepted + later.accepted,
            duplicates=self.duplicates + later.duplicates,
            revised=self.revised + later.revised,
            deleted=self.deleted + later.deleted,
            unknown=self.unknown + later.unknown,
            quarantined=dict(Counter(self.quarantined) + Counter(later.quarantined)),
            first_offset=self.first_offset,
            next_offset=later.next_offset,
            ignored=tuple(sorted({*self.ignored, *later.ignored})),
            profile=self.profile or later.profile,
        )


class IngestJournal(NamedTuple):
    """The journal of ingestions: who wrote which rows, in which project and environment.

    Args:
        clock: the time of the world, for the record.
    """

    state: StateWriter
    project: ProjectName
    environment: str
    actor: Actor
    clock: Clock


class SourceWriter:
    """Writes the rows of a source: rows and files, with the same arguments and defaults.  There is
    no other way to write them.

    A row is in the raw log, and a fact or in quarantine with its reason, when a call returns; a
    call that changed something is in the journal.

    Args:
        compiled: the source, bound to the generation that answers.
        clock: the time of the data; a row becomes visible no earlier than it is appended.
        objects: where copies of files go.
        tables: where revisions find rows that the log has trimmed.
        journal: None for no journal, as in a simulation.
    """

    def __init__(
        self,
        compiled: CompiledSource,
        *,
        log: LogWriter,
        clock: Clock,
        objects: ObjectWriter,
        tables: TableReader | None = None,
        journal: IngestJournal | None = None,
    ) -> None:
        self.compiled, self._log, self._clock, self._objects = compiled, log, clock, objects
        self._journal = journal
        self.generation = Generation(compiled, log=log, objects=objects, tables=tables)

    def write_rows(
        self,
        rows: SourceRows,
        *,
        history: bool = False,
        op: str | Sequence[str] = "",
        ahead: Micros = 0,
    ) -> IngestReport:
        """Write rows.

        Args:
            history: the rows are historical: they are visible from their `known_at` on, and not
                only from now.
            op: `insert`, `replace` or `delete`, for all rows or for each; default: insert.
            ahead: by how much the rows are written before their time, as a simulation does for an
                hour at once; that is not a clock error.

        Raises:
            UnknownOperation: SRC-005.
            UnreadableRows: SRC-006.
            StaleWrite: ENG-004, when other writers were faster twenty times in a row.
            RetentionPassed: ENG-011, for a revision of a fact whose row neither the log nor the
                table has.

        Cost: about 1 ms a call and 3 µs a row, and what the log takes.
        """
        if not isinstance(rows, pl.DataFrame):
            self.compiled.require_rows(rows)
        push = _Push.of(self.compiled, rows, self._operations(op, len(rows)))
        template = self._segment("rows", history=history, ahead=ahead)
        for attempt in range(_ATTEMPTS):
            try:
                report = self._push(push, template)
                break
            except StaleWrite:
                # Optimistic: no lock is held while a batch is judged.  Twenty in a row is no bad
                # luck any more, and the caller hears of it.
                if attempt == _ATTEMPTS - 1:
                    raise
        report = replace(report, ignored=self.compiled.ignored(rows))
        self._record(report)
        return report

    def write_file(
        self,
        path: Path,
        *,
        history: bool = False,
        op: str = "",
        name: str = "",
        expected: str = "",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Write a file: a copy of it goes into the object store, and its rows are facts or in
        quarantine; rows that the log has already are counted as duplicates, so it may be repeated
        at any time.

        Args:
            history, op: as of `write_rows`; `upsert`: rows that the file had before with other
                values are replaced, those that it had as they are change nothing.
            name: the path to remember it by; default: the path.
            expected: the digest that it must have.
            progress: called with the rows that are done, and how many there are.

        Raises:
            SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003,
                FileNotAccepted SRC-030 where all its rows break the contract, or more than the
                source allows: then nothing was written.
            FileMoved: SRC-033 where it has another digest than expected.
            StaleWrite: ENG-004, when other writers were faster twenty times in a row.
        """
        operation = cast("Operation", op or "insert")
        if operation != "upsert":
            self._operations(op, 0)
        before, head = self.generation.tally(), self._log.head(self.generation.facts)
        with copy_file(path, name=name or path.as_posix(), objects=self._objects) as (copy, local):
            if expected and copy.digest != expected:
                raise FileMoved(source=self.compiled.source.name, path=copy.path)
            refuse_broken_file(self.compiled, local, shown=str(path))
            reasons = self._write_copy(copy, local, operation, history=history, progress=progress)
            profile = _profile(self.compiled, local)
            columns = scan_files(self.compiled.source, local).head(0).collect()
        report = replace(
            _report(before, self.generation.tally(), reasons),
            first_offset=head,
            next_offset=self._log.head(self.generation.facts),
            ignored=self.compiled.ignored(columns),
            profile=profile,
        )
        self._record(report)
        return report

    def write_path(
        self, path: Path, *, history: bool = False, op: str = "", root: Path | None = None
    ) -> IngestReport:
        """Write a file, or each data file of a folder in their order; as `write_file`.

        Args:
            root: the folder that the names of files in it are relative to.
        """
        report = IngestReport()
        for number, part in enumerate(part_files(self.compiled.source, path)):
            whole = part.resolve()
            name = whole.as_posix()
            if root is not None and whole.is_relative_to(root.resolve()):
                name = whole.relative_to(root.resolve()).as_posix()
            written = self.write_file(part, history=history, op=op, name=name)
            report = report + written if number else written
        return report

    def supersede_files(self, paths: Sequence[str], *, number: int) -> None:
        """Write that the rows count no more which were read of these files, or of the files of
        these folders, in the generations that take this refresh into account.

        Args:
            number: of the refresh; the first of a source is 1.
        """
        segment = msgspec.structs.replace(
            self._segment("refresh", history=True), paths=tuple(paths)
        )
        self._append_marker(segment, name=name_of_refresh(number))

    def release_rows(self, raw_offsets: Sequence[int]) -> IngestReport:
        """Accept rows from quarantine although they came late or contradict what stands; each is
        visible from now on.

        Args:
            raw_offsets: of the rows; empty for all that can be released.

        Raises: NotInQuarantine SRC-035 for a row that is not there, NotReleasable SRC-036 for one
            that breaks the contract: correct it and push it again, or change the contract.
        """
        rows = self._in_quarantine(raw_offsets)
        broken = [row for row in rows.values() if row.code == BrokenContract.code]
        if raw_offsets and broken:
            raise NotReleasable(
                source=self.compiled.source.name, row=broken[0].raw, reason=broken[0].reason
            )
        chosen = [raw for raw, row in rows.items() if row.code != BrokenContract.code]
        return self._resolve("release", chosen)

    def drop_rows(self, raw_offsets: Sequence[int]) -> IngestReport:
        """Take rows out of quarantine for good: no later definition brings them back.

        Args:
            raw_offsets: of the rows; empty for all.

        Raises: NotInQuarantine SRC-035 for a row that is not there.
        """
        return self._resolve("drop", list(self._in_quarantine(raw_offsets)))

    def _in_quarantine(self, raw_offsets: Sequence[int]) -> dict[int, QuarantinedRow]:
        self.generation.follow()
        found = {row.raw: row for row in read_quarantine(self.compiled.source.stream, self._log)}
        for raw in raw_offsets:
            if raw not in found:
                raise NotInQuarantine(source=self.compiled.source.name, row=raw)
        return {raw: found[raw] for raw in sorted(set(raw_offsets) or found)}

    def _resolve(self, kind: Literal["release", "drop"], raw_offsets: list[int]) -> IngestReport:
        """Write what becomes of rows in quarantine, and let the generation decide on it."""
        if not raw_offsets:
            return IngestReport()
        before, head = self.generation.tally(), self._log.head(self.generation.facts)
        self._append_marker(
            msgspec.structs.replace(
                self._segment(kind, history=False), rows_in_quarantine=tuple(raw_offsets)
            )
        )
        self.generation.follow()
        report = replace(
            _report(before, self.generation.tally(), Counter()),
            first_offset=head,
            next_offset=self._log.head(self.generation.facts),
        )
        self._record(report)
        return report

    def _append_marker(self, segment: RawSegment, *, name: str = "") -> None:
        """Append a segment without rows.  Raises: StaleWrite ENG-004."""
        raw = self.generation.raw
        for attempt in range(_ATTEMPTS):
            head = raw_head(raw, self._log)
            try:
                self._log.append(
                    {raw: segment_record(head.placed(segment), name=name)},
                    expected={raw: head.offset},
                )
            except StaleWrite:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def delete_missing(self, path: str, *, is_gone: bool, held: Sequence[str] = ()) -> IngestReport:
        """Delete the facts that were read of a file and that it does not have any more, as it was
        read last; all of them where the file is gone.

        Args:
            held: the paths of the source's files: what another one of them has is not missing.
        """
        missing = find_missing(
            self.generation,
            path,
            is_gone=is_gone,
            held=held,
            log=self._log,
            objects=self._objects,
        )
        if missing.is_empty():
            return IngestReport()
        return self.write_rows(missing, history=True, op="delete")

    def _operations(self, op: str | Sequence[str], rows: int) -> tuple[Operation, ...]:
        """The operation of each row.  Raises: UnknownOperation SRC-005."""
        given = (op,) * rows if isinstance(op, str) else tuple(op)
        asked = {op} if isinstance(op, str) else set(op)
        unknown = sorted(asked - _OPERATIONS - {""})
        if unknown or len(given) != rows:
            found = f"{len(given)} operations for {rows} rows"
            raise UnknownOperation(
                source=self.compiled.source.name,
                found=f"operation {unknown[0]!r}" if unknown else found,
            )
        return tuple(cast("Operation", each or "insert") for each in given)

    def _segment(self, kind: SegmentKind, *, history: bool, ahead: Micros = 0) -> RawSegment:
        journal = self._journal
        return RawSegment(
            kind=kind,
            start=0,
            rows=0,
            appended_at=self._clock.now(),
            actor=journal.actor if journal else Actor(""),
            environment=journal.environment if journal else "",
            history=history,
            ahead=ahead,
        )

    def _push(self, push: "_Push", template: RawSegment) -> IngestReport:
        generation = self.generation
        generation.follow()
        heads = generation.heads() | {generation.raw: self._log.head(generation.raw)}
        tally, head = generation.tally(), raw_head(generation.raw, self._log)
        if tally.segment != head.offset:
            raise _ahead(generation.raw, tally.segment, head.offset)
        segment = head.placed(msgspec.structs.replace(template, rows=push.frame.height))
        batch = Batch(rows=push.frame, segment=segment, operations=push.operations_if_any)
        decision = generation.decide(batch)
        kept = self._places_to_store(push, decision)
        raw = _raw_offsets(kept, push.frame.height, head.rows)
        records = generation.records(decision, raw)
        after = tally_after(tally, decision, of_file=False, rows=push.frame.height)
        if kept:
            stored = self._stored(push, decision, kept, segment=segment, raw=raw)
            records[generation.raw] = stored
            after = after.at(head.offset + 1)
        if after != tally:
            generation.commit(records, after, heads, at=segment.appended_at)
        return replace(
            _report(tally, after, Counter(decision.quarantined["reason"].to_list())),
            first_offset=heads[generation.facts],
            next_offset=heads[generation.facts] + decision.accepted.height,
        )

    def _places_to_store(self, push: "_Push", decision: Decision) -> list[int]:
        """The places of the rows that the raw log does not have already."""
        quarantined = decision.quarantined
        if quarantined.is_empty() and not decision.repeated:
            return list(range(push.frame.height))
        ids = quarantined["_id"].to_list()
        lying = lying_rows(self.generation.quarantine, ids, self._log)
        refused = quarantined.select("_row", "_id").with_columns(
            again=pl.col("_id").is_in(list(lying)) | ~pl.col("_id").is_first_distinct()
        )
        again = {*decision.repeated, *refused.filter(pl.col("again"))["_row"].to_list()}
        # What a correction says again may correct something else under another definition.
        again = {place for place in again if push.operations[place] == "insert"}
        if again and push.has_other_columns:
            # What no definition reads today may tell two rows apart tomorrow: they are alike for
            # sure only where the whole push has come before.
            name = name_of_body(push.body)
            if not self._log.find(self.generation.raw, [name]):
                again = set()
        return [place for place in range(push.frame.height) if place not in again]

    def _stored(
        self,
        push: "_Push",
        decision: Decision,
        kept: list[int],
        *,
        segment: RawSegment,
        raw: pl.Series,
    ) -> pl.DataFrame:
        """The record of the rows that are stored, with what they took back."""
        taken = [offset for offsets in decision.taken_back.values() for offset in offsets]
        raws = self.generation.raw_offsets_of(taken)
        hits: dict[int, list[int]] = {}
        for place in {*decision.taken_back, *decision.taken_in_batch}:
            found = [raws[o] for o in decision.taken_back.get(place, ()) if o in raws]
            found += [raw[other] for other in decision.taken_in_batch.get(place, ())]
            if push.operations[place] != "insert":
                hits[raw[place] - segment.start] = found
        operations = tuple(push.operations[place] for place in kept)
        is_uniform = len(set(operations)) == 1
        is_whole = len(kept) == push.frame.height
        body = push.body if is_whole else encode_rows(chosen_rows(push.rows, kept))
        stored = msgspec.structs.replace(
            segment,
            rows=len(kept),
            size_bytes=len(body),
            operation=operations[0] if is_uniform else "insert",
            operations=() if is_uniform else operations,
            encoding=push.encoding,
            hits=pack_hits(hits),
        )
        name = name_of_body(push.body) if push.has_other_columns else ""
        return segment_record(stored, body, name=name)

    def _write_copy(
        self,
        copy: FileCopy,
        local: Path,
        operation: Operation,
        *,
        history: bool,
        progress: Progress | None,
    ) -> Counter[str]:
        """Append the segment of a file and decide on its rows; where the file is as it was the last
        time and brings nothing new, only count them.
        """
        generation = self.generation
        generation.follow()
        for attempt in range(_ATTEMPTS):
            head = raw_head(generation.raw, self._log)
            previous = find_file(generation.raw, self._log, copy.path)
            if previous and generation.is_void(previous):
                previous = None
            same = previous is not None and _digest_of(previous.segment) == copy.digest
            if (
                same
                and (counts := self._count_again(local, operation, history=history)) is not None
            ):
                return counts
            segment = msgspec.structs.replace(
                head.placed(self._segment("file", history=history)),
                size_bytes=copy.size_bytes,
                rows=count_rows(self.compiled.source, local),
                operation=operation if previous or operation != "upsert" else "insert",
                file=copy,
                answered_by=self.compiled.source.stream,
                previous=previous.offset if previous else None,
            )
            try:
                self._log.append(
                    {generation.raw: segment_record(segment)},
                    expected={generation.raw: head.offset},
                )
                return generation.follow(progress=progress or (lambda *_: None))
            except StaleWrite:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _count_again(
        self, local: Path, operation: Operation, *, history: bool
    ) -> Counter[str] | None:
        """Count the rows of a file that was read before; None where some of them would change
        something.
        """
        generation, reasons = self.generation, Counter[str]()
        heads, tally = generation.heads(), generation.tally()
        after, segment = tally, self._segment("file", history=history)
        for rows in iter_rows(self.compiled.source, local, rows=ROWS_AT_ONCE):
            operations = () if operation == "insert" else (operation,) * rows.height
            decision = generation.decide(Batch(rows=rows, segment=segment, operations=operations))
            known = self._log.find(generation.quarantine, decision.quarantined["_id"].to_list())
            if (
                decision.accepted.height
                or decision.quarantined.filter(~pl.col("_id").is_in(list(known))).height
            ):
                return None
            after = tally_after(after, decision, of_file=True, rows=rows.height)
            reasons += Counter(decision.quarantined["reason"].to_list())
        generation.commit({}, after, heads, at=segment.appended_at)
        return reasons

    def _record(self, report: IngestReport) -> None:
        """Record in the journal who wrote which records; a call that changed nothing is not
        recorded.
        """
        counts = report.counts
        if self._journal is None or not any(counts.values()):
            return
        state, project, environment, actor, clock = self._journal
        event = Event(
            kind="rows.ingested",
            project=project,
            actor=actor,
            at=clock.now(),
            subject=f"source.{self.compiled.source.name}",
            environment=environment,
            facts={
                **counts,
                "first_offset": report.first_offset,
                "next_offset": report.next_offset,
            },
        )
        # After the rows, in another store: a crash in between loses the note of who brought them,
        # never a row.
        state.commit([], [event])


@dataclass(frozen=True, eq=False)
class _Push:
    """Rows that were pushed.

    Args:
        rows: as the raw log gives them back; `frame`: as the source reads them.
        operations: of each row.
    """

    rows: RawRows
    body: bytes
    encoding: BodyEncoding
    frame: pl.DataFrame
    operations: tuple[Operation, ...]
    has_other_columns: bool

    @classmethod
    def of(
        cls, compiled: CompiledSource, rows: SourceRows, operations: tuple[Operation, ...]
    ) -> "_Push":
        """Read rows.  Raises: UnreadableRows SRC-006."""
        if isinstance(rows, pl.DataFrame):
            compiled.readable(rows)
        encoding: BodyEncoding = "arrow" if isinstance(rows, pl.DataFrame) else "json"
        try:
            body = _encoded(compiled, rows)
        except ValueError as error:
            problem = f"a row cannot be written: {error}"
            raise UnreadableRows(source=compiled.source.name, problem=problem) from error
        decoded = decode_rows(body, encoding)
        others = bool(compiled.ignored(decoded))
        return cls(decoded, body, encoding, compiled.frame_of(decoded), operations, others)

    @property
    def operations_if_any(self) -> tuple[Operation, ...]:
        """The operations, where one of them is no insert."""
        return self.operations if set(self.operations) - {"insert"} else ()


def _encoded(compiled: CompiledSource, rows: SourceRows) -> bytes:
    """Raises: UnreadableRows SRC-006, ValueError for what cannot be written."""
    try:
        return encode_rows(rows)
    except TypeError:
        # In a column that the source declares it is refused here; in others it is kept as text.
        compiled.frame_of(rows)
        return encode_rows(rows, is_lenient=True)


def _raw_offsets(kept: list[int], rows: int, first: int) -> pl.Series:
    """The raw offset of each row; null for one that is not stored again."""
    ranks = dict(zip(kept, range(first, first + len(kept)), strict=True))
    return pl.Series([ranks.get(place) for place in range(rows)], dtype=pl.Int64)


def _ahead(topic: str, expected: int, found: int) -> StaleWrite:
    return StaleWrite(what=topic, expected=f"offset {expected}", found=f"offset {found}")


def _digest_of(segment: RawSegment) -> str:
    return segment.file.digest if segment.file else ""


def _report(before: Tally, after: Tally, reasons: Counter[str]) -> IngestReport:
    return IngestReport(
        accepted=after.accepted - before.accepted,
        duplicates=after.duplicates - before.duplicates,
        revised=after.revised - before.revised,
        deleted=after.deleted - before.deleted,
        unknown=after.unknown - before.unknown,
        quarantined=dict(reasons),
    )


def _profile(compiled: CompiledSource, path: Path) -> tuple[ColumnProfile, ...]:
    return profile_columns(compiled.converted(scan_files(compiled.source, path)), compiled.schema)
