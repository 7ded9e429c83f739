"""Write rows and files of a source, whoever brings them; the one way in."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast

import msgspec
import polars as pl

from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.tables import TableReader
from mainspring.sources.append_file import append_file
from mainspring.sources.append_push import Push, SourceRows
from mainspring.sources.check_file import refuse_broken_file
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.errors import (
    BrokenContract,
    FileMoved,
    NotInQuarantine,
    NotReleasable,
    UnknownOperation,
)
from mainspring.sources.files import part_files, scan_files, unreadable_as
from mainspring.sources.generation import Generation, Progress
from mainspring.sources.group_commit import GroupCommit, PushRequest
from mainspring.sources.missing import find_missing
from mainspring.sources.profile import ColumnProfile, profile_columns
from mainspring.sources.quarantine import QuarantinedRow, read_quarantine
from mainspring.sources.raw.copies import copy_file
from mainspring.sources.raw.log import find_file, name_of_refresh, raw_head, segment_record
from mainspring.sources.raw.segment import Operation, RawSegment, SegmentKind
from mainspring.sources.record import IngestJournal, JournaledCall, record_ingestions
from mainspring.sources.report import IngestReport, report_of

__all__ = ["CompiledSource", "IngestJournal", "IngestReport", "SourceRows", "SourceWriter"]

_ATTEMPTS = 20
_OPERATIONS = frozenset({"insert", "replace", "delete"})


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
        self.journal = journal
        self.generation = Generation(compiled, log=log, objects=objects, tables=tables)
        self.pushes = GroupCommit(self.generation.over(log), log=log, clock=clock)

    def recording(self, journal: IngestJournal) -> "SourceWriter":
        """The same writer with another journal; what is pushed to both is written together."""
        writer = copy(self)
        writer.journal, writer.generation = journal, self.generation.over(self._log)
        return writer

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
        [outcome] = self.pushes.write([self.request(rows, history=history, op=op, ahead=ahead)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def request(
        self,
        rows: SourceRows,
        *,
        history: bool = False,
        op: str | Sequence[str] = "",
        ahead: Micros = 0,
        written: bytes = b"",
    ) -> PushRequest:
        """Rows for `pushes`, which writes those of many callers together.

        Args:
            history, op, ahead: as of `write_rows`.
            written: the rows as JSON text, where they came so: see `Push.of`.

        Raises: UnknownOperation SRC-005, UnreadableRows SRC-006.
        """
        if not isinstance(rows, pl.DataFrame):
            self.compiled.require_rows(rows)
        operations, ignored = self._operations(op, len(rows)), self.compiled.ignored(rows)
        text = b"" if ignored else written
        return PushRequest(
            push=Push.of(self.compiled, rows, operations, written=text),
            history=history,
            ahead=ahead,
            journal=self.journal,
            ignored=ignored,
        )

    def write_file(
        self,
        path: Path,
        *,
        history: bool = False,
        op: str = "",
        name: str = "",
        shown: str = "",
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
            shown: what errors call it; default: the path.
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
        called = name or path.as_posix()
        with (
            unreadable_as(path),
            copy_file(path, name=called, objects=self._objects) as (kept, local),
        ):
            if expected and kept.digest != expected:
                raise FileMoved(source=self.compiled.source.name, path=kept.path)
            refuse_broken_file(self.compiled, local, shown=shown or str(path))
            segment = msgspec.structs.replace(
                self._segment("file", history=history), operation=operation
            )
            reasons = append_file(
                kept,
                local,
                segment,
                generation=self.generation,
                log=self._log,
                progress=progress or (lambda *_: None),
            )
            profile = _profile(self.compiled, local)
            columns = scan_files(self.compiled.source, local).head(0).collect()
        report = replace(
            report_of(before, self.generation.tally(), reasons),
            first_offset=head,
            next_offset=self._log.head(self.generation.facts),
            ignored=self.compiled.ignored(columns),
            profile=profile,
        )
        last = find_file(self.generation.raw, self._log, kept.path)
        self._record(report, {last.offset} if last else set(), is_retry=report.duplicates > 0)
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
        segment = self._append_marker(
            msgspec.structs.replace(
                self._segment(kind, history=False), rows_in_quarantine=tuple(raw_offsets)
            )
        )
        self.generation.follow()
        report = replace(
            report_of(before, self.generation.tally(), Counter()),
            first_offset=head,
            next_offset=self._log.head(self.generation.facts),
        )
        self._record(report, {segment})
        return report

    def _append_marker(self, segment: RawSegment, *, name: str = "") -> int:
        """Append a segment without rows; where.  Raises: StaleWrite ENG-004."""
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
                return head.offset
        raise AssertionError("the last attempt returns or raises")

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
        if is_gone:
            self._write_gone(path)
        if missing.is_empty():
            return IngestReport()
        return self.write_rows(missing, history=True, op="delete")

    def _write_gone(self, path: str) -> None:
        """Write that a file is read as one without rows: should it come back, even as it was, what
        it says is news.
        """
        last = find_file(self.generation.raw, self._log, path)
        if last is None or last.segment.file is None or self.generation.is_void(last):
            return
        empty = msgspec.structs.replace(
            last.segment.file,
            size_bytes=0,
            modified_ns=0,
            digest=Digest("sha256:" + sha256(b"").hexdigest()),
            pieces=(),
        )
        segment = self._segment("file", history=True)
        self._append_marker(
            msgspec.structs.replace(segment, operation="upsert", file=empty, previous=last.offset)
        )

    def _operations(self, op: str | Sequence[str], rows: int) -> tuple[Operation, ...]:
        """The operation of each row.  Raises: UnknownOperation SRC-005."""
        if op == "":
            insert: Operation = "insert"
            return (insert,) * rows
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

    def _segment(self, kind: SegmentKind, *, history: bool) -> RawSegment:
        journal = self.journal
        return RawSegment(
            kind=kind,
            start=0,
            rows=0,
            appended_at=self._clock.now(),
            actor=journal.actor if journal else Actor(""),
            environment=journal.environment if journal else "",
            history=history,
        )

    def _record(self, report: IngestReport, segments: set[int], *, is_retry: bool = False) -> None:
        """Record in the journal who wrote which records; a call that changed nothing has no entry,
        but writes those that it finds missing.
        """
        if self.journal is not None:
            # After the rows, in another store: a crash in between leaves rows without an entry,
            # which the next call finds.
            call = JournaledCall(report, self.journal, segments, is_retry)
            record_ingestions([call], generation=self.generation, log=self._log)


def _profile(compiled: CompiledSource, path: Path) -> tuple[ColumnProfile, ...]:
    return profile_columns(compiled.converted(scan_files(compiled.source, path)), compiled.schema)
