"""Plans and moves of an environment: apply, run, promote, roll back, and approve.

Every move is a plan, made here and evaluated by `apply`.  A move of what was built already needs
no declarations: the project is loaded only by those that build.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mainspring.elements.identity import Digest
from mainspring.flow.execute import Observer
from mainspring.gates.attest import AttestationBinding, AttestationWriter, sign_approval
from mainspring.gates.attestation import render_envelope
from mainspring.gates.policy import TrustPolicy
from mainspring.ports.signer import Signer
from mainspring.project.apply.perform import ApplyReport, apply_plan
from mainspring.project.config.config import ProjectConfig
from mainspring.project.errors import NothingToPromote, NothingToRollBack, ProtectedEnvironment
from mainspring.project.kinds.evaluation import Evaluation, Runtime, StageProgressCallback
from mainspring.project.loader.load import Project
from mainspring.project.notes import record_notes
from mainspring.project.plan.moves import (
    make_pointing_plan,
    make_promotion_plan,
    make_rollback_plan,
)
from mainspring.project.plan.plan import Plan, fingerprints_of, make_run_plan
from mainspring.project.plan.read import plan_environment, read_run_context
from mainspring.registry.environment import AssetPointer, EnvironmentVersion
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import find_version, read_version
from mainspring.registry.read_environment import (
    read_environment,
    read_past_environment,
    require_definition,
)
from mainspring.sources.topic import topic_of

__all__ = ["EnvironmentDeployer"]


@dataclass(frozen=True, eq=False)
class EnvironmentDeployer:
    """Plans and moves of one environment.

    Args:
        load: gives the declared project; called only for what builds.
    """

    config: ProjectConfig
    runtime: Runtime
    environment: str
    load: Callable[[], Project]

    def plan(self) -> Plan:
        """The plan to deploy what is declared.  Cost: reads documents only, no data."""
        runtime = self.runtime
        return plan_environment(self.load(), self.environment, state=runtime.state, log=runtime.log)

    def plan_run(self, name: str) -> Plan:
        """A new build of an unchanged model on the present data.

        Raises: UnknownAsset ACC-006.
        """
        project, runtime = self.load(), self.runtime
        asset = project.graph.assets.get(f"model.{name}")
        if asset is None:
            known = ", ".join(model.name for model in project.declarations.models) or "none"
            raise UnknownAsset(kind="model", name=name, known=known)
        context = read_run_context(project, self.environment, state=runtime.state, log=runtime.log)
        names = [source.name for source in project.declarations.sources]
        heads = {name: runtime.log.head(topic_of(name)) for name in names}
        return make_run_plan(self.config.name, project.graph, context, asset, heads=heads)

    def plan_promotion(self, target: str) -> Plan:
        """Move another environment to what this one holds; nothing is copied or built.

        Raises:
            NothingToPromote: FLO-021 when there is nothing to move.
            DefinitionMissing: REG-006; DefinitionTampered: REG-008.
        """
        self.config.environment(target)
        source, there = self._held(), read_environment(self.runtime.state, target)
        if target == self.environment or not source.pointers:
            is_same = target == self.environment
            reason = "they are the same" if is_same else f"{self.environment} holds nothing yet"
            raise NothingToPromote(source=self.environment, target=target, reason=reason)
        definitions = {
            pointer.asset: require_definition(
                self.runtime.state, pointer, environment=self.environment
            )
            for pointer in source.pointers.values()
            if pointer.kind == "model"
        }
        return make_promotion_plan(self.config.name, source, there, definitions)

    def plan_rollback(self) -> Plan:
        """Restore the previous version of the environment.

        Raises: NothingToRollBack FLO-020 when there is none.
        """
        current = self._held()
        past = (
            read_past_environment(self.runtime.state, self.environment, current.previous)
            if current.previous
            else None
        )
        if past is None:
            raise NothingToRollBack(environment=self.environment)
        return make_rollback_plan(self.config.name, current, past)

    def plan_pointing(self, reference: str) -> Plan:
        """Deploy a version that was made before, if it is proven here.

        Raises: UnknownVersion REG-001, UnknownAsset ACC-006.
        """
        version = find_version(self.runtime.state, reference)
        current = self._held()
        pointer = self._model(version.model, current)
        return make_pointing_plan(self.config.name, current, pointer, version)

    def apply(
        self,
        plan: Plan,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
    ) -> ApplyReport:
        """Do exactly what a plan of this project says, whichever environment it is for.

        Raises:
            ProtectedEnvironment: ACC-005 for a plan that builds in a protected environment.
            PlanStale: FLO-026.
            GatesFailed: GAT-010.
            ModelRefused: SRV-002.
            LeaseHeld: FLO-001.
        """
        settings = self.config.environment(plan.environment)
        if settings.protected and plan.act in ("apply", "run"):
            raise ProtectedEnvironment(environment=plan.environment, act=plan.act)
        project = self.load() if plan.fingerprints else None
        evaluation = Evaluation(
            runtime=self.runtime,
            environment=plan.environment,
            reason=plan.reason,
            assets=project.graph.assets if project else {},
            root=project.declarations.root if project else "",
            schemas=project.schemas if project else {},
            partitions=settings.partitions,
            progress=progress,
            builds={},
        )
        if plan.is_empty:
            report = ApplyReport(
                environment=plan.environment,
                run="",
                version=plan.environment_version,
                performed=0,
                reused=0,
                moved=False,
            )
        else:
            report = apply_plan(
                plan,
                evaluation,
                self._policy(plan.environment),
                fingerprints=fingerprints_of(project.graph) if project else {},
                observer=observer,
            )
        if plan.act == "apply":
            self.record_notes(plan.environment)
        return report

    def record_notes(self, environment: str = "") -> tuple[str, ...]:
        """Put the notes of what an environment holds as it is declared on record, for those that
        read no project; the assets whose notes were others.
        """
        runtime = self.runtime
        return record_notes(
            self.load().graph,
            environment or self.environment,
            state=runtime.state,
            project=runtime.project,
            actor=runtime.actor,
            at=runtime.clock.now(),
        )

    def approve(self, model: str, target: str, signer: Signer) -> Digest:
        """Approve the version here for a target environment, as a person other than its author;
        returns the digest of the envelope.

        Raises: UnknownAsset ACC-006, SelfApproval GAT-004, NotAPerson
            GAT-005.
        """
        self.config.environment(target)
        runtime, pointer = self.runtime, self._model(model, self._held())
        binding = AttestationBinding(
            version=read_version(runtime.state, pointer.build_digest),
            policy=pointer.policy_fingerprint,
            environment=target,
        )
        writer = AttestationWriter(
            signer=signer,
            state=runtime.state,
            objects=runtime.objects,
            project=runtime.project,
            actor=runtime.actor,
        )
        signed = sign_approval(binding, writer, at=runtime.clock.now())
        return runtime.objects.write(render_envelope(signed))

    def _policy(self, environment: str) -> TrustPolicy:
        """What an environment requires of a version.  In an open one the key of this workspace is
        trusted too: the owner of the disk can forge everything there anyway, and its signature
        means "tested", never "approved".
        """
        policy = self.config.environment(environment).trust_policy
        if policy.protected:
            return policy
        testers = (*policy.trust.get("tester", ()), self.runtime.signer.public_key)
        return replace(policy, trust={**policy.trust, "tester": testers})

    def _held(self) -> EnvironmentVersion:
        return read_environment(self.runtime.state, self.environment)

    def _model(self, name: str, held: EnvironmentVersion) -> AssetPointer:
        pointer = held.pointers.get(f"model.{name}")
        if pointer is None:
            models = [each.asset for each in held.pointers.values() if each.kind == "model"]
            raise UnknownAsset(kind="model", name=name, known=", ".join(models) or "none")
        return pointer
