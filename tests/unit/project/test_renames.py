"""A rename keeps what an asset has; what cannot be one is refused."""

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY
from mainspring.engines.local.clock import FrozenClock
from mainspring.project.errors import ProjectErrors
from mainspring.project.kinds.asset import AssetOrigin
from mainspring.project.loader.load import load_definitions
from mainspring.project.loader.origins import resolve_origins
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import graph_of, holding, known_as

SOURCE = (
    ('ms.Source("orders"', 'ms.Source("purchases"'),
    ('event_time="ordered_at")', 'event_time="ordered_at", renamed_from="orders")'),
)
VIEW = (('"spending", source', '"outlay", renamed_from="spending", source'),)
MODEL = (
    ("@ms.model(history,", '@ms.model(history, renamed_from="returned",'),
    ("def returned(", "def comes_back("),
    ("model=returned", "model=comes_back"),
    ("ms.Monitor(returned)", 'ms.Monitor(comes_back, name="returned-monitor")'),
)
CONTRACT = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64(), shop=ms.String())
SHOP = ms.Entity("shop")


def source(name: str, renamed_from: str = "") -> ms.Source:
    return ms.Source(name, id="n", event_time="at", contract=CONTRACT, renamed_from=renamed_from)


def view(name: str, *sources: ms.Source, renamed_from: str = "") -> ms.FeatureView:
    return ms.FeatureView(
        name,
        source=sources,
        entities=[SHOP],
        windows=["unbounded"],
        features={"newest": col("amount").last(), "oldest": col("amount").first()},
        renamed_from=renamed_from,
    )


def codes(definitions: list[object]) -> list[str]:
    """The codes of a project's mistakes."""
    with pytest.raises(ProjectErrors) as raised:
        load_definitions(definitions)
    return [fault.code for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("edits", "named"),
    [
        pytest.param(SOURCE, set(), id="source"),
        pytest.param(VIEW, set(), id="view"),
        pytest.param(MODEL, {"endpoint.returned", "monitor.returned-monitor"}, id="model"),
    ],
)
def test_a_rename_alone_changes_only_what_is_found_by_the_name(
    write_shop: WriteProject, edits: tuple[tuple[str, str], ...], named: set[str]
) -> None:
    before, after = graph_of(write_shop()), graph_of(write_shop(*edits))
    names = known_as(after, holding(before))
    assert len(names) == 1
    assert {
        name
        for name, asset in after.assets.items()
        if asset.build_fingerprint != before.assets[names.get(name, name)].build_fingerprint
        or asset.policy_fingerprint != before.assets[names.get(name, name)].policy_fingerprint
    } == named


def test_what_is_renamed_cannot_still_be_there() -> None:
    assert codes([source("sales"), source("orders", "sales")]) == ["PRJ-100"]


def test_two_names_cannot_be_exchanged_at_once() -> None:
    assert codes([source("sales", "orders"), source("orders", "sales")]) == ["PRJ-100"] * 2


def test_one_history_cannot_go_two_ways() -> None:
    assert codes([source("orders", "sales"), source("trips", "sales")]) == ["PRJ-101"]


def test_names_of_several_renames_lead_to_the_first() -> None:
    recorded = {"source.b": AssetOrigin("a", refreshes=2)}
    found = resolve_origins([source("c", "b")], recorded)
    assert found["source.c"] == AssetOrigin("a", refreshes=2)


def test_what_is_on_record_counts_without_a_word_in_the_code() -> None:
    recorded = {"source.b": AssetOrigin("a")}
    assert resolve_origins([source("b")], recorded)["source.b"].name == "a"


def test_a_name_may_be_what_something_of_another_kind_was_called() -> None:
    recorded = {"source.orders": AssetOrigin("sales")}
    declared = source("orders")
    assert "view.sales" not in resolve_origins([declared, view("sales", declared)], recorded)


def test_a_first_name_is_not_free_while_what_bore_it_is_declared() -> None:
    recorded = {"source.orders": AssetOrigin("sales"), "source.sales": AssetOrigin("sales")}
    with pytest.raises(ProjectErrors, match="PRJ-102 source sales would have the history of"):
        resolve_origins([source("sales"), source("orders")], recorded)


def test_what_was_applied_by_its_own_name_takes_no_other_history() -> None:
    recorded = {"source.orders": AssetOrigin("orders"), "source.sales": AssetOrigin("sales")}
    with pytest.raises(ProjectErrors, match="PRJ-103 source orders cannot be renamed from sales"):
        resolve_origins([source("orders", "sales")], recorded)


def test_events_of_one_instant_stay_in_order_when_a_source_of_a_union_is_renamed() -> None:
    clock = FrozenClock(19_844 * DAY)
    early, late = source("a"), source("b")
    workspace = Workspace.in_memory([early, late, view("takings", early, late)], clock=clock)
    workspace.apply()
    row = {"n": 1, "at": "2024-04-01T00:00:00Z", "shop": "x"}
    workspace.ingest("a", [row | {"amount": 1.0}])
    workspace.ingest("b", [row | {"amount": 2.0}])
    before = answers(workspace, "takings")
    assert before == ([2.0], [2.0])
    renamed = source("z", "a")
    declared = [renamed, late, view("revenue", late, renamed, renamed_from="takings")]
    after = Workspace(load_definitions(declared), workspace.runtime, environment="dev", folder=None)
    assert {change.change for change in after.plan().changes} == {"renamed"}
    after.apply()
    assert answers(after, "revenue") == before
    assert sorted(after._compiled_sources()) == ["b", "z"]


def answers(workspace: Workspace, name: str) -> tuple[list[object], list[object]]:
    """The newest amount, online and then."""
    now = workspace.get_online_features([name], keys=[{"shop": "x"}])
    spine = pl.DataFrame({"shop": ["x"], "prediction_time": [19_844 * DAY + 1]})
    then = workspace.get_historical_features([name], spine=spine)
    column = "shop__newest__unbounded"
    return list(now.columns[column]), then[column].to_list()
