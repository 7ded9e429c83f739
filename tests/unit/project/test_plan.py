"""A plan says what would change and lists the stages that make it so."""

import msgspec
import pytest

from mainspring.project.config.config import Cost
from mainspring.project.kinds.model import JudgeGates, TrainModel
from mainspring.project.kinds.stage import stage_kind
from mainspring.project.loader.errors import DependencyCycle
from mainspring.project.loader.graph import topological_order
from mainspring.project.plan.plan import Plan, PlanningContext, make_plan
from mainspring.project.plan.stages import MoveEnvironment, Stage
from mainspring.registry.environment import StageDuration, empty_environment
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import build_of, definitions_of, graph_of, holding

WIDER = ('windows=["1h", "7d"]', 'windows=["2h", "7d"]')
STRICTER = ('"roc_auc", 0.7', '"roc_auc", 0.8')


def plan_after(write_shop: WriteProject, *replacements: tuple[str, str]) -> Plan:
    """The plan for an edit of a project that is in place."""
    before = graph_of(write_shop())
    return make_plan(
        "shop",
        graph_of(write_shop(*replacements)),
        PlanningContext(environment=holding(before), definitions=definitions_of(before)),
    )


def kinds(stages: tuple[Stage, ...]) -> list[str]:
    """The kinds of the stages in order."""
    return [stage_kind(stage) for stage in stages]


def test_an_unchanged_project_plans_to_nothing(write_shop: WriteProject) -> None:
    plan = plan_after(write_shop)
    assert (plan.is_empty, plan.stages, plan.unchanged) == (True, (), 8)


def test_a_new_project_is_built_in_the_order_that_data_takes(write_shop: WriteProject) -> None:
    plan = make_plan(
        "shop", graph_of(write_shop()), PlanningContext(environment=empty_environment("dev"))
    )
    expected = [
        "import_source",
        "import_source",
        "build_view",
        "build_training_set",
        "train_model",
        "judge_gates",
        "build_baseline",
        "move_environment",
    ]
    assert kinds(plan.stages) == expected


def test_a_stage_comes_after_the_stages_that_make_its_parents(write_shop: WriteProject) -> None:
    plan = make_plan(
        "shop", graph_of(write_shop()), PlanningContext(environment=empty_environment("dev"))
    )
    seen: set[str] = set()
    for stage in plan.stages:
        assert seen.issuperset(stage.after)
        seen.add(stage.identity)


def test_an_edit_names_the_field_and_what_it_touches(write_shop: WriteProject) -> None:
    change = plan_after(write_shop, WIDER).changes[0]
    assert (change.asset, change.change, change.at) == ("view.spending", "changed", "shop.py:11")
    assert [(f.field, f.before, f.after) for f in change.fields] == [
        ("windows", "[3600000000,604800000000]", "[7200000000,604800000000]")
    ]
    assert change.touches == (
        "training_set.history",
        "model.returned",
        "endpoint.returned",
        "monitor.returned-monitor",
    )


def test_what_rests_on_an_edit_changes_indirectly_because_of_its_parent(
    write_shop: WriteProject,
) -> None:
    changes = {change.asset: change for change in plan_after(write_shop, WIDER).changes}
    assert changes["training_set.history"].change == "changed_indirectly"
    assert changes["model.returned"].because_of == ("training_set.history",)


def test_a_change_of_policy_is_judged_and_moved_only(write_shop: WriteProject) -> None:
    plan = plan_after(write_shop, STRICTER)
    assert kinds(plan.stages) == ["judge_gates", "move_environment"]
    assert [change.change for change in plan.changes] == ["policy_changed"]


def test_the_model_in_charge_is_the_champion(write_shop: WriteProject) -> None:
    judge = plan_after(write_shop, STRICTER).stages[0]
    assert isinstance(judge, JudgeGates)
    assert judge.champion == holding(graph_of(write_shop())).pointers["model.returned"].build_digest
    assert judge.gates == ("no_leakage", "parity", "finite_scores", "min_metric:roc_auc")


def test_a_build_of_the_same_definition_is_reused(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    build = build_of(graph, "view.spending")
    plan = make_plan(
        "shop",
        graph,
        PlanningContext(
            environment=empty_environment("dev"), builds={(build.asset, build.fingerprint): build}
        ),
    )
    assert [stage.asset for stage in plan.stages if stage.reuses] == ["view.spending"]
    assert len(plan.work) == len(plan.stages) - 1


def test_identities_do_not_depend_on_what_is_built_already(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    build = build_of(graph, "source.orders")
    fresh = make_plan("shop", graph, PlanningContext(environment=empty_environment("dev")))
    resumed = make_plan(
        "shop",
        graph,
        PlanningContext(
            environment=empty_environment("dev"), builds={(build.asset, build.fingerprint): build}
        ),
    )
    assert [stage.identity for stage in fresh.stages] == [
        stage.identity for stage in resumed.stages
    ]


def test_what_is_no_longer_declared_is_removed_by_the_move(write_shop: WriteProject) -> None:
    plan = plan_after(write_shop, ("ms.Monitor(returned)\n", ""))
    move = plan.stages[-1]
    assert isinstance(move, MoveEnvironment)
    assert (move.removes, move.from_version, move.moves) == (("monitor.returned-monitor",), 1, ())


def test_a_move_names_the_stage_that_makes_each_build(write_shop: WriteProject) -> None:
    plan = plan_after(write_shop, WIDER)
    train = next(stage for stage in plan.stages if isinstance(stage, TrainModel))
    move = plan.stages[-1]
    assert isinstance(move, MoveEnvironment)
    assert {m.asset: m.stage for m in move.moves}["model.returned"] == train.identity
    assert {m.asset: m.stage for m in move.moves}["endpoint.returned"] is None


def test_estimates_scale_the_last_time_by_rows_and_the_kind_where_there_was_none(
    write_shop: WriteProject,
) -> None:
    durations = [StageDuration(stage="import_source", asset="source.orders", rows=100, cpu_s=2.0)]
    world = PlanningContext(
        environment=empty_environment("dev"),
        durations=durations,
        rows={"orders": 200, "returns": 50},
        cost=Cost(cpu_hour=36.0),
    )
    first, second, view = [
        stage.estimate for stage in make_plan("shop", graph_of(write_shop()), world).stages
    ][:3]
    assert first is not None and second is not None and view is not None  # noqa: PT018
    assert (first.cpu_s, first.cost, second.cpu_s) == (4.0, pytest.approx(0.04), 1.0)
    assert (view.rows, view.cpu_s) == (200, None)


def test_assumed_knowledge_is_marked_on_every_line_that_rests_on_it(
    write_shop: WriteProject,
) -> None:
    plan = make_plan(
        "shop", graph_of(write_shop()), PlanningContext(environment=empty_environment("dev"))
    )
    marked = {change.asset for change in plan.changes if change.is_assumed}
    assert marked == {
        "source.returns",
        "training_set.history",
        "model.returned",
        "endpoint.returned",
        "monitor.returned-monitor",
    }
    assert [(a.source, a.delay_us) for a in plan.assumed] == [("source.returns", 7_200_000_000)]
    assert all(stage.is_assumed for stage in plan.stages if stage.asset in marked)


def test_a_plan_survives_json(write_shop: WriteProject) -> None:
    plan = plan_after(write_shop, WIDER)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_a_circle_is_refused() -> None:
    with pytest.raises(DependencyCycle, match="PRJ-045"):
        topological_order({"a": ("b",), "b": ("a",)})
