"""Evaluate a plan: perform its stages in order, each once, under the lease of its environment.

The lease is acquired before the plan is compared with the environment.  In the other order somebody
could move the environment between the comparison and the move.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from mainspring.elements.events import EventValue
from mainspring.elements.html import html_page, html_table
from mainspring.elements.identity import Digest
from mainspring.elements.stored import render_stored
from mainspring.elements.time import HOUR
from mainspring.flow.execute import Observer, RunRecorder, SilentObserver, execute
from mainspring.flow.step import Step, StepOutcome
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.verdict import Verdict
from mainspring.gates.verify_version import verify_version
from mainspring.govern.model_report import ModelSummary, html_metrics, summarise_version
from mainspring.ports.state import Change, Lease, StateReader
from mainspring.project.apply.release import release_check, signed_release
from mainspring.project.errors import PlanStale
from mainspring.project.kinds.evaluation import Evaluation, Runtime
from mainspring.project.kinds.stage import StageRecord, stage_kind
from mainspring.project.kinds.union import kind_of, kind_of_stage
from mainspring.project.plan.plan import AssetFingerprints, Plan
from mainspring.project.plan.stages import MoveEnvironment, PointerMove, VerifyVersion
from mainspring.project.plan.stale import stale_reasons
from mainspring.registry.environment import (
    AssetPointer,
    Build,
    EnvironmentVersion,
    StageDuration,
    duration_key,
    next_version,
    restored_version,
)
from mainspring.registry.move import move_environment
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import (
    read_asset_origins,
    read_build,
    read_environment,
    read_past_environment,
)
from mainspring.serving.errors import ModelRefused
from mainspring.serving.rollouts.awaited import AwaitedRollout, iter_awaited_rollouts

__all__ = ["ApplyReport", "apply_plan"]


class ApplyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Args:
        version: of the environment now.
        performed, reused: how many stages ran, and how many had been done before.
        moved: whether the environment has a new version.
        models: of every model that was trained or judged the version that the environment holds
            now, with its metrics.
        rollouts: how new revisions of endpoints are to take over.
    """

    environment: str
    run: str
    version: int
    performed: int
    reused: int
    moved: bool
    verdicts: tuple[Verdict, ...] = ()
    models: tuple[ModelSummary, ...] = ()
    rollouts: tuple[AwaitedRollout, ...] = ()

    def model_lines(self) -> Iterator[str]:
        """One line for each model, and where the rest of it is shown."""
        yield from (f"  {model}" for model in self.models)
        for model in self.models[:1]:
            rest = "parameters, logged metrics and printed output"
            yield f"  {rest}: mainspring models show {model.model}"

    def _repr_html_(self) -> str:
        done = f"{self.performed} stages done, {self.reused} reused"
        moved = "is now at" if self.moved else "stays at"
        return html_page(
            f"{self.environment} {moved} version {self.version}: {done}",
            html_table(
                "Verdicts",
                ("gate", "outcome", "finding"),
                [(each.gate, each.outcome, each.summary) for each in self.verdicts],
            ),
            *(html_metrics(model) for model in self.models),
        )


