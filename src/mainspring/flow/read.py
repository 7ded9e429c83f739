"""Read finished steps, their durations, and runs."""

from collections.abc import Iterator

from mainspring.elements.stored import parse_document
from mainspring.flow.run import CANCELLATION, RUN, RUN_PLAN, Run, RunCancellation, RunPlan
from mainspring.flow.step import STEP, FinishedStep, StepDuration
from mainspring.ports.state import StateReader

__all__ = [
    "durations",
    "finished_step",
    "iter_finished_steps",
    "iter_runs",
    "read_cancellation",
    "read_run_plan",
]


def iter_runs(state: StateReader) -> Iterator[Run]:
    """All runs, the oldest first."""
    return (parse_document(document, Run) for document in state.iter_documents(RUN))


def read_run_plan(state: StateReader, run: str) -> RunPlan | None:
    """What a run was to do; None of one that an older release performed."""
    document = state.get(RUN_PLAN, run)
    return None if document is None else parse_document(document, RunPlan)


def read_cancellation(state: StateReader, run: str) -> RunCancellation | None:
    """Who wants a run to end, if anybody does."""
    document = state.get(CANCELLATION, run)
    return None if document is None else parse_document(document, RunCancellation)


def finished_step(state: StateReader, identity: str) -> FinishedStep | None:
    """The record of a step if it is done."""
    document = state.get(STEP, identity)
    return None if document is None else parse_document(document, FinishedStep)


def iter_finished_steps(state: StateReader) -> Iterator[FinishedStep]:
    """All finished steps, by identity."""
    return (parse_document(document, FinishedStep) for document in state.iter_documents(STEP))


def durations(state: StateReader, kind: str, subject: str | None = None) -> list[StepDuration]:
    """The durations of steps of a kind, the oldest first; of one subject or of all.  For estimates
    of cost.

    Cost: reads every finished step of the project, about 10 µs each.
    """
    found = [
        done
        for done in iter_finished_steps(state)
        if done.step.kind == kind and subject in (None, done.step.subject)
    ]
    found.sort(key=lambda done: (done.finished_at, done.step.identity))
    return [
        StepDuration(rows=done.outcome.rows, cpu_s=done.outcome.cpu_s, wall_s=done.wall_s)
        for done in found
    ]
