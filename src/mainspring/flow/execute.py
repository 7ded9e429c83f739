"""Execute steps in order, each at most once: finished steps are reused, failures are recorded, and
interrupted steps are done again.

Killed at any instant, the next execution finds each step either finished, with its outcome, or not;
a step must therefore be harmless to repeat up to its last write.  The lease is checked in the same
transaction that records a step, so a process that was taken for dead can record nothing more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from mainspring.elements.errors import EngineError, MainspringError
from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.stored import render_stored
from mainspring.elements.time import HOUR, SECOND, Micros
from mainspring.flow.errors import RunCancelled, StepsOutOfOrder
from mainspring.flow.read import finished_step, iter_runs, read_cancellation
from mainspring.flow.retry import Retry
from mainspring.flow.run import RUN, RUN_PLAN, Run, RunFault, RunPlan
from mainspring.flow.step import STEP, FinishedStep, Step, StepOutcome
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.errors import LeaseLost
from mainspring.ports.state import Change, Lease, Leases, StateWriter

__all__ = ["Observer", "RunRecorder", "SilentObserver", "execute"]

_MESSAGE_LIMIT = 2_000


class _State(StateWriter, Leases, Protocol):
    """State and leases of one engine: the fencing token is checked in the transaction that it
    guards.
    """


class Observer(Protocol):
    """Gets the progress of an execution; for display, never for decisions."""

    def on_started(self, step: Step) -> None:
        """The step is about to be performed."""
        ...

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        """The step is done, now or (`reused`) by an earlier run."""
        ...


class SilentObserver:
    """An observer that does nothing."""

    def on_started(self, step: Step) -> None:
        """Nothing."""

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        """Nothing."""


@dataclass(frozen=True, kw_only=True)
class RunRecorder:
    """Records an execution in the journal, in an actor's name.

    Args:
        lease_ttl: for how long each step renews the lease.  Only another machine has to wait for
            its end: on this one the kernel says whether the holder is alive.
    """

    state: _State
    clock: Clock
    ids: Ids
    project: ProjectName
    actor: Actor
    environment: str = ""
    lease_ttl: Micros = 6 * HOUR

    def event(self, kind: str, subject: str, /, **facts: EventValue) -> Event:
        """An event of the present time, in this recorder's name."""
        at = self.clock.now()
        return Event(
            kind=kind,
            project=self.project,
            actor=self.actor,
            at=at,
            subject=subject,
            environment=self.environment,
            facts=facts,
        )


def execute(
    steps: Sequence[Step],
    perform: Callable[[Step], StepOutcome],
    *,
    recorder: RunRecorder,
    lease: Lease,
    observer: Observer | None = None,
    retry: Retry | None = None,
) -> Run:
    """Perform what is not finished yet, in order, and return the finished run.

    Args:
        perform: does one step; harmless to repeat until it returns.
        lease: held by the caller, who also releases it.

    Raises: what `perform` raised, once it is recorded; StepsOutOfOrder FLO-002 for a step before
        its dependencies; RunCancelled FLO-003 before a step, where somebody asked for it; LeaseLost
        ENG-005 when the lease has passed on.
    """
    _abandon_runs_of_the_dead(recorder, lease)
    execution = _Execution(
        recorder,
        lease,
        perform=perform,
        observer=observer or SilentObserver(),
        retry=retry or Retry(),
    )
    execution.begin(steps)
    for step in steps:
        execution.do(step)
    return execution.end()