def apply_plan(
    plan: Plan,
    evaluation: Evaluation,
    policy: TrustPolicy,
    *,
    fingerprints: Mapping[str, AssetFingerprints],
    moved_files: Sequence[str] = (),
    released: StateReader | None = None,
    observer: Observer | None = None,
) -> ApplyReport:
    """Do what the plan says, or refuse it whole before anything is done.

    Args:
        policy: what the environment requires of a version before it is deployed.
        fingerprints: what is declared now; empty where no declaration takes part.
        moved_files: the files that are not what the plan says any more.
        released: what a release says of the assets that are taken over as they are; default: what
            is on record of them.

    Raises:
        PlanStale: FLO-026 when the environment, or a declaration, has moved since the plan was
            made.
        GatesFailed: GAT-010.
        ModelRefused: SRV-002 naming all that is not proven.
        LeaseHeld: FLO-001 while another process moves the environment.
    """
    runtime = evaluation.runtime
    released = released or runtime.state
    with _leased(runtime, plan.environment) as lease:
        before = read_environment(runtime.state, plan.environment)
        source = read_environment(runtime.state, plan.subject) if plan.act == "promote" else None
        moved = stale_reasons(plan, before, fingerprints=fingerprints, source=source)
        moved += [f"{path} was written to" for path in moved_files]
        if moved:
            raise PlanStale(environment=plan.environment, act=plan.reason, moved="; ".join(moved))
        found = {stage.asset: stage.build for stage in plan.stages if stage.build is not None}
        evaluation.builds.update(found)
        renamed = _renamed_builds(plan, evaluation)
        evaluation.builds.update({build.asset: build for build in renamed})
        evaluator = _Evaluator(evaluation, policy, before, lease, renamed, released)
        by_identity = {stage.identity: stage for stage in plan.work}
        run = execute(
            [_step(stage, plan) for stage in plan.work],
            lambda step: evaluator.perform(by_identity[Digest(step.identity)]),
            recorder=_recorder(runtime, plan.environment),
            lease=lease,
            observer=observer or SilentObserver(),
        )
    after = read_environment(runtime.state, plan.environment)
    return ApplyReport(
        environment=plan.environment,
        run=run.id,
        version=after.version,
        performed=len(run.performed),
        reused=len(run.reused) + len(plan.stages) - len(plan.work),
        moved=after.version != before.version,
        verdicts=tuple(evaluation.verdicts),
        models=tuple(_summaries(plan, after, runtime)),
        rollouts=(
            tuple(iter_awaited_rollouts(before, after, runtime.state))
            if plan.act != "rollback"
            else ()
        ),
    )


def _renamed_builds(plan: Plan, evaluation: Evaluation) -> list[Build]:
    """The builds that are on record under another name than their assets have now."""
    moves = (
        move
        for stage in plan.stages
        if isinstance(stage, MoveEnvironment)
        for move in stage.moves
        if move.built_as
    )
    found = []
    for move in moves:
        build = read_build(evaluation.runtime.state, move.built_as, move.build_fingerprint)
        if build is not None:
            asset = evaluation.assets[move.asset]
            kind = kind_of(asset.declaration)
            found.append(kind.renamed_build(build, asset, evaluation))
    return found


def _summaries(plan: Plan, after: EnvironmentVersion, runtime: Runtime) -> Iterator[ModelSummary]:
    names = dict.fromkeys(stage.asset for stage in plan.stages)
    for pointer in (after.pointers[name] for name in names if name in after.pointers):
        if pointer.kind == "model":
            version = read_version(runtime.state, pointer.build_digest)
            yield summarise_version(version, state=runtime.state, objects=runtime.objects)


@contextmanager
def _leased(runtime: Runtime, environment: str) -> Iterator[Lease]:
    """Hold the lease on an environment while the block runs.  Raises: LeaseHeld FLO-001."""
    lease = runtime.state.acquire(f"environment:{environment}", runtime.actor, ttl=HOUR)
    try:
        yield lease
    finally:
        runtime.state.release(lease)


def _step(stage: StageRecord, plan: Plan) -> Step:
    waiting = {each.identity for each in plan.work}
    needed = tuple(identity for identity in stage.after if identity in waiting)
    return Step(
        identity=stage.identity, kind=stage_kind(stage), subject=stage.asset, depends_on=needed
    )


def _recorder(runtime: Runtime, environment: str) -> RunRecorder:
    return RunRecorder(
        state=runtime.state,
        clock=runtime.clock,
        ids=runtime.ids,
        project=runtime.project,
        actor=runtime.actor,
        environment=environment,
        lease_ttl=HOUR,
    )


