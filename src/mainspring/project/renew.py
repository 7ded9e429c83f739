"""Judge again what an environment serves, and sign new statements: before those on file run out, or
before servers of a release arrive to which the old ones prove too little.

Nothing moves.  The gates are those that the project declares, and only where that declaration is
the policy in force: what signed statements say of a policy are the names of its gates, not their
limits, and the definitions in the state database are not signed.
"""

from dataclasses import dataclass

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.time import HOUR
from mainspring.gates.attest import read_envelopes
from mainspring.gates.judge import required_gates
from mainspring.gates.verdict import Verdict
from mainspring.gates.verify import compared_champion
from mainspring.project.apply.judge import judge_version
from mainspring.project.apply.runtime import Runtime
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.errors import PolicyNotInForce
from mainspring.project.loader.load import Project
from mainspring.registry.environment import AssetPointer, EnvironmentVersion
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.loader import iter_retained_versions, verify_version
from mainspring.training.spec import GateDeclaration, Model

__all__ = ["GateRenewal", "ModelToRenew", "RenewalPlan", "RenewalReport", "RenewedModel"]


class ModelToRenew(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that is to be judged again.

    Args:
        asset: `model.NAME`; `model`: the version as people call it.
        policy: its policy fingerprint in the map that holds it.
        champion: the version that it was found better than, and is compared with again; None for
            the base rate.
        gates: the names of its gates.
    """

    asset: str
    model: str
    version: Digest
    policy: Digest
    champion: Digest | None
    gates: tuple[str, ...]


class RenewalPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal judges.

    Args:
        environment_version: the version of the map that it was made for.
        passed_over: versions of earlier maps whose policy the project does not declare any more,
            and which it can therefore not judge.
    """

    environment: str
    environment_version: int
    models: tuple[ModelToRenew, ...]
    passed_over: tuple[str, ...] = ()


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
    """What a renewal found."""

    environment: str
    environment_version: int
    models: tuple[RenewedModel, ...]
    passed_over: tuple[str, ...]

    @property
    def is_proven(self) -> bool:
        """Whether all that was judged may go on serving."""
        return all(model.is_proven for model in self.models)


@dataclass(frozen=True, eq=False)
class GateRenewal:
    """Renews the statements of one environment; `config` says whom it trusts."""

    project: Project
    tools: Runtime
    environment: str
    config: EnvironmentConfig

    def plan(self, *, all_retained: bool = False) -> RenewalPlan:
        """What would be judged; nothing is changed.

        Args:
            all_retained: the versions of the earlier maps that are kept for a rollback, too.

        Raises: PolicyNotInForce GAT-011 for a model in charge whose declared policy is not the one
            in force; NewerFormat REG-005.
        """
        current, *earlier = iter_retained_versions(
            self.tools, read_environment(self.tools.state, self.environment)
        )
        held = _models_of(current)
        foreign = [pointer for pointer in held if not self._is_declared(pointer)]
        if foreign:
            names = ", ".join(self._told(pointer) for pointer in foreign)
            raise PolicyNotInForce(environment=self.environment, models=names)
        past = {pointer: None for each in earlier for pointer in _models_of(each)}
        others = [pointer for pointer in past if all_retained and pointer not in held]
        renewable = [pointer for pointer in others if self._is_declared(pointer)]
        return RenewalPlan(
            environment=self.environment,
            environment_version=current.version,
            models=tuple(self._to_renew(pointer) for pointer in (*held, *renewable)),
            passed_over=tuple(
                self._told(pointer) for pointer in others if pointer not in renewable
            ),
        )

    def renew(self, *, all_retained: bool = False) -> RenewalReport:
        """Judge all that `plan` names and sign the verdicts, passed and failed alike.

        A verdict that is failed counts from then on: the environment goes on serving what servers
        have loaded, and a fresh one refuses it.

        Raises: as `plan`; FLO-001 while somebody moves the environment.
        Cost: that of all gates of each model, on the real path.
        """
        state = self.tools.state
        # Whoever moves the map meanwhile would have other models judged than those in charge.
        lease = state.acquire(f"environment:{self.environment}", self.tools.actor, ttl=HOUR)
        try:
            plan = self.plan(all_retained=all_retained)
            models = tuple(self._renewed(model) for model in plan.models)
        finally:
            state.release(lease)
        return RenewalReport(
            environment=plan.environment,
            environment_version=plan.environment_version,
            models=models,
            passed_over=plan.passed_over,
        )

    def _renewed(self, model: ModelToRenew) -> RenewedModel:
        verdicts = judge_version(
            self._gates(model.asset),
            model.version,
            tools=self.tools,
            environment=self.environment,
            policy=model.policy,
            champion=model.champion,
        )
        chain = verify_version(
            read_version(self.tools.state, model.version),
            model.policy,
            tools=self.tools,
            environment=self.environment,
            config=self.config,
            now=self.tools.clock.now(),
        )
        return RenewedModel(
            model=model.model,
            version=model.version,
            verdicts=tuple(verdicts),
            unproven=tuple(map(str, chain.faults)),
        )

    def _to_renew(self, pointer: AssetPointer) -> ModelToRenew:
        version = read_version(self.tools.state, pointer.build_digest)
        envelopes = read_envelopes(
            self.tools.state,
            self.tools.objects,
            environment=self.environment,
            version=version.digest,
        )
        policy, trust = pointer.policy_fingerprint, self.config.trust
        return ModelToRenew(
            asset=pointer.asset,
            model=version.label,
            version=version.digest,
            policy=policy,
            champion=compared_champion(
                envelopes, policy=policy, trust=trust, verifier=self.tools.verifier
            ),
            gates=tuple(gate.name for gate in required_gates(self._gates(pointer.asset))),
        )

    def _gates(self, asset: str) -> tuple[GateDeclaration, ...]:
        declared = self.project.graph.assets[asset].declaration
        assert isinstance(declared, Model), f"{asset} is declared as another kind"
        return declared.gates

    def _is_declared(self, pointer: AssetPointer) -> bool:
        """Whether the project declares the policy that a map holds a model under."""
        declared = self.project.graph.assets.get(pointer.asset)
        return declared is not None and declared.policy_fingerprint == pointer.policy_fingerprint

    def _told(self, pointer: AssetPointer) -> str:
        return read_version(self.tools.state, pointer.build_digest).label


def _models_of(environment: EnvironmentVersion) -> list[AssetPointer]:
    return [pointer for pointer in environment.pointers.values() if pointer.kind == "model"]