class _Execution:
    """One run in progress."""

    def __init__(
        self,
        recorder: RunRecorder,
        lease: Lease,
        *,
        perform: Callable[[Step], StepOutcome],
        observer: Observer,
        retry: Retry,
    ) -> None:
        self._recorder = recorder
        self._lease = lease
        self._perform = perform
        self._observer = observer
        self._retry = retry
        self._run = Run(
            id=recorder.ids.new("run"),
            resource=lease.resource,
            environment=recorder.environment,
            actor=recorder.actor,
            state="running",
            started_at=recorder.clock.now(),
        )

    def begin(self, steps: Sequence[Step]) -> None:
        """Record the run, and what it is to do, before anything is done."""
        head = self._recorder.state.journal_head()
        plan = RunPlan(run=self._run.id, steps=tuple(steps), journal=head)
        self._record(
            {"steps": tuple(step.identity for step in steps)},
            self._recorder.event(
                "run.started", self._run.id, resource=self._lease.resource, steps=len(steps)
            ),
            Change(RUN_PLAN, self._run.id, render_stored(plan)),
        )

    def do(self, step: Step) -> None:
        """Reuse the step, or perform it and record how that went."""
        done = finished_step(self._recorder.state, step.identity)
        if done is not None:
            self._run = msgspec.structs.replace(
                self._run, reused=(*self._run.reused, step.identity)
            )
            self._observer.on_finished(step, done.outcome, True)
            return
        self._require_wanted(step)
        try:
            outcome = self._attempt(step)
        except (LeaseLost, RunCancelled):
            raise  # whoever holds the lease now writes the record; what is cancelled has one
        except BaseException as error:  # a keyboard interrupt, too, is how this run ended
            self._fail(step, error)
            raise
        self._observer.on_finished(step, outcome, False)

    def end(self) -> Run:
        """Record the end of the run."""
        self._end(
            "finished",
            self._recorder.event(
                "run.finished",
                self._run.id,
                reused=len(self._run.reused),
                performed=len(self._run.performed),
            ),
        )
        return self._run

    def _attempt(self, step: Step) -> StepOutcome:
        """Perform the step until it succeeds or no retry is left, and record its outcome."""
        self._check_dependencies(step)
        self._lease = self._recorder.state.renew(self._lease, ttl=self._recorder.lease_ttl)
        self._record(
            {},
            self._recorder.event(
                "step.started",
                step.identity,
                run=self._run.id,
                kind=step.kind,
                subject=step.subject,
            ),
        )
        self._observer.on_started(step)
        attempt = 0
        while True:
            attempt += 1
            started = self._recorder.clock.now()
            try:
                outcome = self._perform(step)
            except EngineError as error:
                pause_s = self._retry.pause_after(error, attempt)
                if pause_s is None:
                    raise
            else:
                self._finish(step, outcome, started)
                return outcome
            self._record(
                {},
                self._recorder.event(
                    "step.retried",
                    step.identity,
                    run=self._run.id,
                    kind=step.kind,
                    subject=step.subject,
                    attempt=attempt,
                ),
            )
            self._retry.wait(pause_s)
            self._require_wanted(step)

    def _finish(self, step: Step, outcome: StepOutcome, started: Micros) -> None:
        now = self._recorder.clock.now()
        wall_s = (now - started) / SECOND
        done = FinishedStep(
            step=step,
            outcome=outcome,
            run=self._run.id,
            actor=self._recorder.actor,
            finished_at=now,
            wall_s=wall_s,
        )
        work: dict[str, EventValue] = {
            "run": self._run.id,
            "kind": step.kind,
            "subject": step.subject,
            "rows": outcome.rows,
        }
        facts = {**outcome.facts, **work, "cpu_s": outcome.cpu_s, "wall_s": wall_s}
        event = self._recorder.event("step.finished", step.identity, **facts)
        document = Change(STEP, step.identity, render_stored(done))
        self._record({"performed": (*self._run.performed, step.identity)}, event, document)

    def _require_wanted(self, step: Step) -> None:
        """Return if nobody wants the run to end.  Raises: RunCancelled FLO-003."""
        cancelled = read_cancellation(self._recorder.state, self._run.id)
        if cancelled is None:
            return
        error = RunCancelled(
            run=self._run.id, by=cancelled.actor, kind=step.kind, subject=step.subject
        )
        fault = RunFault(code=error.code, message=error.message, step=step.identity)
        self._run = msgspec.structs.replace(self._run, fault=fault)
        event = self._recorder.event(
            "run.cancelled", self._run.id, by=cancelled.actor, step=step.identity
        )
        self._end("failed", event)
        raise error

    def _check_dependencies(self, step: Step) -> None:
        done = {*self._run.reused, *self._run.performed}
        for needed in step.depends_on:
            if needed not in done and finished_step(self._recorder.state, needed) is None:
                raise StepsOutOfOrder(kind=step.kind, subject=step.subject, missing=needed)

    def _fail(self, step: Step, error: BaseException) -> None:
        fault = RunFault(code=_code_of(error), message=_message_of(error), step=step.identity)
        facts: dict[str, EventValue] = {
            "run": self._run.id,
            "code": fault.code,
            "message": fault.message,
        }
        events = [
            self._recorder.event(
                "step.failed", step.identity, kind=step.kind, subject=step.subject, **facts
            ),
            self._recorder.event("run.failed", self._run.id, code=fault.code, step=step.identity),
        ]
        self._run = msgspec.structs.replace(self._run, fault=fault)
        self._end("failed", *events)

    def _end(self, state: str, *events: Event) -> None:
        changes = {"state": state, "ended_at": self._recorder.clock.now()}
        self._run = msgspec.structs.replace(self._run, **changes)
        self._recorder.state.commit([_document(self._run)], events, lease=self._lease)

    def _record(self, run: dict[str, tuple[str, ...]], event: Event, *documents: Change) -> None:
        """Move the run on and write the event and documents, in one transaction."""
        self._run = msgspec.structs.replace(self._run, **run)
        self._recorder.state.commit([_document(self._run), *documents], [event], lease=self._lease)


def _abandon_runs_of_the_dead(recorder: RunRecorder, lease: Lease) -> None:
    """Mark runs as abandoned that are still `running` on this resource: their process is dead,
    because this one holds the lease.
    """
    for run in list(iter_runs(recorder.state)):
        if run.state == "running" and run.resource == lease.resource:
            ended = msgspec.structs.replace(run, state="abandoned", ended_at=recorder.clock.now())
            recorder.state.commit(
                [_document(ended)],
                [recorder.event("run.abandoned", run.id, resource=run.resource)],
                lease=lease,
            )


def _document(run: Run) -> Change:
    return Change(RUN, run.id, render_stored(run))


def _code_of(error: BaseException) -> str:
    return error.code if isinstance(error, MainspringError) else type(error).__name__


def _message_of(error: BaseException) -> str:
    text = error.message if isinstance(error, MainspringError) else str(error)
    return text[:_MESSAGE_LIMIT]
