"""A promotion, a rollback and pointing at a version are plans: shown, obeyed, and without code."""

from pathlib import Path

import msgspec
import pytest

import mainspring as ms
from mainspring.project.errors import GatesFailed, NothingToPromote, NothingToRollBack
from mainspring.project.kinds.model import JudgeGates
from mainspring.project.plan.plan import Plan
from mainspring.project.plan.stages import MoveEnvironment, VerifyVersion
from mainspring.serving.errors import ModelRefused
from mainspring.serving.inference.errors import LogIncomplete
from tests.unit.project.desk import copied, edited


def opened(project: Path, folder: Path) -> ms.Workspace:
    """A copy of a project, whose staging trusts the local key."""
    copy = copied(project, folder)
    key = ms.Workspace.open(copy).public_keys()["tester"]
    (copy / "project.toml").write_text(f'[environments.staging.trust]\ntester = ["{key}"]\n')
    return ms.Workspace.open(copy)


@pytest.fixture
def desk(applied_desk: Path, tmp_path: Path) -> ms.Workspace:
    """A project whose dev holds its first version."""
    return opened(applied_desk, tmp_path)


@pytest.fixture
def retrained(retrained_desk: Path, tmp_path: Path) -> ms.Workspace:
    """The same project with another model in dev, as version 2."""
    return opened(retrained_desk, tmp_path)


def test_a_promotion_judges_then_verifies_then_moves(desk: ms.Workspace) -> None:
    plan = desk.plan_promotion("staging")
    assert [type(stage) for stage in plan.stages] == [JudgeGates, VerifyVersion, MoveEnvironment]
    assert (plan.act, plan.subject, plan.environment, plan.source_version) == (
        "promote",
        "dev",
        "staging",
        1,
    )


def test_a_promotion_judges_by_the_gates_that_the_environment_holds(desk: ms.Workspace) -> None:
    assert desk.folder is not None
    edited(desk.folder.parent, "ms.gates.latency(p99_ms=500, requests=3)", "")
    [judge, *_] = ms.Workspace.open(desk.folder.parent).plan_promotion("staging").stages
    assert isinstance(judge, JudgeGates)
    assert judge.gates == ("no_leakage", "parity", "finite_scores", "latency")
    assert judge.definition is not None
    assert "500" in judge.definition.policy["gates.latency"]


def test_a_promotion_again_moves_nothing(desk: ms.Workspace) -> None:
    assert desk.promote("staging").version == 1
    assert (report := desk.promote("staging")).version == 1
    assert not report.moved


def test_an_environment_without_trust_takes_no_promotion(desk: ms.Workspace) -> None:
    with pytest.raises(ModelRefused, match="no valid signature by a key accepted"):
        desk.promote("prod")


def test_a_rollback_is_a_plan_that_restores_a_version(retrained: ms.Workspace) -> None:
    plan = retrained.plan_rollback()
    [move] = plan.stages
    assert isinstance(move, MoveEnvironment)
    assert (move.restores, move.from_version) == (1, 2)
    assert retrained.apply(plan).version == 3
    assert retrained.status().endpoints[0].model == "slow v1"


def test_pointing_at_a_version_verifies_it_first(retrained: ms.Workspace) -> None:
    plan = retrained.plan_pointing("slow@v1")
    assert [type(stage) for stage in plan.stages] == [VerifyVersion, MoveEnvironment]
    assert retrained.apply(plan).version == 3
    assert retrained.status().endpoints[0].model == "slow v1"


def test_what_cannot_be_planned_says_why(desk: ms.Workspace) -> None:
    with pytest.raises(NothingToRollBack):
        desk.plan_rollback()
    with pytest.raises(NothingToPromote, match="they are the same"):
        desk.plan_promotion("dev")


def test_a_refused_promotion_leaves_the_target_and_its_verdicts_on_record(
    desk: ms.Workspace,
) -> None:
    assert desk.folder is not None
    desk.promote("staging")
    edited(desk.folder.parent, "p99_ms=500", "p99_ms=0.000001")
    strict = ms.Workspace.open(desk.folder.parent)
    with pytest.raises(GatesFailed):
        strict.apply()
    assert strict.status().version == 1


@pytest.mark.parametrize("act", ["plan", "run", "promote", "rollback"])
def test_a_plan_reads_in_words_and_as_json(retrained: ms.Workspace, act: str) -> None:
    makers = {
        "plan": retrained.plan,
        "run": lambda: retrained.plan_run("slow"),
        "promote": lambda: retrained.plan_promotion("staging"),
        "rollback": retrained.plan_rollback,
    }
    plan = makers[act]()
    again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    assert again == plan
    assert plan.environment in retrained.explain(plan)


@pytest.mark.parametrize("log", ["sample=0.5", "asynchronous=True"])
def test_a_protected_environment_takes_no_endpoint_that_leaves_predictions_out(
    applied_desk: Path, tmp_path: Path, log: str
) -> None:
    project = copied(applied_desk, tmp_path)
    edited(project, "model=", f"log=ms.InferenceLog({log}), model=")
    workspace = ms.Workspace.open(project)
    workspace.apply(workspace.plan())
    with pytest.raises(LogIncomplete, match="staging is protected") as told:
        workspace.plan_promotion("staging")
    assert told.value.declared == log
    assert told.value.at is not None
    assert (
        "ms.Endpoint(" in Path(told.value.at.path).read_text().splitlines()[told.value.at.line - 1]
    )
