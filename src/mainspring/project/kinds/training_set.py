"""Training sets: features and labels joined to a spine, each row as of its prediction time."""

from collections.abc import Iterator, Mapping

import msgspec

from mainspring.datasets.build import build_training_set
from mainspring.datasets.definition import (
    compile_training_set_definition,
    render_training_set_definition,
)
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.stored import render_stored
from mainspring.features.history.reader import HistoryReader
from mainspring.flow.step import StepOutcome
from mainspring.project.faults.datasets import training_set_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.definition import training_set_definition_of
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.sources.facts import scan_source_rows
from mainspring.sources.topic import topic_of

__all__ = ["BuildTrainingSet", "TrainingSetKind"]


class BuildTrainingSet(StageRecord, frozen=True, kw_only=True, tag="build_training_set"):
    """Join features and labels to the spine, each row as of its prediction time."""

    spine: str


class TrainingSetKind(Kind[TrainingSet]):
    """Training sets.  Their build is the digest of their rows."""

    name, declares, stages = "training_set", TrainingSet, (BuildTrainingSet,)

    def own(self, declaration: Declaration) -> TrainingSet:
        """The declaration, as a training set."""
        assert isinstance(declaration, TrainingSet)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its spine first, the source of its labels, its views; each once."""
        own = self.own(declaration)
        found: tuple[Declaration, ...] = (own.spine, own.label.source, *own.features)
        return tuple({id(parent): parent for parent in found}.values())

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """What is wrong with split, features, request and label."""
        yield from training_set_faults(self.own(declaration), scope.schemas)

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """What the kernel's outcomes mean."""
        del declaration
        return {"semantics": context.semantics}

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """Those of the spine."""
        del known
        return source_rows.get(self.own(asset.declaration).spine.name)

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """One join."""
        if inputs.is_rebuilt:
            yield BuildTrainingSet(
                **inputs.build_fields(asset, reason=reason),
                spine=asset.parents[0],
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Build the rows from the log as far as it reaches now, and store them with their card."""
        runtime, own = evaluation.runtime, self.own(evaluation.assets[stage.asset].declaration)
        definition = training_set_definition_of(own, evaluation.schemas, evaluation.assets)
        compiled = compile_training_set_definition(definition)
        topics = [topic_of(source.stream) for source in compiled.sources]
        heads = {topic: runtime.log.head(topic) for topic in topics}
        built = build_training_set(
            compiled,
            HistoryReader(
                scan=lambda source, query: scan_source_rows(
                    source,
                    query,
                    log=runtime.log,
                    tables=runtime.tables,
                    until=heads[topic_of(source.stream)],
                ),
                memory_bytes=evaluation.history_bytes,
            ),
            inputs=heads,
            now=runtime.data_clock.now(),
        )
        objects, card = runtime.objects, built.card
        objects.write(built.payload)
        facts: dict[str, EventValue] = {
            "card": objects.write(render_stored(card)),
            "definition": objects.write(render_training_set_definition(definition)),
            "fitted": card.fitted,
            "tested": card.tested,
            "features": len(card.features),
            **{f"excluded: {reason}": count for reason, count in card.excluded.items()},
        }
        if not isinstance(card.negative_by_absence, msgspec.UnsetType):
            facts["negative by absence"] = card.negative_by_absence
        return evaluation.record(stage, card.digest, rows=card.rows, inputs=heads, facts=facts)
