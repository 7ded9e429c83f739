"""Plan, apply, run, promote, roll back: how an environment comes to hold what was declared, and
what was proven.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from mainspring.elements.events import Event, EventValue
from mainspring.elements.identity import Digest
from mainspring.elements.stored import render_stored
from mainspring.elements.time import HOUR
from mainspring.flow.execute import Observer, RunRecorder, SilentObserver, execute
from mainspring.flow.step import Step, StepOutcome
from mainspring.gates.attest import AttestationBinding, AttestationWriter, sign_approval
from mainspring.gates.attestation import render_envelope
from mainspring.gates.verdict import Verdict
from mainspring.ports.signer import Signer
from mainspring.ports.state import Change, Lease
from mainspring.project.apply.evaluate import PlanEvaluator, StageProgressCallback
from mainspring.project.apply.judge import judge_version
from mainspring.project.apply.runtime import Runtime
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.errors import (
    NothingToPromote,
    NothingToRollBack,
    PolicyNotInForce,
    ProtectedEnvironment,
)
from mainspring.project.loader.load import Project
from mainspring.project.plan.plan import Plan
from mainspring.project.plan.read import plan_environment
from mainspring.project.plan.retrain import retrain_stages
from mainspring.project.plan.stages import Stage, stage_kind
from mainspring.registry.environment import (
    EnvironmentVersion,
    environment_version_key,
    next_version,
    restored_version,
)
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import find_version, read_version
from mainspring.registry.read_environment import read_environment, read_past_environment
from mainspring.serving.errors import ModelRefused
from mainspring.serving.loader import verify_version
from mainspring.sources.topic import topic_of

__all__ = ["ApplyReport", "EnvironmentDeployer"]


class ApplyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Args:
        version: of the environment's map now.
        performed, reused: how many stages ran, and how many were found done.
        moved: whether the map is another than before.
    """

    environment: str
    run: str
    version: int
    performed: int
    reused: int
    moved: bool
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, eq=False)
class EnvironmentDeployer:
    """The life cycle of one environment of a project."""

    project: Project
    tools: Runtime
    environment: str

    @property
    def config(self) -> EnvironmentConfig:
        """The environment's settings."""
        return self.project.config.environments[self.environment]

    def plan(self) -> Plan:
        """What would change.  Cost: reads documents only, no data."""
        return plan_environment(
            self.project, self.environment, state=self.tools.state, log=self.tools.log
        )

    def apply(
        self,
        plan: Plan,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
        reason: str = "apply",
    ) -> ApplyReport:
        """Make the plan so.  Raises: ACC-005 in a protected environment, GAT-010 for a failed gate,
        FLO-001 when another process applies.
        """
        if self.config.protected:
            raise ProtectedEnvironment(environment=self.environment, act="apply")
        if plan.is_empty:
            return ApplyReport(
                environment=self.environment,
                run="",
                version=plan.environment_version,
                performed=0,
                reused=0,
                moved=False,
            )
        return self._execute(plan.stages, observer=observer, progress=progress, reason=reason)

    def run(
        self,
        name: str,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
    ) -> ApplyReport:
        """Make a new build of an unchanged model on the data of now, have it judged, and move the
        pointer.

        Raises: ACC-005, ACC-006, GAT-010.
        """
        if self.config.protected:
            raise ProtectedEnvironment(environment=self.environment, act="run")
        asset = self.project.graph.assets.get(f"model.{name}")
        if asset is None:
            known = ", ".join(model.name for model in self.project.declarations.models) or "none"
            raise UnknownAsset(kind="model", name=name, known=known)
        heads = {
            source.name: self.tools.log.head(topic_of(source.name))
            for source in self.project.declarations.sources
        }
        stages = retrain_stages(
            self.project.graph,
            asset,
            read_environment(self.tools.state, self.environment),
            heads=heads,
        )
        return self._execute(stages, observer=observer, progress=progress, reason=f"run {name}")

    def promote(self, target: str) -> ApplyReport:
        """Move another environment's pointers to what this one holds; nothing is copied or built.

        Every model is judged against the target's champion, and taken only when the chain holds for
        the target's own trust roots.
        Raises: SRV-002 naming all that is missing, FLO-021 when there is nothing to move, GAT-011
            when the gates were edited and not applied.
        """
        there = EnvironmentDeployer(self.project, self.tools, target)
        source = read_environment(self.tools.state, self.environment)
        if target == self.environment or not source.pointers:
            reason = (
                "they are the same"
                if target == self.environment
                else f"{self.environment} holds nothing yet"
            )
            raise NothingToPromote(source=self.environment, target=target, reason=reason)
        with there._lease() as lease:
            current = read_environment(self.tools.state, target)
            verdicts = [
                verdict
                for digest in _models_of(source).values()
                for verdict in there._judge(digest, source, current)
            ]
            for asset, digest in _models_of(source).items():
                there._require_chain(asset, digest, source)
            changed = current.pointers != source.pointers
            fresh = current
            if changed:
                gone, at = current.pointers.keys() - source.pointers.keys(), self.tools.clock.now()
                reason = f"promote {self.environment}"
                fresh = next_version(
                    current,
                    source.pointers.values(),
                    removed=gone,
                    by=self.tools.actor,
                    at=at,
                    reason=reason,
                )
                there._put(fresh, lease)
        reused = len(source.pointers)
        return ApplyReport(
            environment=target,
            run="",
            version=fresh.version,
            performed=0,
            reused=reused,
            moved=changed,
            verdicts=tuple(verdicts),
        )

    def rollback(self) -> EnvironmentVersion:
        """Restore the map before the present one, in one transaction.  Raises: FLO-020 when there
        is none.
        """
        with self._lease() as lease:
            current = read_environment(self.tools.state, self.environment)
            past = (
                read_past_environment(self.tools.state, self.environment, current.previous)
                if current.previous
                else None
            )
            if past is None:
                raise NothingToRollBack(environment=self.environment)
            fresh = restored_version(
                current, past, by=self.tools.actor, at=self.tools.clock.now(), reason="rollback"
            )
            self._put(fresh, lease)
        return fresh

    def approve(self, model: str, target: str, signer: Signer) -> Digest:
        """Sign, as a person other than its author, that the version here may serve in a target
        environment; the envelope's digest.

        Raises: ACC-006, GAT-004, GAT-005.
        """
        here = read_environment(self.tools.state, self.environment)
        pointer = here.pointers.get(f"model.{model}")
        if pointer is None:
            raise UnknownAsset(
                kind="model", name=model, known=", ".join(_models_of(here)) or "none"
            )
        version = read_version(self.tools.state, pointer.build_digest)
        binding = AttestationBinding(
            version=version, policy=pointer.policy_fingerprint, environment=target
        )
        return self.tools.objects.write(
            render_envelope(sign_approval(binding, self._notary(signer), at=self.tools.clock.now()))
        )

    def point_at(self, model: str, reference: str) -> EnvironmentVersion:
        """Point at a version that was made before, if its chain holds here.  Raises: REG-001,
        SRV-002, ACC-006.
        """
        version = find_version(self.tools.state, reference)
        with self._lease() as lease:
            current = read_environment(self.tools.state, self.environment)
            pointer = current.pointers.get(f"model.{model}")
            if pointer is None:
                raise UnknownAsset(
                    kind="model", name=model, known=", ".join(_models_of(current)) or "none"
                )
            self._require_chain(pointer.asset, version.digest, current)
            fresh_pointer = msgspec.structs.replace(
                pointer, build_digest=version.digest, build_fingerprint=version.fingerprint
            )
            fresh = next_version(
                current,
                [fresh_pointer],
                by=self.tools.actor,
                at=self.tools.clock.now(),
                reason=f"point at {version.label}",
            )
            self._put(fresh, lease)
        return fresh

    def _execute(
        self,
        stages: Sequence[Stage],
        *,
        observer: Observer | None,
        progress: StageProgressCallback,
        reason: str,
    ) -> ApplyReport:
        waiting = {stage.identity: stage for stage in stages if stage.reuses is None}
        found = {stage.asset: stage.reuses for stage in stages if stage.reuses is not None}
        steps = [
            Step(
                identity=s.identity,
                kind=stage_kind(s),
                subject=s.asset,
                depends_on=tuple(i for i in s.after if i in waiting),
            )
            for s in waiting.values()
        ]
        with self._lease() as lease:
            performer = PlanEvaluator(
                self.project,
                self.tools,
                self.environment,
                reason,
                progress,
                lease,
                digests=dict(found),
            )
            before = read_environment(self.tools.state, self.environment).version

            def perform(step: Step) -> StepOutcome:
                return performer.perform(waiting[Digest(step.identity)])

            run = execute(
                steps,
                perform,
                ledger=self._ledger(),
                lease=lease,
                observer=observer or SilentObserver(),
            )
        version = read_environment(self.tools.state, self.environment).version
        return ApplyReport(
            environment=self.environment,
            run=run.id,
            version=version,
            performed=len(run.performed),
            reused=len(run.reused) + len(found),
            moved=version != before,
            verdicts=tuple(performer.verdicts),
        )

    def _judge(
        self, digest: Digest, source: EnvironmentVersion, current: EnvironmentVersion
    ) -> list[Verdict]:
        version = read_version(self.tools.state, digest)
        asset = f"model.{version.model}"
        declared = next(
            (model for model in self.project.declarations.models if model.name == version.model),
            None,
        )
        champion = current.pointers[asset].build_digest if asset in current.pointers else None
        policy = source.pointers[asset].policy_fingerprint
        if declared and self.project.graph.assets[asset].policy_fingerprint != policy:
            # Verdicts of edited gates would be signed as those of the policy that the map names,
            # and take the place of the ones that prove what serves under it.
            raise PolicyNotInForce(environment=source.environment, models=version.label)
        gates = declared.gates if declared else ()
        return judge_version(
            gates,
            digest,
            tools=self.tools,
            environment=self.environment,
            policy=policy,
            champion=champion,
        )

    def _require_chain(self, asset: str, digest: Digest, source: EnvironmentVersion) -> None:
        version = read_version(self.tools.state, digest)
        policy, now = source.pointers[asset].policy_fingerprint, self.tools.clock.now()
        chain = verify_version(
            version,
            policy,
            tools=self.tools,
            environment=self.environment,
            config=self.config,
            now=now,
        )
        if not chain.is_proven:
            raise ModelRefused(
                version=version.label,
                environment=self.environment,
                reasons="; ".join(map(str, chain.faults)),
            )

    def _put(self, fresh: EnvironmentVersion, lease: Lease) -> None:
        """Write a map as the newest and under its version, with its event, in one transaction."""
        payload = render_stored(fresh)
        facts: dict[str, EventValue] = {"version": fresh.version, "reason": fresh.reason}
        event = Event(
            kind="environment.moved",
            project=self.tools.project,
            actor=self.tools.actor,
            at=fresh.moved_at,
            subject=self.environment,
            environment=self.environment,
            facts=facts,
        )
        changes = [
            Change("environment", self.environment, payload),
            Change(
                "environment", environment_version_key(self.environment, fresh.version), payload, 0
            ),
        ]
        self.tools.state.commit(changes, [event], lease=lease)

    @contextmanager
    def _lease(self) -> Iterator[Lease]:
        lease = self.tools.state.acquire(
            f"environment:{self.environment}", self.tools.actor, ttl=HOUR
        )
        try:
            yield lease
        finally:
            self.tools.state.release(lease)

    def _ledger(self) -> RunRecorder:
        tools = self.tools
        return RunRecorder(
            state=tools.state,
            clock=tools.clock,
            ids=tools.ids,
            project=tools.project,
            actor=tools.actor,
            environment=self.environment,
            lease_ttl=HOUR,
        )

    def _notary(self, signer: Signer) -> AttestationWriter:
        tools = self.tools
        return AttestationWriter(
            signer=signer,
            state=tools.state,
            objects=tools.objects,
            project=tools.project,
            actor=tools.actor,
        )


def _models_of(environment: EnvironmentVersion) -> dict[str, Digest]:
    return {
        asset: pointer.build_digest
        for asset, pointer in environment.pointers.items()
        if pointer.kind == "model"
    }
