"""Models: fitted in a process of their own, and judged by their gates."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import EventValue
from mainspring.elements.identity import Digest, digest_of_value, short
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.flow.step import StepOutcome
from mainspring.gates.definition import parse_gates
from mainspring.gates.judge import required_gates
from mainspring.govern.model_report import ARTIFACT_FACT
from mainspring.project.apply.judge import judge_version, require_passed
from mainspring.project.code.read_inputs import is_declared_input
from mainspring.project.code.walk import Unseen, describe_fit
from mainspring.project.faults.fits import fit_faults
from mainspring.project.faults.serving import model_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.environment import Build
from mainspring.registry.read import read_version
from mainspring.registry.register import register_version
from mainspring.training.outcome import FitLog
from mainspring.training.spec import Model

__all__ = ["JudgeGates", "ModelKind", "TrainModel"]


class TrainModel(StageRecord, frozen=True, kw_only=True, tag="train_model"):
    """Fit in a process of its own, and export."""

    training_set: str


class JudgeGates(StageRecord, frozen=True, kw_only=True, tag="judge_gates"):
    """Judge a model for one environment; its `reuses` is always None, for a verdict is bound to its
    champion.

    Args:
        version: the version that is judged; None for the one that this plan makes or has found.
        policy_fingerprint: what the verdicts will be bound to; the gates and their parameters are
            those of `definition`, which has this fingerprint.
        gates: their names, those that every model has among them.
        champion: the build deployed there now; None compares with the base rate.
    """

    version: Digest | None = None
    policy_fingerprint: Digest
    gates: tuple[str, ...]
    environment: str
    champion: Digest | None


class ModelKind(Kind[Model]):
    """Models.  Their build is a version."""

    name, declares, stages = "model", Model, (TrainModel, JudgeGates)

    def own(self, declaration: Declaration) -> Model:
        """The declaration, as a model."""
        assert isinstance(declaration, Model)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its training set."""
        return (self.own(declaration).training_set,)

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """What is wrong with its gates and its fit."""
        yield from model_faults(self.own(declaration), scope.schemas)
        yield from fit_faults(self.own(declaration), scope)

    def renamed_from(self, declaration: Declaration) -> str:
        """What it was called before, where it says so."""
        return self.own(declaration).renamed_from

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """The code of the fit, and the packages that it runs with."""
        model = self.own(declaration)
        return {
            "code": describe_fit(model.fit, context.code, context.version_of).words,
            "training_environment": context.training_environment,
            **{f"inputs.{path}": context.inputs.get(path, "") for path in model.inputs},
        }

    def unseen(self, declaration: Declaration, context: FingerprintContext) -> tuple[str, ...]:
        """What the fit reads without declaring it, and names that it computes."""
        model, root = self.own(declaration), Path(context.code.root)
        found = describe_fit(model.fit, context.code, context.version_of).unseen
        return tuple(
            _unseen(each, model.inputs)
            for each in found
            if not (each.file and is_declared_input(each.file, model.inputs, root))
        )

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """It is fitted if that is what changed, and judged in any case."""
        if inputs.is_rebuilt:
            yield TrainModel(
                **inputs.build_fields(asset, reason=reason),
                training_set=asset.parents[0],
            )
        environment, champion, after = inputs.environment, inputs.champion, inputs.judged_after
        bound = [asset.build_fingerprint, asset.policy_fingerprint, environment, champion, after]
        yield JudgeGates(
            identity=digest_of_value(["judge_gates", *bound]),
            asset=asset.name,
            fingerprint=asset.build_fingerprint,
            after=after,
            reason=reason,
            definition=asset.definition,
            parents=asset.definition.parents,
            is_assumed=asset.is_assumed,
            version=None if inputs.is_rebuilt else champion,
            policy_fingerprint=asset.policy_fingerprint,
            gates=tuple(gate.name for gate in required_gates(self.own(asset.declaration).gates)),
            environment=environment,
            champion=champion,
        )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Fit and register, or judge.  Raises: GatesFailed GAT-010, once verdicts are
        on record.
        """
        if isinstance(stage, JudgeGates):
            return _judge(stage, evaluation)
        assert isinstance(stage, TrainModel)
        return self._train(stage, evaluation)

    def rows_read(self, stage: StageRecord, outcome: StepOutcome, evaluation: Evaluation) -> int:
        """The rows of the training set, for all that is done to a model."""
        [training_set] = stage.parents
        del outcome
        return evaluation.build_of(training_set, stage.parents[training_set]).rows

    def notes(self, stage: StageRecord) -> tuple[str, ...]:
        """How many gates, and the champion."""
        if not isinstance(stage, JudgeGates):
            return ()
        against = short(stage.champion) if stage.champion else "the base rate"
        return (f"{len(stage.gates)} gates against {against}",)

    def _train(self, stage: TrainModel, evaluation: Evaluation) -> StepOutcome:
        runtime, model = evaluation.runtime, self.own(evaluation.assets[stage.asset].declaration)
        built = evaluation.build_of(stage.training_set, stage.parents[stage.training_set])
        card, definition = _stored(built, "card"), _stored(built, "definition")
        assert stage.definition is not None
        trained = runtime.trainer(
            model,
            parse_stored(runtime.objects.read(card), TrainingSetCard),
            fingerprint=stage.fingerprint,
            code=digest_of_value(stage.definition.build.get("code", "")),
        )
        version = register_version(
            trained.manifest(definition=definition, card=card),
            state=runtime.state,
            objects=runtime.objects,
            project=runtime.project,
            actor=runtime.actor,
            at=runtime.clock.now(),
            reason=evaluation.reason,
            first_name=evaluation.assets[stage.asset].origin,
        )
        metrics = {name: round(value, 6) for name, value in trained.metrics.items()}
        # Named one by one: garbage collection leaves what a document names.
        kept = {ARTIFACT_FACT + name: digest for name, digest in trained.artifacts.items()}
        kept |= {"logged": runtime.objects.write(render_stored(FitLog(metrics=trained.logged)))}
        kept |= {"transcript": trained.transcript} if trained.transcript else {}
        facts: dict[str, EventValue] = {"version": version.label, **metrics, **kept}
        if trained.remarks:
            facts["remarks"] = "; ".join(trained.remarks)
        return evaluation.record(
            stage,
            version.digest,
            rows=trained.fitted,
            inputs=built.inputs,
            facts=facts,
            cpu_s=trained.cpu_s,
        )


def _judge(stage: JudgeGates, evaluation: Evaluation) -> StepOutcome:
    assert stage.definition is not None
    version = stage.version or evaluation.build_of(stage.asset, stage.fingerprint).digest
    verdicts = judge_version(
        parse_gates(stage.definition.policy),
        version,
        runtime=evaluation.runtime,
        environment=stage.environment,
        policy=stage.policy_fingerprint,
        champion=stage.champion,
        asset=stage.definition.asset,
        declared_at={
            asset.declaration.name: str(asset.at)
            for asset in evaluation.assets.values()
            if asset.kind == "view"
        },
    )
    evaluation.verdicts.extend(verdicts)
    judged = read_version(evaluation.runtime.state, version)
    require_passed(verdicts, judged, environment=stage.environment)
    facts: dict[str, EventValue] = {verdict.gate: verdict.summary for verdict in verdicts}
    return StepOutcome(facts=facts, rows=len(verdicts))


def _unseen(unseen: Unseen, inputs: tuple[str, ...]) -> str:
    """`reads params.json: not part of the identity; declare it with inputs= (p.py:12)`"""
    if unseen.file:
        advice = "not part of the identity; declare it with `inputs=`"
    elif unseen.file is not None and inputs:
        advice = "part of the identity only if it is among `inputs=`"
    elif unseen.file is not None:
        advice = "not part of the identity; declare what it reads with `inputs=`"
    else:
        advice = "not part of the identity"
    return f"{unseen.what}: {advice} ({unseen.at})"


def _stored(build: Build, part: str) -> Digest:
    return Digest(str(build.facts[part]))
