"""Feature views: online state built from the logs of their sources."""

from collections.abc import Iterator, Mapping

import msgspec

from mainspring.datasets.definition import render_view_definition
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.expression.aggregation import ORDERED
from mainspring.elements.identity import Digest
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.spec import FeatureView, Latest
from mainspring.features.state.stream import rematerialize_view
from mainspring.flow.step import StepOutcome
from mainspring.project.faults.entities import lookup_faults
from mainspring.project.faults.features import view_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.definition import compile_asset_view, view_definition_of
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import FeatureProof, Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.environment import Build
from mainspring.sources.topic import topic_of

__all__ = ["BuildView", "FeatureViewKind"]


class BuildView(StageRecord, frozen=True, kw_only=True, tag="build_view"):
    """Materialize the logs of the view's sources into its online state."""

    sources: tuple[str, ...]


class FeatureViewKind(Kind[FeatureView]):
    """Feature views.  Their build is their definition: state is named by its fingerprint."""

    name, declares, stages = "view", FeatureView, (BuildView,)
    is_read_by_origin = True

    def own(self, declaration: Declaration) -> FeatureView:
        """The declaration, as a feature view."""
        assert isinstance(declaration, FeatureView)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its sources, then the views that its keys are looked up in."""
        view = self.own(declaration)
        return (*view.sources, *view.lookups)

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """What is wrong with windows, features and keys."""
        view = self.own(declaration)
        yield from view_faults(view, scope.schemas)
        yield from lookup_faults(view, scope.schemas)

    def renamed_from(self, declaration: Declaration) -> str:
        """What it was called before, where it says so."""
        return self.own(declaration).renamed_from

    def renamed_build(self, build: Build, asset: Asset, evaluation: Evaluation) -> Build:
        """The same state, with the view as it is called now in its definition."""
        definition = _definition(self.own(asset.declaration), evaluation)
        facts = {**build.facts, "definition": definition}
        return msgspec.structs.replace(build, asset=asset.name, facts=facts)

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """What the kernel's outcomes mean."""
        del declaration
        return {"semantics": context.semantics}

    def proof(self, asset: Asset) -> FeatureProof | None:
        """Features are expressions: proven, some of them ordered."""
        view = self.own(asset.declaration)
        if isinstance(view.features, Latest):
            return FeatureProof(
                asset=asset.name, proven=view.features.columns, tested=(), hop_us=view.hop
            )
        return FeatureProof(
            asset=asset.name,
            proven=tuple(name for name, _ in view.features),
            tested=(),
            ordered=tuple(name for name, found in view.features if found.name in ORDERED),
            hop_us=view.hop,
        )

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """Those of all its sources, where all are known."""
        del known
        names = [source.name for source in self.own(asset.declaration).sources]
        rows = [source_rows[name] for name in names if name in source_rows]
        return sum(rows) if len(rows) == len(names) else None

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """One materialization."""
        if inputs.is_rebuilt:
            yield BuildView(
                **inputs.build_fields(asset, reason=reason),
                sources=asset.parents[: len(self.own(asset.declaration).sources)],
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Build the state beside the one that serves, and store the definition for readers."""
        runtime, view = evaluation.runtime, self.own(evaluation.assets[stage.asset].declaration)
        compiled = compile_asset_view(
            view, evaluation.schemas, evaluation.assets, partitions=evaluation.partitions
        )
        # Also where there is nothing to materialize yet: no consumer and no request shall wait for
        # a compiler.
        warm_online()
        position = rematerialize_view(
            compiled,
            log=runtime.log,
            online=runtime.online,
            now=runtime.data_clock.now(),
            tables=runtime.tables,
        )
        definition = _definition(view, evaluation)
        facts: dict[str, EventValue] = {"features": len(compiled.fields), "definition": definition}
        rows = sum(position.offset(topic_of(source.stream)) for source in view.sources)
        inputs = dict(position.offsets)
        return evaluation.record(stage, stage.fingerprint, rows=rows, inputs=inputs, facts=facts)

    def catch_up(self, asset: Asset, evaluation: Evaluation) -> None:
        """Fold what came while the rest was built."""
        runtime, view = evaluation.runtime, self.own(asset.declaration)
        rematerialize_view(
            compile_asset_view(
                view, evaluation.schemas, evaluation.assets, partitions=evaluation.partitions
            ),
            log=runtime.log,
            online=runtime.online,
            now=runtime.data_clock.now(),
            tables=runtime.tables,
        )


def _definition(view: FeatureView, evaluation: Evaluation) -> Digest:
    """The object with what the view is declared as."""
    definition = view_definition_of(view, evaluation.schemas, evaluation.assets)
    return evaluation.runtime.objects.write(render_view_definition(definition))
