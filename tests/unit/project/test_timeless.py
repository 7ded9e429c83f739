"""What asks for a time that a source does not have is refused where it is declared."""

import pytest

from mainspring.project.errors import ProjectErrors
from mainspring.project.loader.discover import discover
from mainspring.project.loader.validate import validate
from mainspring.project.plan.explain import render_plan
from mainspring.project.plan.plan import PlanningContext, make_plan
from mainspring.registry.environment import empty_environment
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import SCHEMAS, graph_of

NO_TIME = ('event_time="ordered_at"', "event_time=None")
TABLE = [
    NO_TIME,
    ('    prediction_time=col("ordered_at") + ms.minutes(1),\n', ""),
    (
        'ms.split_by_time(train_from="2024-01-01", test_from="2024-02-01", '
        'test_until="2024-03-01")',
        'ms.split_by_key("customer")',
    ),
    (
        'windows=["1h", "7d"], features={"amount_sum": col("amount").clip(0, 100).sum()}',
        'features=ms.latest("note")',
    ),
]


def faults_of(write_shop: WriteProject, *replacements: tuple[str, str]) -> list[str]:
    """The faults as `code problem`."""
    try:
        validate(discover(write_shop(*replacements)), SCHEMAS)
    except ProjectErrors as errors:
        return [f"{fault.code} {fault.message}" for fault in errors.faults]
    return []


def test_a_plain_table_can_be_spine_label_and_latest(write_shop: WriteProject) -> None:
    assert faults_of(write_shop, *TABLE) == []
    assert faults_of(write_shop, *TABLE, ('split_by_key("customer")', "split_at_random()")) == []


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (('event_time=None)', 'event_time=None, known_at="ordered_at")'), "known_at cannot"),
        (('event_time=None)', 'event_time=None, lateness="1d")'), "no fact can be late"),
        (('ms.latest("note")', 'ms.latest("note"), ttl="1d"'), "become too old for a ttl"),
        (
            ("    spine=orders,", '    spine=orders, prediction_time=ms.timestamp("2024-01-01"),'),
            "there is no prediction time",
        ),
        (
            ('split_by_key("customer")', 'split_by_time(train_from="2024-01-01", '
             'test_from="2024-02-01", test_until="2024-03-01")'),
            "use split_by_key or split_at_random",
        ),
        (
            ('join_on="order_id")', 'join_on="order_id", missing="negative", horizon="3d")'),
            "the horizon of the label has no beginning",
        ),
        (
            ('"spending", source=orders', '"spending", source=returns'),
            "no time at which view spending (returns) could be read",
        ),
    ],
)  # fmt: skip
def test_what_needs_a_time_is_refused(
    write_shop: WriteProject, edit: tuple[str, str], fault: str
) -> None:
    assert any(
        found.startswith("PRJ-072") and fault in found
        for found in faults_of(write_shop, *TABLE, edit)
    )


def test_windows_over_a_plain_table_are_refused(write_shop: WriteProject) -> None:
    assert [found[:7] for found in faults_of(write_shop, *TABLE[:3])] == ["PRJ-037"]


@pytest.mark.parametrize("edit", [TABLE[1], TABLE[2]])
def test_a_spine_with_time_uses_it(write_shop: WriteProject, edit: tuple[str, str]) -> None:
    assert [found[:7] for found in faults_of(write_shop, edit)] == ["PRJ-073"]


def test_a_split_that_fits_or_judges_nothing_is_refused(write_shop: WriteProject) -> None:
    edit = ('split_by_key("customer")', "split_at_random(test_share=1.0)")
    assert [found[:7] for found in faults_of(write_shop, *TABLE, edit)] == ["PRJ-044"]


def test_a_split_by_a_column_that_the_spine_lacks_is_refused(write_shop: WriteProject) -> None:
    edit = ('split_by_key("customer")', 'split_by_key("patient")')
    assert [found[:7] for found in faults_of(write_shop, *TABLE, edit)] == ["PRJ-033"]


def test_an_event_time_that_goes_reads_as_none(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop(*TABLE))
    plan = make_plan("shop", graph, PlanningContext(environment=empty_environment("dev")))
    assert [timeless.source for timeless in plan.timeless] == ["source.orders"]
    assert "No time: source.orders has no event times" in render_plan(plan)
