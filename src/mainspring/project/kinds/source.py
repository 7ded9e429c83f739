"""Sources: a file brought through its contract into the log, or a place that rows are pushed to."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from mainspring.datasets.definition import SourceDefinition, render_source_definition
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.expression.operations.arithmetic import Arithmetic
from mainspring.elements.expression.tree import Literal
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.schema import Schema
from mainspring.elements.time import Micros
from mainspring.flow.step import StepOutcome
from mainspring.project.faults.features import source_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.data import DataChange
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.project.loader.errors import UnreadableSource
from mainspring.registry.environment import Build
from mainspring.registry.record import read_source_record, write_source_record
from mainspring.serving.state.generations import SourceGenerations
from mainspring.sources.errors import FileGaveNothing
from mainspring.sources.fold import materialize_table
from mainspring.sources.generation import Generation
from mainspring.sources.ingest import CompiledSource, IngestJournal, IngestReport, SourceWriter
from mainspring.sources.raw.adopt import adopt_facts
from mainspring.sources.raw.log import lies_under
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream, topic_of

__all__ = ["ImportSource", "ReadFiles", "SourceKind"]

_READ = "its file differs from what was read of it"


_DECISIONS = 1
"""The version of how a generation decides on rows; raised when the same rows would come to other
facts.
"""


class ReadFiles(StageRecord, frozen=True, kw_only=True, tag="read_files"):
    """Copy the files of a source that differ from what was read of them into its raw log.

    Args:
        files: what each must still be.
        deletes_missing: whether rows that a file has no more are deleted.
    """

    files: tuple[DataChange, ...]
    deletes_missing: bool = False


class ImportSource(StageRecord, frozen=True, kw_only=True, tag="import_source"):
    """Decide on the rows of a source's raw log by its definition; `path` is None for a source that
    is only pushed to.

    Args:
        files: those that are read for the first time.
        refreshes: which refresh of its file counts from now on.
    """

    path: str | None
    files: tuple[DataChange, ...] = ()
    refreshes: int = 0


class SourceKind(Kind[Source]):
    """Sources.  Their build is a generation of facts, as far as the raw log was read."""

    name, declares, stages = "source", Source, (ReadFiles, ImportSource)
    is_read_by_origin = True

    def own(self, declaration: Declaration) -> Source:
        """The declaration, as a source."""
        assert isinstance(declaration, Source)
        return declaration

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """A file that cannot be read, and what is wrong with ids, clocks and the contract."""
        source = self.own(declaration)
        if source.name in scope.unreadable:
            problem = scope.unreadable[source.name]
            yield UnreadableSource(name=source.name, problem=problem, at=source.declared_at)
        yield from source_faults(source, scope.schemas.get(source.name))

    def renamed_from(self, declaration: Declaration) -> str:
        """What it was called before, where it says so."""
        return self.own(declaration).renamed_from

    def renamed_build(self, build: Build, asset: Asset, evaluation: Evaluation) -> Build:
        """The same generation, with the source as it is called now in its definition."""
        definition = _definition(self.own(asset.declaration), evaluation)
        facts = {**build.facts, "definition": definition}
        return msgspec.structs.replace(build, asset=asset.name, facts=facts)

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """The columns, a field for each, so that a plan names those that were added, dropped or
        retyped.
        """
        schema = context.schemas.get(declaration.name, Schema(()))
        columns = {f"schema.{field.name}": [field.dtype.value, field.nullable] for field in schema}
        origin = context.origins.get(f"{self.name}.{declaration.name}")
        refreshed = {"refreshes": origin.refreshes} if origin and origin.refreshes else {}
        return {"decides": _DECISIONS, "schema": sorted(schema.names), **columns, **refreshed}

    def assumed_delay(self, declaration: Declaration) -> Micros | None:
        """The assumed delay of `known_at`, if it is assumed."""
        source = self.own(declaration)
        if not source.known_at_assumed:
            return None
        match source.known_at:
            case Arithmetic(right=Literal(value=int(delay))):
                return delay
            case _:
                return 0

    def is_timeless(self, declaration: Declaration) -> bool:
        """Whether it is a plain table."""
        return self.own(declaration).is_timeless

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """Those of the source itself."""
        del known
        return source_rows.get(asset.declaration.name)

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """Files that were read before are read first; then all rows are decided on."""
        source, after = self.own(asset.declaration), inputs.after
        is_first = inputs.is_rebuilt and not inputs.has_build
        is_first = is_first and all(change.change == "new" for change in inputs.files)
        if inputs.files and not is_first:
            read = [[change.path, change.digest] for change in inputs.files]
            identity = digest_of_value(["read_files", asset.build_fingerprint, read, inputs.log_at])
            after = (*after, identity)
            yield ReadFiles(
                identity=identity,
                asset=asset.name,
                fingerprint=asset.build_fingerprint,
                after=inputs.after,
                reason=_READ,
                files=inputs.files,
                deletes_missing=inputs.deletes_missing,
            )
        if inputs.is_rebuilt:
            yield ImportSource(
                identity=inputs.identity,
                asset=asset.name,
                fingerprint=asset.build_fingerprint,
                after=after,
                reason=reason,
                definition=asset.definition,
                is_assumed=asset.is_assumed,
                path=source.path,
                files=inputs.files if is_first else (),
                refreshes=source.refreshes,
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Read files, or decide on rows; and bring the table up to the log."""
        reader = _SourceReader(self._source(stage, evaluation), stage, evaluation)
        match stage:
            case ReadFiles():
                return reader.read(stage)
            case ImportSource():
                return reader.build(stage)
            case _:
                raise AssertionError(f"sources have no stage such as {stage}")

    def catch_up(self, asset: Asset, evaluation: Evaluation) -> None:
        """Decide on what came while the rest was built."""
        source, runtime = self.own(asset.declaration), evaluation.runtime
        _generation(source, evaluation).follow()
        materialize_table(topic_of(source.stream), log=runtime.log, tables=runtime.tables)

    def _source(self, stage: StageRecord, evaluation: Evaluation) -> Source:
        return self.own(evaluation.assets[stage.asset].declaration)


