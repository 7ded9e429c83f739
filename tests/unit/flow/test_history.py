"""What is on record of runs, and how one is ended from elsewhere."""

from collections.abc import Callable

import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.time import SECOND
from mainspring.flow.errors import RunCancelled, RunOver, UnknownRun
from mainspring.flow.execute import RunRecorder, execute
from mainspring.flow.history import RunHistory
from mainspring.flow.retry import Retry
from mainspring.flow.step import Step, StepOutcome
from mainspring.ports.errors import StoreBusy
from mainspring.testing.memory import MemoryEngines

STEPS = [
    Step(identity="a", kind="import_source", subject="flights"),
    Step(identity="b", kind="train_model", subject="late", depends_on=("a",)),
    Step(identity="c", kind="judge_gates", subject="late", depends_on=("b",)),
]
Perform = Callable[[Step], StepOutcome]


@pytest.fixture
def engines() -> MemoryEngines:
    return MemoryEngines.at(0)


@pytest.fixture
def history(engines: MemoryEngines) -> RunHistory:
    return RunHistory(
        state=engines.state,
        clock=engines.clock,
        project=ProjectName("test"),
        actor=Actor("person:grace"),
    )


@pytest.fixture
def run_steps(engines: MemoryEngines) -> Callable[[Perform], None]:
    recorder = RunRecorder(
        state=engines.state,
        clock=engines.clock,
        ids=engines.ids,
        project=ProjectName("test"),
        actor=Actor("person:ada"),
        environment="dev",
    )

    def run_them(perform: Perform) -> None:
        lease = engines.state.acquire("environment:dev", "ada", ttl=SECOND)
        waits = Retry(wait=lambda _: None)
        try:
            execute(STEPS, perform, recorder=recorder, lease=lease, retry=waits)
        finally:
            engines.state.release(lease)

    return run_them


def done(step: Step) -> StepOutcome:
    return StepOutcome(rows=len(step.subject), cpu_s=0.5)


def states(history: RunHistory) -> list[str]:
    return [step.state for step in history.report("last").steps]


def test_a_step_waits_runs_and_is_finished(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    seen = []

    def perform(step: Step) -> StepOutcome:
        seen.append(states(history))
        return done(step)

    run_steps(perform)

    assert seen == [
        ["running", "waiting", "waiting"],
        ["finished", "running", "waiting"],
        ["finished", "finished", "running"],
    ]
    report = history.report("last")
    assert (report.state, report.done) == ("finished", 3)
    assert [(step.kind, step.rows) for step in report.steps] == [
        ("import_source", 7),
        ("train_model", 4),
        ("judge_gates", 4),
    ]


def test_what_an_earlier_run_finished_is_reused(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    def fail_at_b(step: Step) -> StepOutcome:
        if step.identity == "b":
            raise ZeroDivisionError
        return done(step)

    with pytest.raises(ZeroDivisionError):
        run_steps(fail_at_b)
    assert states(history) == ["finished", "failed", "not run"]

    run_steps(done)
    assert states(history) == ["reused", "finished", "finished"]
    assert [run.state for run in history.runs()] == ["failed", "finished"]


def test_attempts_are_counted_and_every_event_is_the_runs(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    busy = [StoreBusy(store="x", operation="y"), None]

    def perform(step: Step) -> StepOutcome:
        if step.identity == "a" and (error := busy.pop(0)):
            raise error
        return done(step)

    run_steps(perform)
    run_steps(done)
    first, second = history.runs()

    assert [step.attempts for step in history.report(first.id).steps] == [2, 1, 1]
    kinds = [recorded.event.kind for recorded in history.events(first.id)]
    assert kinds[:4] == ["run.started", "step.started", "step.retried", "step.finished"]
    assert kinds[-1] == "run.finished"
    assert [each.event.kind for each in history.events(second.id)] == [
        "run.started",
        "run.finished",
    ]


def test_a_run_that_is_cancelled_ends_before_its_next_step(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    def perform(step: Step) -> StepOutcome:
        history.cancel("last")
        assert history.cancel("last").cancelled_by == "person:grace"
        return done(step)

    with pytest.raises(RunCancelled, match="by person:grace before train_model of late"):
        run_steps(perform)

    report = history.report("last")
    assert (report.state, states(history)) == ("cancelled", ["finished", "not run", "not run"])
    kinds = [recorded.event.kind for recorded in history.events("last")]
    assert kinds.count("run.cancel_asked") == kinds.count("run.cancelled") == 1

    run_steps(done)
    assert states(history) == ["reused", "finished", "finished"]


def test_a_run_that_waits_for_its_next_attempt_is_cancelled_too(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    tried = []

    def perform(step: Step) -> StepOutcome:
        tried.append(step.identity)
        history.cancel("last")
        raise StoreBusy(store="x", operation="y")

    with pytest.raises(RunCancelled):
        run_steps(perform)
    assert (tried, history.report("last").state) == (["a"], "cancelled")


def test_only_what_runs_is_cancelled(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    run_steps(done)
    with pytest.raises(RunOver, match="is finished already"):
        history.cancel("last")


def test_a_run_is_found_by_the_beginning_of_its_id_where_that_is_one_runs(
    history: RunHistory, run_steps: Callable[[Perform], None]
) -> None:
    with pytest.raises(UnknownRun, match="no run has the id last"):
        history.report("last")
    run_steps(done)
    [first] = history.runs()
    assert history.report(first.id[:-1]).id == first.id
    run_steps(done)
    with pytest.raises(UnknownRun, match="more than one run"):
        history.report(first.id[:4])
    for name in ("", "nobody"):
        with pytest.raises(UnknownRun, match="no run"):
            history.report(name)
