"""Judge again what an environment serves, and sign new statements: before those on file run out, or
before servers of a release arrive to which the old ones prove too little.

Nothing moves.  Where an earlier release of Mainspring has moved the environment, and signed
verdicts but no releases, the map is released as it stands.  The gates are those of the definitions
that the environment holds, which are checked against its policy fingerprints: signed statements
name the gates of their policy, not their limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mainspring.elements.events import Event
from mainspring.elements.identity import Digest
from mainspring.elements.time import HOUR, Micros
from mainspring.gates.attest import read_envelopes
from mainspring.gates.definition import parse_gates
from mainspring.gates.judge import required_gates
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.verify import ReleaseCheck
from mainspring.gates.spec import Gate
from mainspring.gates.verdict import Verdict
from mainspring.gates.verify import ChainReport, compared_champion
from mainspring.gates.verify_version import verify_version
from mainspring.ports.state import Change, Lease
from mainspring.project.apply.judge import judge_version
from mainspring.project.apply.release import release_check, signed_release
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.environment import AssetPointer, EnvironmentVersion
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import (
    read_environment,
    read_past_environment,
    require_definition,
)
from mainspring.serving.loader import iter_retained_versions

__all__ = ["GateRenewal", "ModelToRenew", "RenewalPlan", "RenewalReport", "RenewedModel"]


class ModelToRenew(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that is to be judged again.

    Args:
        asset: `model.NAME`; `origin`: the same, as it was first called; `model`: the version as
            people call it.
        policy: its policy fingerprint in the map that holds it.
        champion: the version that it was found better than, and is compared with again; None for
            the base rate.
        gates: the names of all that is asked of it; `declared`: the gates of its policy.
    """

    asset: str
    origin: str
    model: str
    version: Digest
    policy: Digest
    champion: Digest | None
    gates: tuple[str, ...]
    declared: tuple[Gate, ...]


class RenewalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal judges; `environment_version` is the version that it was made for, and
    `unsigned` are the versions that it releases besides, because none ever was.
    """

    environment: str
    environment_version: int
    models: tuple[ModelToRenew, ...]
    unsigned: tuple[int, ...] = ()


class RenewedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one.

    Args:
        unproven: what the environment still misses, such as an approval that ran out; empty where
            the version may serve there.
    """

    model: str
    version: Digest
    verdicts: tuple[Verdict, ...]
    unproven: tuple[str, ...]

    @property
    def is_proven(self) -> bool:
        """Whether every gate said yes and the environment takes the version."""
        return not self.unproven and all(verdict.passed for verdict in self.verdicts)


class RenewalReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal found; `released` are the versions that it signed a release of."""

    environment: str
    environment_version: int
    models: tuple[RenewedModel, ...]
    released: tuple[int, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether all that was judged may go on serving."""
        return all(model.is_proven for model in self.models)


