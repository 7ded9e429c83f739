"""Report what this process can answer with, and move the roll-outs of its environment when they are
due.

Every server process runs this, and any of them may move a roll-out: whoever does holds a lease,
reads the document again under it, and writes with the lease's token and the version that was read.
So a decision is taken once, and stands in the journal beside what it was taken from, in one
transaction; a process killed at any instant has either moved the roll-out or not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import DAY, SECOND, Micros
from mainspring.ports.clock import Clock
from mainspring.ports.errors import LeaseHeld
from mainspring.ports.state import Change, StateStore
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.rollouts.decide import Move, RolloutEvidence, WantedRevision, decide
from mainspring.serving.rollouts.judge import Quality
from mainspring.serving.rollouts.state import (
    EndpointReport,
    EndpointRevision,
    EndpointRollout,
    ProcessReport,
    RevisionTally,
    Rollouts,
    report_key,
)
from mainspring.serving.rollouts.tally import RevisionTallies
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = [
    "QualityReader",
    "RolloutController",
    "evidence_of",
    "iter_reports",
    "rollout_event",
]

_REPORT_EVERY = SECOND
_HEARTBEAT = 5 * SECOND
_SILENT_AFTER = 15 * SECOND
_JUDGE_EVERY = SECOND // 2
_LEASE = 10 * SECOND
_LABELS_EVERY = 10 * SECOND

QualityReader = Callable[[str, EndpointRollout], Quality]
"""The losses of both revisions of an endpoint on the labels that have arrived."""


def _no_quality(_: str, __: EndpointRollout) -> Quality:
    return Quality()


def iter_reports(
    state: StateStore, environment: str, *, since: Micros = 0
) -> Iterator[ProcessReport]:
    """What the processes of an environment report, those that have reported since then."""
    for document in state.iter_documents("rollout_report", f"{environment}/"):
        report = parse_document(document, ProcessReport)
        if report.at >= since:
            yield report


def evidence_of(
    name: str,
    stands: EndpointRollout | None,
    wanted: str,
    *,
    reports: list[ProcessReport],
    alive_since: Micros,
) -> RolloutEvidence:
    """What all processes together know of an endpoint in this step.

    Args:
        wanted: the name of the revision that every process alive must be able to answer with.
        reports: those of processes that are gone count for what they counted.
    """
    found = [(report.at, report.endpoints[name]) for report in reports if name in report.endpoints]
    alive = [each for at, each in found if at >= alive_since]
    epoch = stands.epoch if stands else 0
    tallies = [each.tallies for _, each in found if each.epoch == epoch]
    return RolloutEvidence(
        is_ready=all(wanted in each.ready for each in alive),
        stable=_total(tallies, stands.stable if stands else None),
        candidate=_total(tallies, stands.candidate if stands else None),
    )


def _total(
    tallies: list[dict[str, RevisionTally]], revision: EndpointRevision | None
) -> RevisionTally:
    found = [each[revision.name] for each in tallies if revision and revision.name in each]
    return sum(found, RevisionTally())


def rollout_event(
    move: Move,
    *,
    endpoint: str,
    environment: str,
    before: EndpointRollout | None,
    project: ProjectName,
    actor: Actor,
    at: Micros,
) -> Event:
    """The journal's record of a decision, and of what it was taken from."""
    candidate = move.rollout.candidate or (before.candidate if before else None)
    facts: dict[str, EventValue] = {
        "stable": (before or move.rollout).stable.name,
        "candidate": candidate.name if candidate else "",
        "version": candidate.version if candidate else "",
        "share": move.rollout.share,
        "step": move.rollout.step,
        "reason": move.rollout.reason,
        "evidence": [str(each) for each in move.findings],
    }
    return Event(
        kind=move.kind,
        project=project,
        actor=actor,
        at=at,
        subject=f"endpoint.{endpoint}",
        environment=environment,
        facts=facts,
    )


