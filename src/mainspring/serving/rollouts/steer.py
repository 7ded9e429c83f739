"""What a person may say to a roll-out: pause, resume, promote, abort; and how it stands."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import SECOND, Micros
from mainspring.ports.clock import Clock
from mainspring.ports.state import Change, StateStore
from mainspring.registry.environment import EnvironmentVersion, asset_names
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.errors import NoRollout, UnknownEndpoint
from mainspring.serving.loader import read_endpoint_definition
from mainspring.serving.rollouts.control import evidence_of, iter_reports, rollout_event
from mainspring.serving.rollouts.decide import Move, aborted, findings_of, promoted
from mainspring.serving.rollouts.state import (
    PAUSED,
    RUNNING,
    SETTLED,
    TEST_OVER,
    EndpointRevision,
    EndpointRollout,
    RevisionTally,
    Rollouts,
    revision_of,
)
from mainspring.serving.spec import Canary, Rollout

__all__ = ["RolloutReport", "RolloutSteering"]

_ALIVE = 15 * SECOND
_BY_HAND = "by hand"


class RolloutReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the roll-out of one endpoint stands.

    Args:
        stable, candidate: names of revisions; the candidate is empty where none takes over.
        stable_model, candidate_model: the labels of their model versions.
        steps: the shares of a canary; empty for other kinds.
        hold: for how long each step is held.
        answered, by_candidate: what both did in this step.
        findings: what the rules say, in words.
        processes: how many servers live.
    """

    endpoint: str
    phase: str
    kind: str
    stable: str
    candidate: str
    share: int
    step: int
    steps: tuple[int, ...]
    stable_model: str = ""
    candidate_model: str = ""
    hold: Micros
    since: Micros
    reason: str
    answered: RevisionTally
    by_candidate: RevisionTally
    findings: list[str]
    processes: int


