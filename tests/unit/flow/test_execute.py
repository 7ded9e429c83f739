"""Steps are done once, in order, and whatever happens is on record."""

from collections.abc import Callable, Sequence

import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.time import SECOND
from mainspring.flow.errors import StepsOutOfOrder
from mainspring.flow.execute import RunRecorder, execute
from mainspring.flow.read import durations, finished_step, iter_runs
from mainspring.flow.retry import Retry
from mainspring.flow.run import Run
from mainspring.flow.step import Step, StepDuration, StepOutcome
from mainspring.ports.errors import LeaseLost, StoreBusy, StoreFailed
from mainspring.ports.state import Lease
from mainspring.testing.memory import MemoryEngines

FETCH = Step(identity="a", kind="import_source", subject="flights")
TRAIN = Step(identity="b", kind="train_model", subject="late_arrival", depends_on=("a",))


@pytest.fixture
def engines() -> MemoryEngines:
    return MemoryEngines.at(0)


@pytest.fixture
def recorder(engines: MemoryEngines) -> RunRecorder:
    return RunRecorder(
        state=engines.state,
        clock=engines.clock,
        ids=engines.ids,
        project=ProjectName("test"),
        actor=Actor("person:ada"),
        environment="dev",
    )


@pytest.fixture
def lease(recorder: RunRecorder) -> Lease:
    return recorder.state.acquire("apply:dev", "ada", ttl=SECOND)


class Work:
    """Notes what it was asked to do, and fails where it is told to."""

    def __init__(
        self, engines: MemoryEngines, faults: dict[str, list[BaseException]] | None = None
    ) -> None:
        self.done: list[str] = []
        self._engines = engines
        self._faults = faults or {}

    def __call__(self, step: Step) -> StepOutcome:
        self.done.append(step.identity)
        self._engines.clock.advance(2 * SECOND)
        if self._faults.get(step.identity):
            raise self._faults[step.identity].pop(0)
        return StepOutcome(facts={"made": step.subject}, rows=10, cpu_s=1.5)


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def on_started(self, step: Step) -> None:
        self.seen.append(("started", step.identity))

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        self.seen.append(("reused" if reused else "finished", step.identity))


@pytest.fixture
def run_steps(recorder: RunRecorder, lease: Lease) -> Callable[..., Run]:
    def run_them(work: Work, *, steps: Sequence[Step] = (FETCH, TRAIN), **options: object) -> Run:
        return execute(steps, work, recorder=recorder, lease=lease, **options)  # type: ignore[arg-type]

    return run_them


def kinds(recorder: RunRecorder) -> list[str]:
    return [record.event.kind for record in recorder.state.iter_events()]


def test_steps_are_performed_in_order_and_recorded(
    engines: MemoryEngines, recorder: RunRecorder, run_steps: Callable[..., Run]
) -> None:
    run = run_steps(Work(engines))
    assert (run.state, run.performed, run.reused) == ("finished", ("a", "b"), ())
    assert kinds(recorder) == [
        "run.started",
        "step.started",
        "step.finished",
        "step.started",
        "step.finished",
        "run.finished",
    ]


def test_a_finished_step_is_reused_with_its_outcome(
    engines: MemoryEngines, run_steps: Callable[..., Run]
) -> None:
    run_steps(Work(engines))
    again, watcher = Work(engines), Watcher()
    run = run_steps(again, observer=watcher)
    assert (again.done, run.reused, run.performed) == ([], ("a", "b"), ())
    assert watcher.seen == [("reused", "a"), ("reused", "b")]


def test_a_failure_is_on_record_and_goes_on_to_the_caller(
    engines: MemoryEngines, recorder: RunRecorder, run_steps: Callable[..., Run]
) -> None:
    with pytest.raises(StoreFailed):
        run_steps(
            Work(
                engines,
                {"b": [StoreFailed(store="the log", operation="append", reason="disk full")]},
            )
        )
    [run] = iter_runs(recorder.state)
    assert run.fault is not None
    assert (run.state, run.fault.code, run.fault.step) == ("failed", "ENG-001", "b")
    assert kinds(recorder)[-2:] == ["step.failed", "run.failed"]


def test_an_interrupt_is_on_record_too(
    engines: MemoryEngines, recorder: RunRecorder, run_steps: Callable[..., Run]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_steps(Work(engines, {"a": [KeyboardInterrupt()]}))
    assert [run.state for run in iter_runs(recorder.state)] == ["failed"]


def test_after_a_failure_only_what_is_left_is_done(
    engines: MemoryEngines, run_steps: Callable[..., Run]
) -> None:
    with pytest.raises(ValueError, match="bad day"):
        run_steps(Work(engines, {"b": [ValueError("bad day")]}))
    again = Work(engines)
    run_steps(again)
    assert again.done == ["b"]


def test_a_transient_fault_is_tried_again_after_growing_pauses(
    engines: MemoryEngines, recorder: RunRecorder, run_steps: Callable[..., Run]
) -> None:
    busy, waited = [StoreBusy(store="the log", operation="append") for _ in range(2)], []
    run = run_steps(Work(engines, {"a": list(busy)}), retry=Retry((0.5, 3.0), waited.append))
    assert (run.state, waited, kinds(recorder).count("step.retried")) == ("finished", [0.5, 3.0], 2)


def test_a_transient_fault_that_lasts_is_a_failure(
    engines: MemoryEngines, run_steps: Callable[..., Run]
) -> None:
    busy = [StoreBusy(store="the log", operation="append") for _ in range(2)]
    with pytest.raises(StoreBusy):
        run_steps(Work(engines, {"a": list(busy)}), retry=Retry((0.5,), lambda _: None))


def test_a_step_before_its_dependencies_is_refused(
    engines: MemoryEngines, run_steps: Callable[..., Run]
) -> None:
    with pytest.raises(StepsOutOfOrder, match="train_model of late_arrival needs step a"):
        run_steps(Work(engines), steps=[TRAIN])


def test_who_lost_the_lease_records_nothing(
    engines: MemoryEngines, recorder: RunRecorder, lease: Lease
) -> None:
    def sleep_too_long(step: Step) -> StepOutcome:
        engines.clock.advance(recorder.lease_ttl)
        recorder.state.acquire("apply:dev", "bob", ttl=SECOND)
        return StepOutcome()

    with pytest.raises(LeaseLost):
        execute([FETCH], sleep_too_long, recorder=recorder, lease=lease)
    assert finished_step(recorder.state, "a") is None


def test_a_run_whose_process_died_is_abandoned_by_the_next(
    engines: MemoryEngines, recorder: RunRecorder, lease: Lease
) -> None:
    def die(step: Step) -> StepOutcome:
        engines.clock.advance(recorder.lease_ttl)
        raise LeaseLost(resource="apply:dev", holder="ada")

    with pytest.raises(LeaseLost):
        execute([FETCH], die, recorder=recorder, lease=lease)
    execute(
        [FETCH],
        Work(engines),
        recorder=recorder,
        lease=recorder.state.acquire("apply:dev", "bob", ttl=SECOND),
    )
    assert [run.state for run in iter_runs(recorder.state)] == ["abandoned", "finished"]


def test_durations_are_history_for_estimates(
    engines: MemoryEngines, recorder: RunRecorder, run_steps: Callable[..., Run]
) -> None:
    run_steps(Work(engines))
    assert durations(recorder.state, "train_model", "late_arrival") == [
        StepDuration(rows=10, cpu_s=1.5, wall_s=2.0)
    ]
    assert durations(recorder.state, "train_model", "another") == []