@dataclass(frozen=True, eq=False)
class _Evaluator:
    """Performs stages, and records how long each took."""

    evaluation: Evaluation
    policy: TrustPolicy
    before: EnvironmentVersion
    lease: Lease
    renamed: Sequence[Build]
    released: StateReader

    def perform(self, stage: StageRecord) -> StepOutcome:
        """Perform the stage, and record how long it took."""
        started = time.process_time()
        outcome = self._dispatch(stage)
        cpu_s = time.process_time() - started + outcome.cpu_s
        duration = StageDuration(
            stage=stage_kind(stage),
            asset=stage.asset,
            rows=self._rows_read(stage, outcome),
            cpu_s=cpu_s,
        )
        key = duration_key(duration.stage, duration.asset)
        state = self.evaluation.runtime.state
        state.commit([Change("duration", key, render_stored(duration))], [])
        return StepOutcome(facts=outcome.facts, rows=outcome.rows, cpu_s=cpu_s)

    def _dispatch(self, stage: StageRecord) -> StepOutcome:
        match stage:
            case MoveEnvironment():
                return self._move(stage)
            case VerifyVersion():
                return self._verify(stage)
            case _:
                return kind_of_stage(stage).perform(stage, self.evaluation)

    def _rows_read(self, stage: StageRecord, outcome: StepOutcome) -> int:
        if isinstance(stage, MoveEnvironment | VerifyVersion):
            return outcome.rows
        return kind_of_stage(stage).rows_read(stage, outcome, self.evaluation)

    def _verify(self, stage: VerifyVersion) -> StepOutcome:
        runtime = self.evaluation.runtime
        version = read_version(runtime.state, stage.version)
        chain = verify_version(
            version,
            stage.policy_fingerprint,
            state=runtime.state,
            objects=runtime.objects,
            verifier=runtime.verifier,
            environment=stage.environment,
            policy=self.policy,
            now=runtime.clock.now(),
            asset=read_asset_origins(runtime.state).get(stage.asset, stage.asset),
        )
        if not chain.is_proven:
            reasons = "; ".join(map(str, chain.faults))
            raise ModelRefused(
                version=version.label, environment=stage.environment, reasons=reasons
            )
        return StepOutcome(facts={"version": version.label}, rows=len(chain.items))

    def _move(self, stage: MoveEnvironment) -> StepOutcome:
        self._catch_up(stage)
        runtime = self.evaluation.runtime
        fresh, by, at = self._next(stage), runtime.actor, runtime.clock.now()
        check = release_check(runtime, fresh.environment, self.policy)
        is_served = not self.policy.protected or not check.released(self.before).faults
        if fresh.pointers == self.before.pointers and is_served:
            # A run on the same data as the last one makes the version that is deployed already.
            facts: dict[str, EventValue] = {"version": self.before.version, "unchanged": True}
            return StepOutcome(facts=facts, rows=len(stage.moves))
        fresh = msgspec.structs.replace(fresh, moved_by=by, moved_at=at)
        definitions = {move.asset: move.definition for move in stage.moves if move.definition}
        signed = signed_release(
            fresh,
            runtime=runtime,
            policy=self.policy,
            at=at,
            before=self.before,
            held=self.released,
            definitions=definitions,
            builds=self.renamed,
        )
        move_environment(
            fresh,
            state=runtime.state,
            lease=self.lease,
            project=runtime.project,
            actor=by,
            definitions=[(fresh.pointers[name], each) for name, each in definitions.items()],
            builds=self.renamed,
            signed=signed,
        )
        # Again, for what came while the map moved: whoever hears that the apply is done reads it.
        self._catch_up(stage)
        return StepOutcome(facts={"version": fresh.version}, rows=len(stage.moves))

    def _catch_up(self, stage: MoveEnvironment) -> None:
        """Bring what the map will name up to the log: rows came while it was built, and a build
        that is used again has not followed since it was last named.
        """
        for name in (move.asset for move in stage.moves):
            asset = self.evaluation.assets.get(name)
            if asset is not None:
                kind_of(asset.declaration).catch_up(asset, self.evaluation)

    def _next(self, stage: MoveEnvironment) -> EnvironmentVersion:
        by, reason = self.evaluation.runtime.actor, self.evaluation.reason
        if stage.restores is None:
            pointers = [self._pointer(move) for move in stage.moves]
            return next_version(
                self.before, pointers, removed=stage.removes, by=by, at=0, reason=reason
            )
        state = self.evaluation.runtime.state
        past = read_past_environment(state, self.before.environment, stage.restores)
        assert past is not None, "the plan was made from this version, and none is ever removed"
        return restored_version(self.before, past, by=by, at=0, reason=reason)

    def _pointer(self, move: PointerMove) -> AssetPointer:
        digest = move.digest
        if digest is None:
            digest = self.evaluation.build_of(move.asset, move.build_fingerprint).digest
        return AssetPointer(
            asset=move.asset,
            kind=move.kind,
            build_fingerprint=move.build_fingerprint,
            policy_fingerprint=move.policy_fingerprint,
            build_digest=digest,
        )
