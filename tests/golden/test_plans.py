"""Plans as people read them, and the schema that machines read them by."""

import os
from pathlib import Path

import pytest

from mainspring.elements.identity import Digest
from mainspring.project.config.config import Cost
from mainspring.project.loader.discover import discover
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.columns import columns_of_sources
from mainspring.project.plan.explain import render_plan
from mainspring.project.plan.plan import Plan, PlanningContext, make_plan, plan_schema
from mainspring.registry.environment import (
    EnvironmentVersion,
    StageDuration,
    empty_environment,
    renamed_version,
)
from tests.unit.project.conftest import WriteProject, write_shop
from tests.unit.project.shop import build_of, definitions_of, graph_of, holding, known_as
from tests.unit.project.test_timeless import TABLE

__all__ = ["write_shop"]

ROOT = Path(__file__).parent.parent.parent
ROWS = {"orders": 120_000, "returns": 9_000}
DURATIONS = [
    StageDuration(stage="import_source", asset="source.orders", rows=100_000, cpu_s=1.5),
    StageDuration(stage="build_view", asset="view.spending", rows=100_000, cpu_s=4.0),
    StageDuration(
        stage="build_training_set", asset="training_set.history", rows=100_000, cpu_s=12.0
    ),
    StageDuration(stage="train_model", asset="model.returned", rows=100_000, cpu_s=95.0),
]
_ORDERS = "source.orders"
RENAMED = [
    ('ms.Source("orders", "orders.csv",', 'ms.Source("purchases", "orders.csv",'),
    ('event_time="ordered_at")', 'event_time="ordered_at", renamed_from="orders")'),
    ('"spending", source', '"outlay", renamed_from="spending", source'),
    ("@ms.model(history,", '@ms.model(history, renamed_from="returned",'),
    ("def returned(", "def comes_back("),
    ("model=returned", "model=comes_back"),
    ("ms.Monitor(returned)", 'ms.Monitor(comes_back, name="returned-monitor")'),
]
EDITS = {
    "edited_window": [('windows=["1h", "7d"]', 'windows=["1h", "24h"]')],
    "edited_code_and_gate": [
        ("MARGIN = 0.5", "MARGIN = 0.6"),
        ('"roc_auc", 0.7', '"roc_auc", 0.8'),
    ],
    "canary_of_other_code": [
        ("MARGIN = 0.5", "MARGIN = 0.6"),
        ("model=returned", 'model=returned, rollout=ms.Canary(steps=[5, 100], hold="1h")'),
    ],
    "stricter_gate": [('"roc_auc", 0.7', '"roc_auc", 0.8')],
    "removed_monitor": [("ms.Monitor(returned)\n", "")],
    "edited_expression": [
        (".clip(0, 100)", ".clip(0, 250)"),
        ('col("amount") < 10', '(col("amount") < 10) & ~col("customer").is_null()'),
    ],
    "edited_meaning": [
        ('windows=["1h", "7d"]', 'windows=["1h", "unbounded"], closed="both", hop="5m"'),
        (
            'col("amount").clip(0, 100).sum()',
            (
                'col("amount").ewma(half_life="6h", where=col("note") == "gift"), "notes": '
                'col("note").top_k(3)'
            ),
        ),
        ('ms.Entity("customer")', 'ms.Entity("customer", null_keys="group")'),
    ],
    "plain_table": TABLE,
    "unchanged": [],
    "renamed": RENAMED,
    "renamed_and_edited": [*RENAMED, ('windows=["1h", "7d"]', 'windows=["1h", "24h"]')],
    "removed_source": [
        ('returns = ms.Source("returns", "returns.csv"', 'returns = ms.Source("refunds", None')
    ],
}


def plan_of(graph: Graph, environment: EnvironmentVersion, before: Graph) -> Plan:
    """The plan with a history and one build to reuse."""
    orders = next(n for n, each in graph.assets.items() if each.definition.asset == _ORDERS)
    build = build_of(graph, orders)
    builds = {(build.asset, Digest(build.fingerprint)): build}
    names = known_as(graph, environment)
    defined = definitions_of(before)
    world = PlanningContext(
        environment=renamed_version(environment, names),
        builds=builds,
        definitions=defined | {name: defined[former] for name, former in names.items()},
        renames=names,
        pushed={"source.returns": 1_234},
        durations=DURATIONS,
        rows=ROWS,
        cost=Cost(cpu_hour=0.05),
    )
    return make_plan("shop", graph, world)


def expect(name: str, text: str) -> None:
    """Compare with the golden file."""
    file = Path(__file__).parent / "plans" / f"{name}.txt"
    if os.environ.get("MAINSPRING_WRITE_GOLDEN"):
        file.write_text(f"{text}\n")
    assert text == file.read_text().rstrip("\n")


@pytest.mark.parametrize("name", EDITS)
def test_the_plan_of_an_edit_reads_as_agreed(write_shop: WriteProject, name: str) -> None:
    before = graph_of(write_shop())
    expect(name, render_plan(plan_of(graph_of(write_shop(*EDITS[name])), holding(before), before)))


def test_the_plan_of_a_new_project_reads_as_agreed(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    expect("new", render_plan(plan_of(graph, empty_environment("dev"), graph)))


WIDE = ",".join(f"c{number}" for number in range(20))
ORDERS = f"""order_id,ordered_at,customer,amount,empty,_note,{WIDE}
1,2024-01-01,00501,5,,a,{"1," * 19}1
2,2024-01-02,00502,7.5,,b,{"1," * 19}1
3,03/01/2024,00503,9,,c,{"1," * 19}x
"""
RETURNS = """{"order_id": 1, "returned_at": "2024-01-05", "refund": 2.5, "lines": [1, 2]}
{"order_id": 2, "returned_at": "2024-01-07", "refund": 3, "lines": {"first": 1}}
"""


def test_a_plan_says_what_the_columns_of_new_and_changed_sources_were_taken_for(
    write_shop: WriteProject,
) -> None:
    before = graph_of(write_shop(("returns.csv", "returns.jsonl")))
    edited = ('event_time="ordered_at")', 'event_time="ordered_at", lateness="9d")')
    file = write_shop(("returns.csv", "returns.jsonl"), edited)
    (file.parent / "orders.csv").write_text(ORDERS)
    (file.parent / "returns.jsonl").write_text(RETURNS)
    columns = columns_of_sources(discover(file).sources, str(file.parent))

    def text_in(environment: EnvironmentVersion) -> str:
        known = definitions_of(before)
        world = PlanningContext(environment=environment, definitions=known, columns=columns)
        return render_plan(make_plan("shop", graph_of(file), world))

    expect("new_columns", text_in(empty_environment("dev")))
    expect("columns_of_edited_source", text_in(holding(before)))


def test_colour_adds_nothing_but_colour(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    plan = plan_of(graph, empty_environment("dev"), graph)
    coloured = render_plan(plan, colour=True)
    for code in ("\x1b[0m", *(f"\x1b[{number}m" for number in (1, 2, 31, 32, 33, 35, 36))):
        coloured = coloured.replace(code, "")
    assert "\n".join(line.rstrip() for line in coloured.splitlines()) == render_plan(plan)


def test_the_schema_of_a_plan_is_the_one_that_is_documented() -> None:
    assert plan_schema() == (ROOT / "docs" / "plan-schema.json").read_bytes()
