"""Runs as people ask about them: which there were, how each of their steps stands, and what
happened, from the records and the journal that `execute` writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

import msgspec

from mainspring.elements.events import Actor, Event, ProjectName, Recorded
from mainspring.elements.stored import parse_document, render_stored
from mainspring.elements.time import Micros
from mainspring.flow.errors import RunCancelled, RunOver, UnknownRun
from mainspring.flow.read import finished_step, iter_runs, read_cancellation, read_run_plan
from mainspring.flow.run import CANCELLATION, RUN, Run, RunCancellation, RunFault, RunPlan
from mainspring.flow.step import FinishedStep, Step
from mainspring.ports.clock import Clock
from mainspring.ports.state import Change, StateWriter

__all__ = ["RunHistory", "RunReport", "StepReport", "StepState", "state_of"]

StepState = OneOf["waiting", "running", "finished", "reused", "failed", "not run"]
"""`waiting` for a step of a run that goes on; `not run` where the run ended before it."""

_RUNS_EVENTS, _STEPS_EVENTS = "run.", "step."
_LAST = "last"


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a step of a run stands.

    Args:
        attempts: how often it was begun in this run.
        rows, cpu_s, wall_s: of the run that finished it, which is an earlier one where `reused`.
    """

    identity: str
    kind: str
    subject: str
    state: StepState
    depends_on: tuple[str, ...] = ()
    started_at: Micros | None = None
    attempts: int = 0
    rows: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands.

    Args:
        state: `running`, `finished`, `failed`, `cancelled`, or `abandoned` where its process died.
        cancelled_by: who wants it to end, or wanted.
        steps: in their order.
    """

    id: str
    environment: str
    resource: str
    actor: Actor
    state: str
    started_at: Micros
    ended_at: Micros | None = None
    steps: tuple[StepReport, ...] = ()
    fault: RunFault | None = None
    cancelled_by: Actor | None = None

    @property
    def done(self) -> int:
        """How many of its steps are finished, now or before."""
        return sum(step.state in ("finished", "reused") for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class RunHistory:
    """The runs of a project, in all of its environments, and what one may ask of them."""

    state: StateWriter
    clock: Clock
    project: ProjectName
    actor: Actor

    def runs(self) -> list[Run]:
        """All of them, the oldest first."""
        return list(iter_runs(self.state))

    def report(self, run: str) -> RunReport:
        """How a run stands, with every step.

        Args:
            run: its id, the beginning of it where no other has the same, or `last`.

        Cost: the events since it began.

        Raises: UnknownRun FLO-004.
        """
        found = self._find(run)
        plan = read_run_plan(self.state, found.id)
        cancelled = read_cancellation(self.state, found.id)
        return RunReport(
            id=found.id,
            environment=found.environment,
            resource=found.resource,
            actor=found.actor,
            state=state_of(found),
            started_at=found.started_at,
            ended_at=found.ended_at,
            steps=tuple(self._steps(found, plan)),
            fault=found.fault,
            cancelled_by=None if cancelled is None else cancelled.actor,
        )

    def events(self, run: str, *, after: int = 0) -> list[Recorded]:
        """What happened in a run, in order.

        Args:
            after: a sequence number of the journal: only what came after it.

        Raises: UnknownRun FLO-004.
        """
        found = self._find(run)
        plan = read_run_plan(self.state, found.id)
        return self._events(found, max(after, plan.journal if plan else 0))

    def cancel(self, run: str) -> RunReport:
        """Have a run end before its next step, or before the next attempt at the present one.  What
        it has finished is kept.  To ask again changes nothing.

        Raises: UnknownRun FLO-004, RunOver FLO-005.
        """
        found = self._find(run)
        if found.state != "running":
            raise RunOver(run=found.id, state=state_of(found))
        if read_cancellation(self.state, found.id) is None:
            now = self.clock.now()
            wanted = RunCancellation(run=found.id, actor=self.actor, at=now)
            event = Event(
                kind="run.cancel_asked",
                project=self.project,
                actor=self.actor,
                at=now,
                subject=found.id,
                environment=found.environment,
            )
            self.state.commit([Change(CANCELLATION, found.id, render_stored(wanted))], [event])
        return self.report(found.id)

    def _find(self, run: str) -> Run:
        document = self.state.get(RUN, run)
        if document is not None:
            return parse_document(document, Run)
        if run == _LAST:
            found = self.runs()[-1:]
        else:
            alike = self.state.iter_documents(RUN, run) if run else ()
            found = [parse_document(document, Run) for document in alike]
        if len(found) != 1:
            raise UnknownRun(run=run, found="more than one run" if found else "no run")
        return found[0]

    def _events(self, run: Run, after: int) -> list[Recorded]:
        """Its events are those that name it."""
        return [
            recorded
            for recorded in self.state.iter_events(after=after)
            if recorded.event.kind.startswith((_RUNS_EVENTS, _STEPS_EVENTS))
            if run.id in (recorded.event.subject, recorded.event.facts.get("run"))
        ]

    def _steps(self, run: Run, plan: RunPlan | None) -> Iterator[StepReport]:
        begun: dict[str, list[Event]] = {}
        for recorded in self._events(run, plan.journal if plan else 0):
            begun.setdefault(recorded.event.subject, []).append(recorded.event)
        planned = {step.identity: step for step in plan.steps} if plan else {}
        for identity in run.steps:
            done = finished_step(self.state, identity)
            step = planned.get(identity) or (done.step if done else _unnamed(identity))
            yield _step_report(run, step, done=done, events=begun.get(identity, []))


def _step_report(
    run: Run, step: Step, *, done: FinishedStep | None, events: Sequence[Event]
) -> StepReport:
    attempts = [event for event in events if event.kind in ("step.started", "step.retried")]
    state = _step_state(run, step, begun=bool(attempts))
    work = done if done is not None and state in ("finished", "reused") else None
    return StepReport(
        identity=step.identity,
        kind=step.kind,
        subject=step.subject,
        state=state,
        depends_on=step.depends_on,
        started_at=attempts[0].at if attempts else None,
        attempts=len(attempts),
        rows=work.outcome.rows if work else 0,
        cpu_s=work.outcome.cpu_s if work else 0.0,
        wall_s=work.wall_s if work else 0.0,
    )


def _step_state(run: Run, step: Step, *, begun: bool) -> StepState:
    if step.identity in run.performed:
        return "finished"
    if step.identity in run.reused:
        return "reused"
    if run.state == "running":
        return "running" if begun else "waiting"
    return "failed" if begun else "not run"


def state_of(run: Run) -> str:
    """The state of a run, or `cancelled`, which is no state of its own in the record."""
    cancelled = run.fault is not None and run.fault.code == RunCancelled.code
    return "cancelled" if cancelled else run.state


def _unnamed(identity: str) -> Step:
    """A step of which only the identity is on record: an older release began it."""
    return Step(identity=identity, kind="", subject="")