@dataclass(frozen=True, eq=False, kw_only=True)
class RolloutSteering:
    """The roll-outs of one environment, in somebody's name."""

    state: StateStore
    environment: str
    clock: Clock
    project: ProjectName
    actor: Actor

    def reports(self) -> list[RolloutReport]:
        """How the roll-out of each endpoint stands, by its name."""
        held, standing = read_environment(self.state, self.environment), self._standing()[1]
        return [
            self._report(name, held, standing.get(name)) for name in asset_names(held, "endpoint")
        ]

    def pause(self, endpoint: str) -> RolloutReport:
        """Hold the shares as they are until `resume`.  Raises: NoRollout SRV-071."""
        return self._turn(endpoint, (RUNNING,), self._phase(PAUSED, "rollout.paused"))

    def resume(self, endpoint: str) -> RolloutReport:
        """Go on with a step that was paused, from its beginning.  Raises: NoRollout SRV-071."""
        return self._turn(endpoint, (PAUSED,), self._phase(RUNNING, "rollout.resumed"))

    def promote(self, endpoint: str) -> RolloutReport:
        """Put the candidate in charge now; also one that was taken back, or that no server has
        begun with.  Raises: NoRollout SRV-071.
        """
        return self._turn(
            endpoint, (), lambda stands: promoted(stands, _BY_HAND, now=self.clock.now())
        )

    def abort(self, endpoint: str) -> RolloutReport:
        """Take the candidate back.  Raises: NoRollout SRV-071."""
        return self._turn(
            endpoint,
            (RUNNING, PAUSED, TEST_OVER),
            lambda stands: aborted(stands, _BY_HAND, [], now=self.clock.now()),
        )

    def _phase(self, phase: str, kind: str) -> Callable[[EndpointRollout], Move]:
        def move(stands: EndpointRollout) -> Move:
            changed = msgspec.structs.replace(
                stands, phase=phase, since=self.clock.now(), reason=_BY_HAND
            )
            return Move(rollout=changed, kind=kind)

        return move

    def _turn(
        self,
        endpoint: str,
        phases: tuple[str, ...],
        move: Callable[[EndpointRollout], Move],
    ) -> RolloutReport:
        held = read_environment(self.state, self.environment)
        names = asset_names(held, "endpoint")
        if endpoint not in names:
            raise UnknownEndpoint(
                endpoint=endpoint,
                environment=self.environment,
                known=", ".join(names) or "none",
            )
        version, standing = self._standing()
        stands = standing.get(endpoint)
        candidate = self._candidate(endpoint, held, stands)
        if stands is None or candidate is None:
            raise self._none(endpoint, "no revision is taking over")
        if phases and stands.phase not in phases:
            raise self._none(endpoint, f"its roll-out is {stands.phase}")
        moved = move(msgspec.structs.replace(stands, candidate=candidate))
        event = rollout_event(
            moved,
            endpoint=endpoint,
            environment=self.environment,
            before=msgspec.structs.replace(stands, candidate=candidate),
            project=self.project,
            actor=self.actor,
            at=self.clock.now(),
        )
        record = Rollouts(
            environment=self.environment, endpoints=standing | {endpoint: moved.rollout}
        )
        change = Change("rollout", self.environment, render_stored(record), version)
        self.state.commit([change], [event])
        return self._report(endpoint, held, moved.rollout)

    def _none(self, endpoint: str, reason: str) -> NoRollout:
        return NoRollout(endpoint=endpoint, environment=self.environment, reason=reason)

    def _candidate(
        self, endpoint: str, held: EnvironmentVersion, stands: EndpointRollout | None
    ) -> EndpointRevision | None:
        """What is to take over; what the map names where no server has begun with it yet."""
        wanted = self._wanted(endpoint, held)
        if stands is None or wanted is None or wanted.name == stands.stable.name:
            return None
        return wanted

    def _wanted(self, endpoint: str, held: EnvironmentVersion) -> EndpointRevision | None:
        definition = read_endpoint_definition(self.state, held, endpoint)
        if definition is None or definition.model not in held.pointers:
            return None
        return revision_of(held, endpoint, definition.model)

    def _standing(self) -> tuple[int, dict[str, EndpointRollout]]:
        document = self.state.get("rollout", self.environment)
        if document is None:
            return 0, {}
        return document.version, parse_document(document, Rollouts).endpoints

    def _report(
        self, name: str, held: EnvironmentVersion, stands: EndpointRollout | None
    ) -> RolloutReport:
        definition, wanted = (
            read_endpoint_definition(self.state, held, name),
            self._wanted(name, held),
        )
        rollout, alive = definition.rollout if definition else None, self.clock.now() - _ALIVE
        reports = list(iter_reports(self.state, self.environment))
        evidence = evidence_of(
            name, stands, wanted.name if wanted else "", reports=reports, alive_since=alive
        )
        findings = (
            findings_of(rollout, stands, evidence)
            if rollout is not None and stands is not None and stands.candidate is not None
            else []
        )
        shown = stands or EndpointRollout(stable=wanted) if wanted else stands
        candidate = self._candidate(name, held, stands)
        return RolloutReport(
            endpoint=name,
            phase=shown.phase if shown else SETTLED,
            kind=_kind(rollout, shown),
            stable=shown.stable.name if shown else "",
            candidate=candidate.name if candidate else "",
            stable_model=self._label(shown.stable if shown else None),
            candidate_model=self._label(candidate),
            share=shown.share if shown else 0,
            step=shown.step if shown else 0,
            steps=rollout.steps if isinstance(rollout, Canary) else (),
            hold=rollout.hold if rollout else 0,
            since=shown.since if shown else 0,
            reason=shown.reason if shown else "",
            answered=evidence.stable,
            by_candidate=evidence.candidate,
            findings=[str(each) for each in findings],
            processes=sum(report.at >= alive for report in reports),
        )

    def _label(self, revision: EndpointRevision | None) -> str:
        return read_version(self.state, revision.version).label if revision else ""


def _kind(rollout: Rollout | None, stands: EndpointRollout | None) -> str:
    if stands is not None and stands.kind:
        return stands.kind
    return type(rollout).__name__ if rollout else "at once"