class _SourceReader:
    """Performs the stages of one source."""

    def __init__(self, source: Source, stage: StageRecord, evaluation: Evaluation) -> None:
        self._source, self._evaluation, self._runtime = source, evaluation, evaluation.runtime
        self._asset = stage.asset
        self._topic = topic_of(source.stream)

    def read(self, stage: ReadFiles) -> StepOutcome:
        """Copy files into the raw log, and let every generation decide on their rows."""
        report = self._read_files(stage.files, deletes_missing=stage.deletes_missing)
        self._follow_others()
        self._materialize()
        rows = sum(report.counts.values()) + report.duplicates
        return StepOutcome(facts=_facts_of(report), rows=rows)

    def build(self, stage: ImportSource) -> StepOutcome:
        """The generation of the source, with all of its raw log.

        Raises: FileGaveNothing SRC-031 where no row of its file is a fact.
        """
        adopt_facts(self._source, log=self._runtime.log, tables=self._runtime.tables)
        self._begin_refresh(stage.refreshes)
        report = self._read_files(stage.files)
        generation = self._generation
        reasons = generation.follow(progress=self._progress)
        report += IngestReport(quarantined=dict(reasons), next_offset=report.next_offset)
        self._follow_others()
        tally = generation.tally()
        if stage.path is not None and tally.accepted_of_files == 0:
            refused = Counter(report.quarantined).most_common()
            raise FileGaveNothing(
                source=self._source.name,
                path=stage.path,
                reasons=", ".join(f"{reason} {count:,}" for reason, count in refused)
                or "it has no rows",
                at=self._source.declared_at,
            )
        head = self._materialize()
        facts: dict[str, EventValue] = {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "quarantined": tally.quarantined,
            **_reasons_of(report),
            "stream": self._source.stream,
            **({"path": stage.path} if stage.path is not None else {}),
            "definition": _definition(self._source, self._evaluation),
        }
        digest = digest_of_value([stage.fingerprint, self._topic, head])
        inputs = {self._topic: head}
        return self._evaluation.record(stage, digest, rows=tally.rows, inputs=inputs, facts=facts)

    @property
    def _generation(self) -> Generation:
        return self._writer.generation

    @cached_property
    def _writer(self) -> SourceWriter:
        runtime = self._runtime
        journal = IngestJournal(
            runtime.state,
            runtime.project,
            self._evaluation.environment,
            runtime.actor,
            runtime.clock,
        )
        return SourceWriter(
            CompiledSource(self._source, self._evaluation.schemas[self._source.name]),
            log=runtime.log,
            clock=runtime.clock,
            objects=runtime.objects,
            tables=runtime.tables,
            journal=journal,
        )

    def _read_files(
        self, files: tuple[DataChange, ...], *, deletes_missing: bool = False
    ) -> IngestReport:
        report = IngestReport()
        for change in files:
            if change.digest is not None:
                report += self._writer.write_file(
                    Path(self._evaluation.root) / change.path,
                    history=True,
                    op="upsert",
                    name=change.path,
                    expected=change.digest,
                    progress=self._progress,
                )
        if files:
            held = self._record_files(files)
            for change in files if deletes_missing else ():
                is_gone = change.digest is None
                report += self._writer.delete_missing(change.path, is_gone=is_gone, held=held)
        return report

    def _record_files(self, files: tuple[DataChange, ...]) -> tuple[str, ...]:
        """Put on record which files were read; the paths of all that the source
        has now.
        """
        state = self._runtime.state
        log = log_of_stream(self._source.stream)
        record = read_source_record(state, log)
        read = {change.path for change in files if change.digest is not None}
        gone = {change.path for change in files if change.digest is None}
        known = tuple(sorted({*record.files, *read} - gone))
        if known != record.files:
            write_source_record(state, log, msgspec.structs.replace(record, files=known))
        path = self._source.path or ""
        return tuple(name for name in known if lies_under(name, path))

    def _begin_refresh(self, refreshes: int) -> None:
        state = self._runtime.state
        log = log_of_stream(self._source.stream)
        record = read_source_record(state, log)
        if refreshes > record.refreshes:
            assert self._source.path is not None
            # Those too that it had another path for, before it was edited.
            paths = sorted({self._source.path, *record.files})
            self._writer.supersede_files(paths, number=refreshes)
            write_source_record(state, log, msgspec.structs.replace(record, refreshes=refreshes))

    def _follow_others(self) -> None:
        runtime = self._runtime
        others = SourceGenerations(runtime.state, runtime.log, runtime.objects, runtime.tables)
        others.follow(log_of_stream(self._source.stream))

    def _materialize(self) -> int:
        return materialize_table(self._topic, log=self._runtime.log, tables=self._runtime.tables)

    def _progress(self, done: int, total: int) -> None:
        self._evaluation.progress(self._asset, done, total)


def _definition(source: Source, evaluation: Evaluation) -> Digest:
    """The object with what the source is declared as."""
    definition = SourceDefinition(source, evaluation.schemas[source.name])
    return evaluation.runtime.objects.write(render_source_definition(definition))


def _generation(source: Source, evaluation: Evaluation) -> Generation:
    runtime = evaluation.runtime
    return Generation(
        CompiledSource(source, evaluation.schemas[source.name]),
        log=runtime.log,
        objects=runtime.objects,
        tables=runtime.tables,
    )


def _facts_of(report: IngestReport) -> dict[str, EventValue]:
    return {
        "accepted": report.accepted,
        "revised": report.revised,
        "deleted": report.deleted,
        "duplicates": report.duplicates,
        "quarantined": sum(report.quarantined.values()),
        **_reasons_of(report),
    }


def _reasons_of(report: IngestReport) -> dict[str, EventValue]:
    reasons = sorted(report.quarantined.items())
    words = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
    return {"reasons": words} if words else {}
