"""A source that nothing needs goes with all its rows, by name only."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY
from mainspring.engines.local.clock import FrozenClock
from mainspring.maintenance.errors import SourceNeeded
from mainspring.maintenance.garbage import RemoveSource
from mainspring.project.loader.load import load_definitions
from mainspring.registry.errors import UnknownAsset
from mainspring.sources.raw.log import raw_head

CLOCK = FrozenClock(19_844 * DAY)
CONTRACT = ms.Contract(n=ms.Int64(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64())
SHOP = ms.Entity("shop")
ROWS = [
    {"n": number, "shop": "a", "at": "2024-04-01T00:00:00Z", "amount": float(number)}
    for number in range(5)
]


def source(name: str, path: str | None = None, renamed_from: str = "") -> ms.Source:
    return ms.Source(
        name, path, id="n", event_time="at", contract=CONTRACT, renamed_from=renamed_from
    )


def declared(sources: Sequence[ms.Source], window: int = 1) -> list[object]:
    """Views of these sources."""
    return [
        part
        for each in sources
        for part in (
            each,
            ms.FeatureView(
                f"of_{each.name}",
                source=each,
                entities=[SHOP],
                windows=[f"{window}d"],
                features={"total": col("amount").sum()},
            ),
        )
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two sources: one that is pushed to and has a file, and another one."""
    path = tmp_path / "sales.csv"
    path.write_text("n,shop,at,amount\n100,a,2024-04-01T00:00:00Z,7.5\n")
    both = [source("sales", path.as_posix()), source("visits")]
    fresh = Workspace.in_memory(declared([source("visits")]), clock=CLOCK)
    workspace = edited(fresh, declared(both))
    workspace.apply()
    workspace.ingest("sales", ROWS)
    workspace.ingest("visits", ROWS[:2])
    return workspace


def edited(workspace: Workspace, declarations: list[object]) -> Workspace:
    """The workspace after an edit."""
    project = load_definitions(declarations, name="memory")
    return Workspace(project, workspace.runtime, environment="dev", folder=None)


def without_sales(workspace: Workspace) -> Workspace:
    """Nothing names the source any more, not even an earlier map."""
    for window in (1, 2, 3, 4):
        workspace = edited(workspace, declared([source("visits")], window))
        workspace.apply()
    return workspace


def collect(workspace: Workspace, *sources: str) -> None:
    collector = workspace.garbage_collector
    collector.collect(collector.plan(DAY, sources=sources))


def test_a_removal_is_planned_with_what_goes(workspace: Workspace) -> None:
    plan = without_sales(workspace).garbage_collector.plan(DAY, sources=["sales"])
    [step] = [step for step in plan.steps if isinstance(step, RemoveSource)]
    assert (step.source, step.pushed, step.files) == ("sales", 5, 1)


def test_nothing_is_removed_that_is_not_named(workspace: Workspace) -> None:
    plan = without_sales(workspace).garbage_collector.plan(DAY)
    assert not any(isinstance(step, RemoveSource) for step in plan.steps)


def test_what_was_removed_is_gone_and_its_raw_offsets_are_not_given_again(
    workspace: Workspace,
) -> None:
    after = without_sales(workspace)
    collect(after, "sales")
    log, tables = after.runtime.log, after.runtime.tables
    assert raw_head("raw:sales", log).rows == 6
    kept = {topic: log.head(topic) - log.first(topic) for topic in log.topics() if "sales" in topic}
    assert {topic: count for topic, count in kept.items() if count} == {"raw:sales": 1}
    assert [tables.scan(topic) for topic in kept] == [None] * len(kept)
    assert after.facts_of(after.source("visits")).height == 2


def test_removing_it_again_does_nothing(workspace: Workspace) -> None:
    after = without_sales(workspace)
    collect(after, "sales")
    plan = after.garbage_collector.plan(DAY, sources=["sales"])
    assert not any(isinstance(step, RemoveSource) for step in plan.steps)


def test_a_source_that_is_declared_again_begins_with_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    after = without_sales(workspace)
    collect(after, "sales")
    path = (tmp_path / "sales.csv").as_posix()
    again = edited(after, declared([source("sales", path), source("visits")]))
    again.apply()
    assert again.facts_of(again.source("sales"))["n"].to_list() == [100]
    assert again.ingest("sales", ROWS[:3]).accepted == 3
    assert again.plan().is_empty


def test_a_source_that_is_declared_stays(workspace: Workspace) -> None:
    with pytest.raises(SourceNeeded, match="sales is declared"):
        workspace.garbage_collector.plan(DAY, sources=["sales"])


def test_a_source_that_a_rollback_may_bring_back_stays(workspace: Workspace) -> None:
    after = edited(workspace, declared([source("visits")]))
    after.apply()
    with pytest.raises(SourceNeeded, match="dev holds it in version 1"):
        after.garbage_collector.plan(DAY, sources=["sales"])


def test_a_former_name_of_what_is_declared_stays(workspace: Workspace) -> None:
    after = edited(workspace, declared([source("orders", renamed_from="sales"), source("visits")]))
    after.apply()
    with pytest.raises(SourceNeeded, match="orders is declared"):
        after.garbage_collector.plan(DAY, sources=["sales"])


def test_a_source_that_nobody_knows_is_said_to_be_unknown(workspace: Workspace) -> None:
    with pytest.raises(UnknownAsset, match="sales, visits"):
        workspace.garbage_collector.plan(DAY, sources=["salez"])


def test_a_removed_source_goes_under_its_last_name(workspace: Workspace) -> None:
    renamed = edited(
        workspace, declared([source("orders", renamed_from="sales"), source("visits")])
    )
    renamed.apply()
    after = without_sales(renamed)
    collect(after, "orders")
    assert raw_head("raw:sales", after.runtime.log).rows == 6
    assert after.runtime.log.first("raw:sales") > 0


def test_the_plan_of_a_removal_counts_the_pushed_rows(workspace: Workspace) -> None:
    after = edited(workspace, declared([source("visits")]))
    text = after.explain(after.plan())
    assert "5 rows were pushed to it; they stay until `mainspring gc --source sales`" in text
