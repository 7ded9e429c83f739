"""Sources: a file brought through its contract into the log, or a place that rows are pushed to."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.expression.operations.arithmetic import Arithmetic
from mainspring.elements.expression.tree import Literal
from mainspring.elements.identity import digest_of_value
from mainspring.elements.schema import Schema
from mainspring.elements.time import Micros
from mainspring.flow.step import StepOutcome
from mainspring.project.faults.features import source_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.project.loader.errors import UnreadableSource
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import CompiledSource, IngestJournal, IngestReport, SourceWriter
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["ImportSource", "SourceKind"]


class ImportSource(StageRecord, frozen=True, kw_only=True, tag="import_source"):
    """Bring a source's file through its contract into the log; `path` is None for a source that is
    only pushed to, which is registered.
    """

    path: str | None


class SourceKind(Kind[Source]):
    """Sources.  Their build is the log as far as it was read."""

    name, declares, stages = "source", Source, (ImportSource,)

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

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """The columns, a field for each, so that a plan names those that were added, dropped or
        retyped.
        """
        schema = context.schemas.get(declaration.name, Schema(()))
        columns = {f"schema.{field.name}": [field.dtype.value, field.nullable] for field in schema}
        return {"schema": sorted(schema.names), **columns}

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

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """Those of the source itself."""
        del known
        return source_rows.get(asset.declaration.name)

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """One import."""
        if inputs.is_rebuilt:
            yield ImportSource(
                identity=inputs.identity,
                asset=asset.name,
                fingerprint=asset.build_fingerprint,
                after=inputs.after,
                reason=reason,
                definition=asset.definition,
                is_assumed=asset.is_assumed,
                path=self.own(asset.declaration).path,
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Write the file through the contract, and bring the table up to the log."""
        assert isinstance(stage, ImportSource)
        runtime, source = evaluation.runtime, self.own(evaluation.assets[stage.asset].declaration)
        facts: dict[str, EventValue] = {}
        if stage.path is not None:
            facts = _facts_of(_import_file(source, stage, evaluation))
        topic = topic_of(source.name)
        head = materialize_table(topic, log=runtime.log, tables=runtime.tables)
        digest = digest_of_value([stage.fingerprint, topic, head])
        return evaluation.record(stage, digest, rows=head, inputs={topic: head}, facts=facts)


def _import_file(source: Source, stage: ImportSource, evaluation: Evaluation) -> IngestReport:
    runtime = evaluation.runtime
    journal = IngestJournal(
        runtime.state, runtime.project, evaluation.environment, runtime.actor, runtime.clock
    )
    writer = SourceWriter(
        CompiledSource(source, evaluation.schemas[source.name]),
        log=runtime.log,
        clock=runtime.clock,
        tables=runtime.tables,
        journal=journal,
    )
    return writer.write_file(
        Path(evaluation.root) / (stage.path or ""),
        history=True,
        progress=lambda done, total: evaluation.progress(stage.asset, done, total),
    )


def _facts_of(report: IngestReport) -> dict[str, EventValue]:
    facts: dict[str, EventValue] = {
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "quarantined": sum(report.quarantined.values()),
    }
    if report.quarantined:
        reasons = sorted(report.quarantined.items())
        facts["reasons"] = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
    return facts
