"""A plan is performed in its order, each stage once, and a failure leaves what stood."""

from pathlib import Path

import pytest

import mainspring as ms
from mainspring.elements.events import Actor
from mainspring.flow.step import Step, StepOutcome
from mainspring.ports.errors import LeaseHeld
from mainspring.project.errors import GatesFailed, ProtectedEnvironment
from mainspring.project.plan.stages import MoveEnvironment
from mainspring.registry.read_environment import read_build, read_environment
from tests.unit.project.desk import copied, edited, write_desk


class Watched:
    """An observer that notes what is performed and what is reused."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, bool]] = []

    def on_started(self, step: Step) -> None:
        """Nothing."""

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        """Note it."""
        self.finished.append((step.kind, reused))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that nothing was built of yet."""
    return write_desk(tmp_path)


@pytest.fixture
def applied(applied_desk: Path, tmp_path: Path) -> ms.Workspace:
    """A project whose dev holds its first version."""
    return ms.Workspace.open(copied(applied_desk, tmp_path))


def test_stages_are_performed_in_the_order_of_the_plan(folder: Path) -> None:
    workspace, watched = ms.Workspace.open(folder), Watched()
    report = workspace.apply(observer=watched)
    assert [kind for kind, _ in watched.finished] == [
        "import_source",
        "import_source",
        "build_view",
        "build_training_set",
        "train_model",
        "judge_gates",
        "build_baseline",
        "move_environment",
    ]
    assert (report.performed, report.reused, report.version) == (8, 0, 1)


def test_a_pointer_holds_the_build_that_this_run_made(applied: ms.Workspace) -> None:
    state = applied.runtime.state
    held = read_environment(state, "dev").pointers
    for asset in ("view.load", "training_set.history", "model.slow", "monitor.slow-monitor"):
        build = read_build(state, asset, held[asset].build_fingerprint)
        assert build is not None
        assert build.digest == held[asset].build_digest


def test_a_stage_that_is_built_already_is_reused_and_the_others_run(applied: ms.Workspace) -> None:
    assert applied.folder is not None
    edited(applied.folder.parent, "num_leaves=4", "num_leaves=5")
    plan = ms.Workspace.open(applied.folder.parent).plan()
    assert [stage.asset for stage in plan.work] == [
        "model.slow",
        "model.slow",
        "monitor.slow-monitor",
        "dev",
    ]


def test_a_failed_gate_moves_nothing_and_its_verdict_is_on_record(folder: Path) -> None:
    edited(folder, "latency(p99_ms=500", "latency(p99_ms=0.000001")
    workspace = ms.Workspace.open(folder)
    with pytest.raises(GatesFailed):
        workspace.apply()
    assert workspace.status().version == 0
    judged = [e.event.facts for e in workspace.runtime.state.iter_events(kind="gate.judged")]
    assert {facts["gate"]: facts["passed"] for facts in judged}["latency"] is False


def test_nobody_moves_an_environment_that_another_process_moves(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    workspace.runtime.state.acquire("environment:dev", Actor("person:bob"), ttl=10**9)
    with pytest.raises(LeaseHeld):
        workspace.apply()


def test_the_lease_is_given_back_when_a_stage_fails(folder: Path) -> None:
    edited(folder, "latency(p99_ms=500", "latency(p99_ms=0.000001")
    with pytest.raises(GatesFailed):
        ms.Workspace.open(folder).apply()
    edited(folder, "latency(p99_ms=0.000001", "latency(p99_ms=500")
    assert ms.Workspace.open(folder).apply().version == 1


def test_a_run_on_the_same_data_moves_nothing(applied: ms.Workspace) -> None:
    assert not applied.run("slow").moved


def test_a_protected_environment_is_only_promoted_to(folder: Path) -> None:
    workspace = ms.Workspace.open(folder, env="prod")
    with pytest.raises(ProtectedEnvironment, match="prod"):
        workspace.apply()


def test_what_stages_took_is_remembered_for_the_next_estimate(applied: ms.Workspace) -> None:
    kinds = {
        document.key.partition("/")[0]
        for document in applied.runtime.state.iter_documents("duration")
    }
    assert {"train_model", "build_view", "judge_gates", "move_environment"} <= kinds


def test_the_last_stage_of_an_apply_is_the_move(folder: Path) -> None:
    *_, last = ms.Workspace.open(folder).plan().stages
    assert isinstance(last, MoveEnvironment)
    assert {move.asset for move in last.moves if move.definition is None} == set()
