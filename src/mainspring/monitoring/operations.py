"""What runs out or goes wrong around a running environment: proofs that end soon, and a clock that
jumped.  Each opens an incident, which closes once three looks have not found it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import ProjectName
from mainspring.elements.time import DAY, HOUR, Micros, format_instant
from mainspring.gates.errors import ProofRunsOut
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.verify_version import verify_version
from mainspring.monitoring.limits.judgement import FindingKind, MonitorFinding
from mainspring.monitoring.record import IncidentJournal, record_findings
from mainspring.ports.clock import Clock
from mainspring.ports.objects import ObjectReader
from mainspring.ports.signer import Verifier
from mainspring.ports.state import StateWriter
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_asset_origins, read_environment

__all__ = ["OPERATIONS_MONITOR", "WARNED_AHEAD", "OperationsMonitor", "OperationsPorts"]

OPERATIONS_MONITOR = "operations"
"""The monitor that opens the incidents."""

WARNED_AHEAD: Micros = 14 * DAY
"""How long before a proof runs out it is an incident."""

_PERIOD: Micros = HOUR


@dataclass(frozen=True, eq=False, kw_only=True)
class OperationsPorts:
    """What is looked at; `clock` is the time of the world, at which proofs must hold."""

    project: ProjectName
    state: StateWriter
    objects: ObjectReader
    verifier: Verifier
    clock: Clock


class OperationsMonitor:
    """Looks at one environment every hour, and when the clock jumps.

    Args:
        policy: whom the environment trusts.
        clock_fault: what is wrong with the machine's clock; empty for nothing.
    """

    def __init__(
        self,
        ports: OperationsPorts,
        environment: str,
        *,
        policy: TrustPolicy,
        clock_fault: Callable[[], str] = lambda: "",
    ) -> None:
        self._ports, self._environment = ports, environment
        self._policy, self._clock_fault = policy, clock_fault
        self._due: Micros = 0
        self._told = ""

    def run_due(self) -> bool:
        """Look, if it is time; whether it was."""
        now, fault = self._ports.clock.now(), self._clock_fault()
        if now < self._due and fault == self._told:
            return False
        self._due, self._told = now + _PERIOD, fault
        findings = [
            _finding("proof_expiry", error.version, error.message) for error in self.iter_expiring()
        ]
        if fault:
            findings.append(_finding("clock", "the machine's clock", fault))
        ports = self._ports
        journal = IncidentJournal(ports.state, ports.project, self._environment, OPERATIONS_MONITOR)
        record_findings(findings, journal, at=now)
        return True

    def iter_expiring(self) -> Iterator[ProofRunsOut]:
        """The models of a protected environment whose proofs run out within fourteen days, or have.

        Cost: that of verifying each model of the map.
        """
        ports, now = self._ports, self._ports.clock.now()
        if not self._policy.protected:
            return
        origins = read_asset_origins(ports.state)
        for pointer in read_environment(ports.state, self._environment).pointers.values():
            if pointer.kind != "model":
                continue
            try:
                version = read_version(ports.state, pointer.build_digest)
                chain = verify_version(
                    version,
                    pointer.policy_fingerprint,
                    environment=self._environment,
                    policy=self._policy,
                    state=ports.state,
                    objects=ports.objects,
                    verifier=ports.verifier,
                    now=now,
                    asset=origins.get(pointer.asset, pointer.asset),
                )
            except MainspringError:
                # The loader refuses it and says why.
                continue
            is_stale = any(item.standing == "stale" for item in chain.items)
            until = now if is_stale else chain.expires_at
            if until is not None and until <= now + WARNED_AHEAD:
                yield ProofRunsOut(
                    version=version.label,
                    environment=self._environment,
                    until="now" if is_stale else format_instant(until),
                )


def _finding(kind: FindingKind, subject: str, sentence: str) -> MonitorFinding:
    return MonitorFinding(kind=kind, subject=subject, statistic=1.0, limit=1.0, sentence=sentence)
