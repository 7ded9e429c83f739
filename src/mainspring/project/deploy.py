"""Plans and moves of an environment: apply, run, promote, roll back, and approve.

Every move is a plan, made here and evaluated by `apply`.  A move of what was built already needs
no declarations: the project is loaded only by those that build.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from mainspring.elements.identity import Digest
from mainspring.flow.execute import Observer
from mainspring.gates.attest import AttestationBinding, AttestationWriter, sign_approval
from mainspring.gates.attestation import render_envelope
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.state import ProvenState
from mainspring.ports.signer import Signer
from mainspring.ports.state import StateReader
from mainspring.project.apply.perform import ApplyReport, apply_plan
from mainspring.project.apply.release import release_check
from mainspring.project.config.config import ProjectConfig
from mainspring.project.errors import NothingToPromote, NothingToRollBack, ProtectedEnvironment
from mainspring.project.kinds.asset import AssetOrigin
from mainspring.project.kinds.evaluation import Evaluation, Runtime, StageProgressCallback
from mainspring.project.loader.load import Project, declared_source
from mainspring.project.notes import record_notes
from mainspring.project.plan.data import moved_files
from mainspring.project.plan.moves import (
    make_pointing_plan,
    make_promotion_plan,
    make_rollback_plan,
)
from mainspring.project.plan.plan import Plan, fingerprints_of, make_run_plan
from mainspring.project.plan.read import DataChoices, plan_environment, read_run_context
from mainspring.project.whole_logs import require_whole_logs
from mainspring.registry.environment import AssetPointer, EnvironmentVersion, asset_names
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import find_version, first_name, read_version
from mainspring.registry.read_environment import (
    read_asset_origins,
    read_definition,
    read_environment,
    read_past_environment,
    require_definition,
)
from mainspring.serving.rollouts.awaited import iter_awaited_rollouts
from mainspring.sources.errors import FileUnset
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

    def plan(
        self,
        *,
        data: bool = True,
        delete_missing: bool = False,
        refresh: Sequence[str] = (),
        measure: bool = False,
    ) -> Plan:
        """The plan to deploy what is declared, and to take in the files that changed.

        Args:
            data: whether files that changed are taken in; else they are listed only.
            delete_missing: whether rows that a file has no more are deleted.
            refresh: the sources whose files are read anew, in place of all that was read of them.
            measure: whether to read files that changed and say what they would make of the facts.

        Raises: UnknownAsset ACC-006, FileUnset SRC-034 for a refresh of a source without a file.
        """
        runtime = self.runtime
        refreshes = self._refreshes(refresh)
        return plan_environment(
            self._project(refreshes),
            self.environment,
            state=runtime.state,
            log=runtime.log,
            objects=runtime.objects,
            data=DataChoices(
                is_left=not data,
                deletes_missing=delete_missing,
                measures=measure,
                refreshes=refreshes,
            ),
        )

    def _refreshes(self, names: Sequence[str]) -> dict[str, int]:
        """By asset, the number of the next refresh of each of these sources."""
        found = dict[str, int]()
        for name in names:
            source = declared_source(self.load(), name)
            if source.path is None:
                raise FileUnset(source=name, at=source.declared_at)
            found[f"source.{name}"] = source.refreshes + 1
        return found

    def _project(self, refreshes: Mapping[str, int]) -> Project:
        """The project as it is with these refreshes."""
        project = self.load()
        if not refreshes:
            return project
        origins = dict(project.context.origins)
        for asset, number in refreshes.items():
            known = origins.get(asset) or AssetOrigin(asset.partition(".")[2])
            origins[asset] = replace(known, refreshes=number)
        return project.with_origins(origins)

    def plan_run(self, name: str) -> Plan:
        """A new build of an unchanged model on the present data.

        Raises: UnknownAsset ACC-006.
        """
        project, runtime = self.load(), self.runtime
        asset = project.graph.assets.get(f"model.{name}")
        if asset is None:
            known = ", ".join(model.name for model in project.declarations.models) or "none"
            raise UnknownAsset(kind="model", name=name, known=known)
        context = read_run_context(
            project,
            self.environment,
            state=runtime.state,
            log=runtime.log,
            objects=runtime.objects,
        )
        sources = project.declarations.sources
        heads = {each.name: runtime.log.head(topic_of(each.stream)) for each in sources}
        return make_run_plan(self.config.name, project.graph, context, asset, heads=heads)

    def plan_promotion(self, target: str) -> Plan:
        """Move another environment to what this one holds; nothing is copied or built.

        Raises:
            NothingToPromote: FLO-021 when there is nothing to move.
            LogIncomplete: SRV-110 where a protected environment would not log every prediction.
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
        origins = read_asset_origins(self.runtime.state)
        policy = self._policy(target)
        if policy.protected:
            require_whole_logs(source, target, state=self.runtime.state, load=self.load)
        check = release_check(self.runtime, target, policy)
        return make_promotion_plan(
            self.config.name,
            source,
            there,
            definitions,
            origins=origins,
            is_released=not (policy.protected and check.released(there).faults),
            rollouts=tuple(iter_awaited_rollouts(there, source, self.runtime.state)),
        )

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
        definition = None
        then = msgspec.structs.replace(
            pointer,
            asset=f"model.{version.model}",
            build_fingerprint=version.fingerprint,
            build_digest=version.digest,
        )
        if pointer.asset != then.asset:
            definition = read_definition(self.runtime.state, then)
        pointed = {**current.pointers, pointer.asset: then}
        after = msgspec.structs.replace(current, pointers=pointed)
        return make_pointing_plan(
            self.config.name,
            current,
            pointer,
            version,
            definition=definition,
            rollouts=tuple(iter_awaited_rollouts(current, after, self.runtime.state)),
        )

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
            UnreleasedMap: GAT-030 where what is promoted or restored is not what was signed.
            NotReleaser: GAT-031.
            LeaseHeld: FLO-001.
        """
        settings = self.config.environment(plan.environment)
        if settings.protected and plan.act in ("apply", "run"):
            raise ProtectedEnvironment(environment=plan.environment, act=plan.act)
        held = self._held_for(plan)
        project = self._project(plan.refreshes) if plan.fingerprints else None
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
            history_bytes=settings.history_bytes,
        )
        if not plan.stages:
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
                moved_files=(
                    moved_files(plan.data, evaluation.root) if not plan.leaves_data else ()
                ),
                released=held,
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

        Raises: UnknownAsset ACC-006, SelfApproval GAT-004, NotAPerson GAT-005, DefinitionMissing
            REG-006, DefinitionTampered REG-008.
        """
        self.config.environment(target)
        runtime, pointer = self.runtime, self._model(model, self._held())
        binding = AttestationBinding(
            version=read_version(runtime.state, pointer.build_digest),
            policy=pointer.policy_fingerprint,
            environment=target,
            asset=require_definition(runtime.state, pointer, environment=self.environment).asset,
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

    def _held_for(self, plan: Plan) -> StateReader:
        """What is read of the assets that a plan takes over: as it was signed where they stand now,
        and not as the state says by then.

        Raises: UnreleasedMap GAT-030.
        """
        state = self.runtime.state
        if plan.act not in ("promote", "rollback"):
            return state
        environment = plan.subject if plan.act == "promote" else plan.environment
        check = release_check(self.runtime, environment, self._policy(environment))
        version = read_environment(state, environment)
        if plan.act == "rollback" and version.previous:
            version = read_past_environment(state, environment, version.previous) or version
        check.require_released(version)
        return state if check.is_unsigned else ProvenState(state, check, holds=version)

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
        """What an environment holds of a model, by any name that it has had."""
        state, models = self.runtime.state, asset_names(held, "model")
        first = first_name(state, name)
        called = (
            name
            if name in models
            else next((each for each in models if first_name(state, each) == first), name)
        )
        pointer = held.pointers.get(f"model.{called}")
        if pointer is None:
            raise UnknownAsset(kind="model", name=name, known=", ".join(models) or "none")
        return pointer