@dataclass(frozen=True, eq=False)
class GateRenewal:
    """Renews the statements of one environment; `policy` says whom it trusts."""

    runtime: Runtime
    environment: str
    policy: TrustPolicy

    def plan(self, *, all_retained: bool = False, within: Micros | None = None) -> RenewalPlan:
        """What would be judged; nothing is changed.

        Args:
            all_retained: the models of the earlier versions of the environment that a rollback can
                lead to, too.
            within: leave out what is proven for longer than that; None leaves nothing out.

        Raises: DefinitionMissing REG-006, DefinitionTampered REG-008, NewerFormat REG-005.
        """
        state = self.runtime.state
        current, *earlier = iter_retained_versions(state, read_environment(state, self.environment))
        held = dict.fromkeys(_models_of(current))
        if all_retained:
            held |= dict.fromkeys(pointer for each in earlier for pointer in _models_of(each))
        return RenewalPlan(
            environment=self.environment,
            environment_version=current.version,
            models=tuple(
                model
                for model in map(self._to_renew, held)
                if within is None or not self._holds_beyond(model, within)
            ),
            unsigned=tuple(
                each.version
                for each in ((current, *earlier) if all_retained else (current,))
                if each.version and self._lacks_release(each)
            ),
        )

    def _holds_beyond(self, model: ModelToRenew, within: Micros) -> bool:
        """Whether a model is proven, and for longer than that."""
        chain = self._chain_of(model)
        until = self.runtime.clock.now() + within
        return chain.is_proven and (chain.expires_at is None or chain.expires_at > until)

    def renew(self, *, all_retained: bool = False, within: Micros | None = None) -> RenewalReport:
        """Judge all that `plan` names and sign the verdicts, passed and failed alike.

        A verdict that is failed counts from then on: the environment goes on serving what servers
        have loaded, and a fresh one refuses it.

        Raises: as `plan`; LeaseHeld FLO-001 while somebody moves the environment; NotReleaser
            GAT-031 where it was never released, and this key may not.
        Cost: that of all gates of each model, on the real path.
        """
        state = self.runtime.state
        # Whoever moves the environment meanwhile would have other models judged than those held.
        lease = state.acquire(f"environment:{self.environment}", self.runtime.actor, ttl=HOUR)
        try:
            plan = self.plan(all_retained=all_retained, within=within)
            models = tuple(self._renewed(model) for model in plan.models)
            self._sign(plan.unsigned, lease)
        finally:
            state.release(lease)
        return RenewalReport(
            environment=plan.environment,
            environment_version=plan.environment_version,
            models=models,
            released=plan.unsigned,
        )

    @property
    def _releases(self) -> ReleaseCheck:
        return release_check(self.runtime, self.environment, self.policy)

    def _lacks_release(self, version: EnvironmentVersion) -> bool:
        """Whether a version is to be released as it stands: where nothing ever was, and in an open
        environment also where it was by a key that a restored project has not.
        """
        check = self._releases
        if self.policy.protected:
            return check.is_unsigned
        return bool(check.released(version).faults)

    def _sign(self, versions: Sequence[int], lease: Lease) -> None:
        """Release versions that no release is on file of, oldest first: their policies are those of
        the newest in the end.
        """
        runtime, at = self.runtime, self.runtime.clock.now()
        changes: dict[str, Change] = {}
        for number in sorted(versions):
            version = read_past_environment(runtime.state, self.environment, number)
            if version is not None:
                signed = signed_release(
                    version, runtime=runtime, policy=self.policy, at=at, before=version
                )
                changes |= {f"{change.kind} {change.key}": change for change in signed}
        event = Event(
            kind="environment.released",
            project=runtime.project,
            actor=runtime.actor,
            at=at,
            subject=self.environment,
            environment=self.environment,
            facts={"versions": [str(version) for version in versions]},
        )
        if changes:
            runtime.state.commit(list(changes.values()), [event], lease=lease)

    def _renewed(self, model: ModelToRenew) -> RenewedModel:
        runtime = self.runtime
        verdicts = judge_version(
            model.declared,
            model.version,
            runtime=runtime,
            environment=self.environment,
            policy=model.policy,
            champion=model.champion,
            asset=model.origin,
        )
        chain = self._chain_of(model)
        return RenewedModel(
            model=model.model,
            version=model.version,
            verdicts=tuple(verdicts),
            unproven=tuple(map(str, chain.faults)),
        )

    def _chain_of(self, model: ModelToRenew) -> ChainReport:
        runtime = self.runtime
        return verify_version(
            read_version(runtime.state, model.version),
            model.policy,
            environment=self.environment,
            policy=self.policy,
            state=runtime.state,
            objects=runtime.objects,
            verifier=runtime.verifier,
            now=runtime.clock.now(),
            asset=model.origin,
            gates=model.gates,
        )

    def _to_renew(self, pointer: AssetPointer) -> ModelToRenew:
        state, policy = self.runtime.state, pointer.policy_fingerprint
        version = read_version(state, pointer.build_digest)
        definition = require_definition(state, pointer, environment=self.environment)
        declared = parse_gates(definition.policy)
        envelopes = read_envelopes(
            state, self.runtime.objects, environment=self.environment, version=version.digest
        )
        champion = compared_champion(
            envelopes, policy=policy, trust=self.policy.trust, verifier=self.runtime.verifier
        )
        return ModelToRenew(
            asset=pointer.asset,
            origin=definition.asset,
            model=version.label,
            version=version.digest,
            policy=policy,
            champion=champion,
            gates=tuple(gate.name for gate in required_gates(declared)),
            declared=declared,
        )


def _models_of(environment: EnvironmentVersion) -> list[AssetPointer]:
    return [pointer for pointer in environment.pointers.values() if pointer.kind == "model"]
