"""Write rows to the log: prepare them, let the sequencer decide, and append records and quarantine
in one transaction.

Another writer may append between the decision and the append.  The log then refuses, and the
sequencer decides again on its present content: no lock, no lost row, and the same result as if the
other writer had come first.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StaleWrite
from mainspring.ports.log import LogWriter
from mainspring.ports.state import StateWriter
from mainspring.ports.tables import TableReader
from mainspring.sources.compiled import Cell, CompiledSource, Prepared
from mainspring.sources.files import count_rows, iter_rows, scan_files
from mainspring.sources.profile import ColumnProfile, profile_columns
from mainspring.sources.read import iter_records
from mainspring.sources.sequence import Decision, sequence
from mainspring.sources.spec import Source, declared_delay
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["CompiledSource", "IngestJournal", "IngestReport", "SourceRows", "SourceWriter"]

Progress = Callable[[int, int], None]
"""Called with the number of rows done, and of all rows."""

SourceRows = Sequence[Mapping[str, Cell]] | pl.DataFrame
"""Rows to write: mappings with instants as ISO 8601 text, datetimes or microseconds; or a
frame.
"""

_CHUNK_ROWS = 65_536
_ATTEMPTS = 20


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
        ignored: columns that the rows have and the source does not; they are not stored.
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

    A row is in the log, or in quarantine with its reason, when a call returns; a call that changed
    something is in the journal.

    Args:
        clock: the time of the data; a row becomes visible no earlier than it is appended.
        tables: where revisions find rows that the log has trimmed.
        journal: None for no journal, as in a simulation.
    """

    def __init__(
        self,
        compiled: CompiledSource,
        *,
        log: LogWriter,
        clock: Clock,
        tables: TableReader | None = None,
        journal: IngestJournal | None = None,
    ) -> None:
        self.compiled, self._log, self._clock, self._tables = compiled, log, clock, tables
        self._journal = journal

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
        frame = rows if isinstance(rows, pl.DataFrame) else self.compiled.frame_of(rows)
        report = replace(
            self._write(frame, history=history, op=op, ahead=ahead),
            ignored=self.compiled.ignored(rows),
        )
        self._record(report)
        return report

    def write_file(
        self,
        path: Path,
        *,
        history: bool = False,
        op: str = "",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Write a file or folder, in chunks; rows that the log has already are counted as
        duplicates, so it may be repeated at any time.

        Args:
            history, op: as of `write_rows`.
            progress: called with the rows that are done, and how many there are.

        Raises:
            SourceError: FileMissing SRC-001, FileUnreadable SRC-002, EmptyFolder SRC-003.
            StaleWrite: ENG-004, when other writers were faster twenty times in a row.
        """
        source = self.compiled.source
        total, head = count_rows(source, path), self._log.head(topic_of(source.name))
        report, done = IngestReport(first_offset=head, next_offset=head), 0
        for rows in iter_rows(source, path, rows=_CHUNK_ROWS):
            # Each chunk is a transaction of its own; after a crash the import is started again, and
            # what is there counts as duplicates.
            written = self._write(rows, history=history, op=op)
            report += replace(written, ignored=self.compiled.ignored(rows))
            done += rows.height
            if progress is not None:
                progress(done, total)
        profile = _profile(self.compiled, path)
        report += IngestReport(next_offset=report.next_offset, profile=profile)
        self._record(report)
        return report

    def _write(
        self, rows: pl.DataFrame, *, history: bool, op: str | Sequence[str], ahead: Micros = 0
    ) -> IngestReport:
        operations = [op] * rows.height if op and isinstance(op, str) else op or None
        prepared = self.compiled.prepare(rows, operations)
        target = _Target(self.compiled, self._log, self._tables)
        return _ingest(target, prepared, now=self._clock.now(), history=history, ahead=ahead)

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


class _Target(NamedTuple):
    """The source that rows are written to, and its topics."""

    compiled: CompiledSource
    log: LogWriter
    tables: TableReader | None


def _ingest(
    target: _Target, prepared: Prepared, *, now: Micros, history: bool, ahead: Micros = 0
) -> IngestReport:
    # Optimistic: no lock is held while a batch is judged.  Twenty in a row is no bad luck any more,
    # and the caller hears of it.
    for attempt in range(_ATTEMPTS):
        try:
            return _ingest_once(target, prepared, now=now, history=history, ahead=ahead)
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _ingest_once(
    target: _Target, prepared: Prepared, *, now: Micros, history: bool, ahead: Micros
) -> IngestReport:
    source, log = target.compiled.source, target.log
    topic = topic_of(source.name)
    # Read before the identities: what another writer appends after this makes the append fail, and
    # the decision is made anew.
    head = log.head(topic)
    decision = sequence(
        prepared,
        log.find(topic, prepared.kept["_id"].to_list()) if head else {},
        now=now,
        history=history,
        lateness=source.lateness,
        known_until=None
        if source.clock_skew is None
        else now + ahead + source.clock_skew + declared_delay(source.known_at),
        old_rows=lambda offsets: _read_offsets(target, topic, offsets),
    )
    _append(decision, source=source, log=log, head=head)
    refused = decision.quarantined
    return IngestReport(
        accepted=decision.inserted,
        duplicates=decision.duplicates,
        revised=decision.revised,
        deleted=decision.deleted,
        unknown=decision.unknown,
        quarantined=dict(Counter(refused["reason"].to_list())) if refused.height else {},
        first_offset=head,
        next_offset=head + decision.accepted.height,
    )


def _append(decision: Decision, *, source: Source, log: LogWriter, head: int) -> None:
    batches, expected = {}, {}
    if decision.accepted.height:
        topic = topic_of(source.name)
        batches[topic], expected[topic] = decision.accepted, head
    if decision.quarantined.height:
        topic = quarantine_topic_of(source.name)
        position = log.head(topic)
        # The id of a refused row is its content: a file that is imported again adds nothing here.
        fresh = decision.quarantined.unique("_id", maintain_order=True)
        held = log.find(topic, fresh["_id"].to_list()) if position else {}
        fresh = fresh.filter(~pl.col("_id").is_in(list(held))) if held else fresh
        if fresh.height:
            batches[topic], expected[topic] = fresh, position
    if batches:
        # Records and quarantine in one transaction: a row is never in both, nor in neither.
        log.append(batches, expected=expected)


def _read_offsets(target: _Target, topic: str, offsets: Sequence[int]) -> pl.DataFrame:
    """Records at these offsets, in their order; those that the log trimmed come from the table."""
    first = min(target.log.first(topic), offsets[-1] + 1)
    old = [offset for offset in offsets if offset < first]
    frames = (
        [
            frame.filter(pl.col("_offset").is_in(old))
            for frame in _iter(target, topic, start=old[0], stop=old[-1] + 1)
        ]
        if old
        else []
    )
    frames += [
        frame
        for offset in offsets[len(old) :]
        for frame in _iter(target, topic, start=offset, stop=offset + 1)
    ]
    return pl.concat(frames, how="diagonal_relaxed")


def _iter(target: _Target, topic: str, *, start: int, stop: int) -> Iterator[pl.DataFrame]:
    return iter_records(
        topic,
        log=target.log,
        tables=target.tables,
        start=start,
        stop=stop,
        schema=target.compiled.schema,
    )


def _profile(compiled: CompiledSource, path: Path) -> tuple[ColumnProfile, ...]:
    return profile_columns(compiled.converted(scan_files(compiled.source, path)), compiled.schema)