@dataclass(eq=False, kw_only=True)
class RolloutController:
    """One process of those that serve an environment.

    Args:
        process: a name that no other process has.
        tallies: what this process counts.
        quality: reads labels; they cost more than all else, and are asked for only where a rule
            looks at them.
    """

    state: StateStore
    environment: str
    process: str
    clock: Clock
    project: ProjectName
    actor: Actor
    tallies: RevisionTallies
    quality: QualityReader = _no_quality
    _reported: ProcessReport | None = None
    _judged_at: Micros = 0
    _qualities: dict[str, tuple[int, Micros, Quality]] = field(default_factory=dict)

    def follow(self, served: ServedEnvironment) -> bool:
        """Report what is in place, and move what is due; True where something moved."""
        now = self.clock.now()
        is_new = self._report(served, now)
        if not is_new and now - self._judged_at < _JUDGE_EVERY:
            return False
        self._judged_at = now
        return self._move(served, now)

    def leave(self) -> None:
        """Say that this process is not to be waited for."""
        if self._reported is not None:
            key = report_key(self.environment, self.process)
            self.state.commit([Change("rollout_report", key, None)], [])
            self._reported = None

    def _report(self, served: ServedEnvironment, now: Micros) -> bool:
        """File the report where there is news; True where what can be answered with has changed."""
        report = self._made(served, now)
        last = self._reported
        is_new = last is None or _ready(last) != _ready(report)
        if last is not None and not is_new:
            is_counted = last.endpoints != report.endpoints and _is_moving(served)
            if now - last.at < (_REPORT_EVERY if is_counted else _HEARTBEAT):
                return False
        key = report_key(self.environment, self.process)
        self.state.commit([Change("rollout_report", key, render_stored(report))], [])
        self._reported = report
        return is_new

    def _made(self, served: ServedEnvironment, now: Micros) -> ProcessReport:
        endpoints = {}
        for name, endpoint in served.endpoints.items():
            epoch, tallies = self.tallies.read(name)
            ready = [each for each in (endpoint.revision_name, endpoint.in_charge) if each]
            endpoints[name] = EndpointReport(ready=ready, epoch=epoch, tallies=tallies)
        return ProcessReport(
            environment=self.environment, process=self.process, at=now, endpoints=endpoints
        )

    def _move(self, served: ServedEnvironment, now: Micros) -> bool:
        """Move every roll-out that is due, under the lease."""
        if not self._due(served, self._standing()[1], now):
            return False
        try:
            lease = self.state.acquire(f"rollout:{self.environment}", self.process, ttl=_LEASE)
        except LeaseHeld:
            return False
        try:
            version, standing = self._standing()
            moves = self._due(served, standing, now)
            if not moves:
                return False
            moved = standing | {name: move.rollout for name, move in moves.items()}
            record = Rollouts(environment=self.environment, endpoints=moved)
            change = Change("rollout", self.environment, render_stored(record), version)
            self.state.commit(
                [change, *self._outdated(now)], self._events(moves, standing), lease=lease
            )
            return True
        finally:
            self.state.release(lease)

    def _events(
        self, moves: Mapping[str, Move], standing: Mapping[str, EndpointRollout]
    ) -> list[Event]:
        return [
            rollout_event(
                move,
                endpoint=name,
                environment=self.environment,
                before=standing.get(name),
                project=self.project,
                actor=self.actor,
                at=self.clock.now(),
            )
            for name, move in moves.items()
            if move.kind
        ]

    def _standing(self) -> tuple[int, dict[str, EndpointRollout]]:
        """The version of the document, and what it says."""
        document = self.state.get("rollout", self.environment)
        if document is None:
            return 0, {}
        return document.version, parse_document(document, Rollouts).endpoints

    def _due(
        self, served: ServedEnvironment, standing: Mapping[str, EndpointRollout], now: Micros
    ) -> dict[str, Move]:
        """What is to be moved."""
        waiting = {
            name: endpoint
            for name, endpoint in served.endpoints.items()
            if endpoint.revision is not None and not _is_settled(endpoint, standing.get(name))
        }
        if not waiting:
            return {}
        reports = list(iter_reports(self.state, self.environment))
        found = {
            name: self._decided(name, endpoint, standing.get(name), reports=reports, now=now)
            for name, endpoint in waiting.items()
        }
        return {name: move for name, move in found.items() if move is not None}

    def _decided(
        self,
        name: str,
        endpoint: ServedEndpoint,
        stands: EndpointRollout | None,
        *,
        reports: list[ProcessReport],
        now: Micros,
    ) -> Move | None:
        assert endpoint.revision is not None, "only a revision that is known is waited for"
        wanted = WantedRevision(revision=endpoint.revision, rollout=endpoint.rollout)
        evidence = evidence_of(
            name,
            stands,
            endpoint.revision.name,
            reports=reports,
            alive_since=now - _SILENT_AFTER,
        )
        rules = endpoint.rollout.rules if endpoint.rollout else None
        if rules and rules.quality is not None and stands and stands.candidate:
            quality = self._known_quality(name, stands, now)
            evidence = RolloutEvidence(
                is_ready=evidence.is_ready,
                stable=evidence.stable,
                candidate=evidence.candidate,
                quality=quality,
            )
        return decide(stands, wanted, evidence, now=now)

    def _known_quality(self, name: str, stands: EndpointRollout, now: Micros) -> Quality:
        """The quality as it was read a few seconds ago at most: labels arrive slowly."""
        known = self._qualities.get(name)
        if known is None or known[0] != stands.epoch or now - known[1] >= _LABELS_EVERY:
            known = self._qualities[name] = (stands.epoch, now, self.quality(name, stands))
        return known[2]

    def _outdated(self, now: Micros) -> list[Change]:
        """Reports of processes that have been silent for a day: nobody counts what they did."""
        return [
            Change("rollout_report", report_key(self.environment, report.process), None)
            for report in iter_reports(self.state, self.environment)
            if now - report.at > DAY
        ]


def _is_settled(endpoint: ServedEndpoint, stands: EndpointRollout | None) -> bool:
    """Whether what the map names is in charge, and nothing is to take over."""
    return (
        stands is not None
        and stands.stable.name == endpoint.revision_name
        and stands.candidate is None
        and not stands.refused
    )


def _is_moving(served: ServedEnvironment) -> bool:
    return any(endpoint.previous is not None for endpoint in served.endpoints.values())


def _ready(report: ProcessReport) -> dict[str, list[str]]:
    return {name: each.ready for name, each in report.endpoints.items()}
