"""What each stage of a plan does: one method per kind, each of them harmless to repeat.

A stage first writes what it makes under names that come from the content, and last the `build`
document that points at it; killed in between, it leaves objects that nothing names yet, and doing
it again writes the same bytes.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

import msgspec
import polars as pl

from mainspring.datasets.build import build_training_set, parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.datasets.definition import (
    compile_training_set_definition,
    render_training_set_definition,
    render_view_definition,
)
from mainspring.datasets.encoding import encode_frame, parse_encoding
from mainspring.datasets.predictions import parse_predictions
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.events import Event, EventValue
from mainspring.elements.identity import Digest, canonical_json, digest_of_value
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.spec import FeatureView
from mainspring.features.state.stream import rematerialize_view
from mainspring.flow.step import StepOutcome
from mainspring.gates.verdict import Verdict
from mainspring.monitoring.baseline import HoldoutPredictions, make_baseline, render_baseline
from mainspring.monitoring.spec import Monitor
from mainspring.ports.state import Change, Lease
from mainspring.project.apply.judge import judge_version, require_passed
from mainspring.project.apply.runtime import Runtime
from mainspring.project.loader.definition import (
    compile_declared,
    training_set_definition_of,
    view_definition_of,
)
from mainspring.project.loader.graph import Asset
from mainspring.project.loader.load import Project
from mainspring.project.plan.stages import (
    BuildBaseline,
    BuildTrainingSet,
    BuildView,
    ImportSource,
    JudgeGates,
    MoveEnvironment,
    PointerMove,
    Stage,
    TrainModel,
    stage_kind,
)
from mainspring.registry.environment import (
    AssetPointer,
    Build,
    StageDuration,
    build_key,
    definition_key,
    duration_key,
    environment_version_key,
    next_version,
)
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_build, read_environment
from mainspring.registry.register import register_version
from mainspring.sources.facts import read_facts
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import CompiledSource, SourceWriter
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of
from mainspring.training.spec import Model

__all__ = ["PlanEvaluator", "StageProgressCallback"]

StageProgressCallback = Callable[[str, int, int], None]
"""Told the asset, and how many rows of how many are done."""


@dataclass(frozen=True, eq=False)
class PlanEvaluator:
    """Performs stages for one environment.

    Args:
        lease: the right to move the environment, checked when it is moved.
        digests: the build of every asset that a stage of this run made or found, by asset; filled
            as the run goes.
        verdicts: those of this run, as they are reached.
    """

    project: Project
    tools: Runtime
    environment: str
    reason: str
    progress: StageProgressCallback
    lease: Lease
    digests: dict[str, Digest]
    verdicts: list[Verdict] = field(default_factory=list)

    def perform(self, stage: Stage) -> StepOutcome:
        """Do what the stage says.  Raises: what the verb behind it raises; a failed gate raises
        GAT-010 after its verdicts are on record.
        """
        started = time.process_time()
        outcome = self._dispatch(stage)
        cpu_s = time.process_time() - started + outcome.cpu_s
        duration = StageDuration(
            stage=stage_kind(stage),
            asset=stage.asset,
            rows=self._rows_read(stage, outcome),
            cpu_s=cpu_s,
        )
        self.tools.state.commit(
            [
                Change(
                    "duration",
                    duration_key(duration.stage, duration.asset),
                    canonical_json(duration),
                )
            ],
            [],
        )
        return StepOutcome(facts=outcome.facts, rows=outcome.rows, cpu_s=cpu_s)

    def _rows_read(self, stage: Stage, outcome: StepOutcome) -> int:
        """What a later estimate is scaled by: for everything about a model, the rows of its
        training set.
        """
        if not isinstance(stage, TrainModel | JudgeGates | BuildBaseline):
            return outcome.rows
        model = self.project.graph.assets[
            stage.model if isinstance(stage, BuildBaseline) else stage.asset
        ]
        return self._build_of(self.project.graph.assets[model.parents[0]]).rows

    def _dispatch(self, stage: Stage) -> StepOutcome:
        match stage:
            case ImportSource():
                return self._import(self._asset(stage), stage)
            case BuildView():
                return self._build_view(self._asset(stage))
            case BuildTrainingSet():
                return self._build_training_set(self._asset(stage))
            case TrainModel():
                return self._train(self._asset(stage))
            case JudgeGates():
                return self._judge(self._asset(stage), stage)
            case BuildBaseline():
                return self._build_baseline(self._asset(stage))
            case MoveEnvironment():
                return self._move(stage)
            case _:
                assert_never(stage)

    def _asset(self, stage: Stage) -> Asset:
        return self.project.graph.assets[stage.asset]

    def _import(self, asset: Asset, stage: ImportSource) -> StepOutcome:
        source = asset.declaration
        assert isinstance(source, Source)
        facts: dict[str, EventValue] = {}
        if stage.path is not None:
            writer = SourceWriter(
                CompiledSource(source, self.project.schemas[source.name]),
                log=self.tools.log,
                clock=self.tools.clock,
                tables=self.tools.tables,
            )
            report = writer.write_file(
                Path(self.project.declarations.root) / stage.path,
                history=True,
                progress=lambda done, total: self.progress(stage.asset, done, total),
            )
            facts = {
                "accepted": report.accepted,
                "duplicates": report.duplicates,
                "quarantined": sum(report.quarantined.values()),
            }
            facts |= (
                {
                    "reasons": ", ".join(
                        f"{reason} {count:,}"
                        for reason, count in sorted(report.quarantined.items())
                    )
                }
                if report.quarantined
                else {}
            )
        topic = topic_of(source.name)
        head = materialize_table(topic, log=self.tools.log, tables=self.tools.tables)
        return self._record(
            asset,
            digest_of_value([asset.build_fingerprint, topic, head]),
            rows=head,
            inputs={topic: head},
            facts=facts,
        )

    def _build_view(self, asset: Asset) -> StepOutcome:
        view = asset.declaration
        assert isinstance(view, FeatureView)
        tools, partitions = (
            self.tools,
            self.project.config.environments[self.environment].partitions,
        )
        compiled = compile_declared(self.project, view, partitions=partitions)
        # Also where there is nothing to fold yet: no consumer and no request shall wait for a
        # compiler.
        warm_online()
        position = rematerialize_view(
            compiled,
            log=tools.log,
            online=tools.online,
            now=tools.data_clock.now(),
            tables=tools.tables,
        )
        definition = tools.objects.write(
            render_view_definition(view_definition_of(self.project, view))
        )
        facts: dict[str, EventValue] = {"features": len(compiled.fields), "definition": definition}
        rows = sum(position.offset(topic_of(source.name)) for source in view.sources)
        return self._record(
            asset, asset.build_fingerprint, rows=rows, inputs=dict(position.offsets), facts=facts
        )

    def _build_training_set(self, asset: Asset) -> StepOutcome:
        training_set = asset.declaration
        assert isinstance(training_set, TrainingSet)
        definition = training_set_definition_of(self.project, training_set)
        compiled = compile_training_set_definition(definition)
        tools, schemas = self.tools, compiled.schemas
        heads = {
            topic_of(source.name): tools.log.head(topic_of(source.name))
            for source in compiled.sources
        }
        built = build_training_set(
            compiled,
            lambda source: read_facts(
                source,
                log=tools.log,
                tables=tools.tables,
                until=heads[topic_of(source.name)],
                schema=schemas[source.name],
            ),
            inputs=heads,
        )
        objects = self.tools.objects
        objects.write(built.payload)
        card, written = (
            objects.write(canonical_json(built.card)),
            objects.write(render_training_set_definition(definition)),
        )
        facts: dict[str, EventValue] = {
            "card": card,
            "definition": written,
            "fitted": built.card.fitted,
            "tested": built.card.tested,
        }
        facts |= {
            "features": len(built.card.features),
            **{f"excluded: {reason}": count for reason, count in built.card.excluded.items()},
        }
        return self._record(
            asset, built.card.digest, rows=built.card.rows, inputs=heads, facts=facts
        )

    def _train(self, asset: Asset) -> StepOutcome:
        model = asset.declaration
        assert isinstance(model, Model)
        built = self._build_of(self.project.graph.assets[asset.parents[0]])
        card = msgspec.json.decode(
            self.tools.objects.read(Digest(str(built.facts["card"]))), type=TrainingSetCard
        )
        code = digest_of_value(asset.definition.build.get("code", ""))
        trained = self.tools.trainer(model, card, fingerprint=asset.build_fingerprint, code=code)
        version = register_version(
            trained,
            definition=Digest(str(built.facts["definition"])),
            card=Digest(str(built.facts["card"])),
            state=self.tools.state,
            objects=self.tools.objects,
            project=self.tools.project,
            actor=self.tools.actor,
            at=self.tools.clock.now(),
            reason=self.reason,
        )
        facts: dict[str, EventValue] = {
            "version": version.label,
            **{name: round(value, 6) for name, value in trained.metrics.items()},
        }
        return self._record(
            asset,
            version.digest,
            rows=trained.fitted,
            inputs=dict(built.inputs),
            facts=facts,
            cpu_s=trained.cpu_s,
        )

    def _judge(self, asset: Asset, stage: JudgeGates) -> StepOutcome:
        model = asset.declaration
        assert isinstance(model, Model)
        version = self._digest_of(asset)
        verdicts = judge_version(
            model.gates,
            version,
            tools=self.tools,
            environment=stage.environment,
            policy=stage.policy_fingerprint,
            champion=stage.champion,
            declared_at={
                each.declaration.name: str(each.at)
                for each in self.project.graph.assets.values()
                if each.kind == "view"
            },
        )
        self.verdicts.extend(verdicts)
        require_passed(
            verdicts, read_version(self.tools.state, version), environment=stage.environment
        )
        return StepOutcome(
            facts={verdict.gate: verdict.summary for verdict in verdicts}, rows=len(verdicts)
        )

    def _build_baseline(self, asset: Asset) -> StepOutcome:
        monitor = asset.declaration
        assert isinstance(monitor, Monitor)
        version = read_version(
            self.tools.state, self._digest_of(self.project.graph.assets[asset.parents[0]])
        )
        objects = self.tools.objects
        fitted = parse_training_rows(objects.read(version.training_set)).filter(
            pl.col("_split") == "fit"
        )
        encoding = parse_encoding(objects.read(version.encoding))
        judged = parse_predictions(objects.read(version.predictions))
        baseline = make_baseline(
            encode_frame(fitted, encoding),
            encoding.column_names,
            times=fitted["_prediction_time"].to_numpy(),
            labels=fitted["_label"].cast(pl.Float64).to_numpy(),
            holdout=HoldoutPredictions(
                judged.scores, judged.labels, judged.frame["_prediction_time"].to_numpy()
            ),
        )
        digest = objects.write(render_baseline(baseline))
        return self._record(
            asset,
            digest,
            rows=fitted.height,
            inputs={},
            facts={"columns": len(baseline.features), "model": version.digest},
        )

    def _move(self, stage: MoveEnvironment) -> StepOutcome:
        current = read_environment(self.tools.state, self.environment)
        pointers = [self._pointer(move) for move in stage.moves]
        if not stage.removes and all(
            current.pointers.get(pointer.asset) == pointer for pointer in pointers
        ):
            return StepOutcome(
                facts={"version": current.version, "unchanged": True}, rows=len(pointers)
            )
        fresh = next_version(
            current,
            pointers,
            removed=stage.removes,
            by=self.tools.actor,
            at=self.tools.clock.now(),
            reason=self.reason,
        )
        payload = canonical_json(fresh)
        changes = [
            Change("environment", self.environment, payload),
            Change(
                "environment", environment_version_key(self.environment, fresh.version), payload, 0
            ),
            *self._definition_changes(stage.moves),
        ]
        event = self._event(
            "environment.moved", self.environment, {"version": fresh.version, "reason": self.reason}
        )
        self.tools.state.commit(changes, [event], lease=self.lease)
        return StepOutcome(facts={"version": fresh.version}, rows=len(pointers), cpu_s=0.0)

    def _pointer(self, move: PointerMove) -> AssetPointer:
        asset = self.project.graph.assets[move.asset]
        digest = (
            self._digest_of(asset)
            if asset.kind not in ("on_demand", "endpoint")
            else move.build_fingerprint
        )
        return AssetPointer(
            asset=move.asset,
            kind=move.kind,
            build_fingerprint=move.build_fingerprint,
            policy_fingerprint=move.policy_fingerprint,
            build_digest=digest,
        )

    def _definition_changes(self, moves: Iterable[PointerMove]) -> Iterator[Change]:
        """What was declared, kept so that a later plan can say what changed."""
        for move in moves:
            definition = self.project.graph.assets[move.asset].definition
            yield Change(
                "definition",
                definition_key(move.asset, move.build_fingerprint, move.policy_fingerprint),
                canonical_json(definition),
            )

    def _record(
        self,
        asset: Asset,
        digest: Digest,
        *,
        rows: int,
        inputs: Mapping[str, int],
        facts: Mapping[str, EventValue],
        cpu_s: float = 0.0,
    ) -> StepOutcome:
        """Put the build on record; the artifacts that it names are written already."""
        build = Build(
            asset=asset.name,
            fingerprint=asset.build_fingerprint,
            digest=digest,
            made_at=self.tools.clock.now(),
            inputs=dict(inputs),
            rows=rows,
            facts=dict(facts),
        )
        event = self._event(
            "build.made",
            asset.name,
            {"digest": digest, "fingerprint": asset.build_fingerprint, "rows": rows, **facts},
        )
        self.tools.state.commit(
            [
                Change(
                    "build", build_key(asset.name, asset.build_fingerprint), canonical_json(build)
                )
            ],
            [event],
        )
        self.digests[asset.name] = digest
        return StepOutcome(facts=dict(facts), rows=rows, cpu_s=cpu_s)

    def _event(self, kind: str, subject: str, facts: dict[str, EventValue]) -> Event:
        tools = self.tools
        at = tools.clock.now()
        return Event(
            kind=kind,
            project=tools.project,
            actor=tools.actor,
            at=at,
            subject=subject,
            environment=self.environment,
            facts=facts,
        )

    def _digest_of(self, asset: Asset) -> Digest:
        """The build of an asset: the one that this run made, else the newest of its definition."""
        if asset.name not in self.digests:
            self.digests[asset.name] = self._build_of(asset).digest
        return self.digests[asset.name]

    def _build_of(self, asset: Asset) -> Build:
        build = read_build(self.tools.state, asset.name, asset.build_fingerprint)
        assert build is not None, f"{asset.name} has no build, and no stage of the plan made one"
        return build
