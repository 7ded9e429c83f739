"""Feature sets: features under one name, stored as they are declared, so that whoever reads them by
that name needs no project.
"""

from collections.abc import Iterator, Mapping

import msgspec

from mainspring.datasets.definition import render_feature_set_definition
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.identity import Digest
from mainspring.features.spec import FeatureSet
from mainspring.flow.step import StepOutcome
from mainspring.project.faults.feature_sets import feature_set_faults
from mainspring.project.faults.features import feature_names
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.definition import feature_set_definition_of
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.environment import Build

__all__ = ["BuildFeatureSet", "FeatureSetKind"]


class BuildFeatureSet(StageRecord, frozen=True, kw_only=True, tag="build_feature_set"):
    """Store what a feature set names, with the definitions of its views."""


class FeatureSetKind(Kind[FeatureSet]):
    """Feature sets.  Their build is their definition: their values are those of their views."""

    name, declares, stages = "feature_set", FeatureSet, (BuildFeatureSet,)
    is_read_by_origin = True

    def own(self, declaration: Declaration) -> FeatureSet:
        """The declaration, as a feature set."""
        assert isinstance(declaration, FeatureSet)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its views, each once; a name that no project has resolved is none."""
        views = [each.view for each in self.own(declaration).features]
        found = [view for view in views if not isinstance(view, str)]
        return tuple({id(view): view for view in found}.values())

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """Names of nothing, features that are there twice, a name that a view has."""
        yield from feature_set_faults(self.own(declaration), scope.declared)

    def renamed_from(self, declaration: Declaration) -> str:
        """What it was called before, where it says so."""
        return self.own(declaration).renamed_from

    def renamed_build(self, build: Build, asset: Asset, evaluation: Evaluation) -> Build:
        """The same views, with the set as it is called now in its definition."""
        definition = _definition(self.own(asset.declaration), evaluation)
        facts = {**build.facts, "definition": definition}
        return msgspec.structs.replace(build, asset=asset.name, facts=facts)

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """What the kernel's outcomes mean."""
        del declaration
        return {"semantics": context.semantics}

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """None: it reads no rows."""
        del asset, source_rows, known
        return None

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """One writing of the definition."""
        if inputs.is_rebuilt:
            yield BuildFeatureSet(
                **inputs.build_fields(asset, reason=reason),
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Store the definition for readers."""
        own = self.own(evaluation.assets[stage.asset].declaration)
        facts: dict[str, EventValue] = {
            "features": sum(
                len(each.columns or feature_names(each.view))
                for each in own.features
                if not isinstance(each.view, str)
            ),
            "definition": _definition(own, evaluation),
        }
        return evaluation.record(stage, stage.fingerprint, rows=0, inputs={}, facts=facts)


def _definition(feature_set: FeatureSet, evaluation: Evaluation) -> Digest:
    """The object with what the set is declared as."""
    definition = feature_set_definition_of(feature_set, evaluation.schemas, evaluation.assets)
    return evaluation.runtime.objects.write(render_feature_set_definition(definition))
