"""A source's file gains, loses or retypes a column: the plan says so, and what was accepted before
is read on.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.project.errors import ProjectErrors

DECLARED = """
import mainspring as ms
from mainspring import col
landings = ms.Source("landings", "landings.parquet", id="n", event_time="at"{contract})
delays = ms.FeatureView("delays", source=landings, entities=[ms.Entity("city")], windows=["30d"],
    features={features})
"""
FEATURES = '{"total": col("delay").sum()}'


def landings(*, count: int = 4, **columns: object) -> pl.DataFrame:
    at = [datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(count)]
    return pl.DataFrame({"n": range(count), "at": at, "city": ["JFK"] * count} | columns)


def opened(
    folder: Path, frame: pl.DataFrame, *, features: str = FEATURES, contract: str = ""
) -> Workspace:
    (folder / "shop.py").write_text(DECLARED.format(features=features, contract=contract))
    (folder / "project.toml").write_text('[environments.dev]\nas_of = "2024-05-02"\n')
    frame.write_parquet(folder / "landings.parquet")
    return ms.Workspace.open(folder)


def applied(folder: Path, frame: pl.DataFrame, **said: str) -> Workspace:
    workspace = opened(folder, frame, **said)
    workspace.apply()
    return workspace


def total(workspace: Workspace, view: str = "delays") -> object:
    """The features of everything, by backfill and from online state, which must agree."""
    at = datetime(2024, 5, 2, tzinfo=UTC)
    taught = workspace.get_historical_features(
        [view], spine=pl.DataFrame({"city": ["JFK"], "prediction_time": [at]})
    ).drop("city", "prediction_time")
    told = workspace.get_online_features([view], keys=[{"city": "JFK"}], at=at).columns
    assert taught.to_dict(as_series=False) == told
    return told


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """The folder of a project that has applied four landings with whole delays, 0 to 3."""
    return applied(tmp_path, landings(delay=range(4))).project.path or tmp_path


def test_an_added_column_is_a_change_of_the_plan_and_is_named(held: Path) -> None:
    workspace = opened(held, landings(delay=range(4), gate=["A1"] * 4))
    change = workspace.plan().changes[0]
    assert (change.asset, change.change, [field.field for field in change.fields]) == (
        "source.landings",
        "changed",
        ["schema", "schema.gate"],
    )
    assert "schema.gate  none → string, true" in workspace.explain(workspace.plan())


def test_a_dropped_and_a_retyped_column_are_named_with_what_they_were(held: Path) -> None:
    applied(held, landings(delay=range(4), extra=["x"] * 4))
    workspace = opened(held, landings(delay=[0.5] * 4))
    told = workspace.explain(workspace.plan())
    assert "schema.delay  int64, true → float64, true" in told
    assert "schema.extra  string, true → none" in told


def test_a_file_that_was_retyped_and_mended_is_what_counts(held: Path) -> None:
    workspace = applied(held, landings(count=5, delay=[0.5, 0.5, 0.5, 0.5, 0.25]))
    assert total(workspace) == {"city__total__30d": [2.25]}
    assert workspace.status().sources[0].rows == 5
    assert workspace.status().sources[0].quarantined == 0


def test_a_view_of_a_new_column_sees_it_in_every_row_of_the_file(held: Path) -> None:
    counted = '{"gates": col("gate").count(), "all": ms.count()}'
    workspace = applied(held, landings(count=6, delay=range(6), gate=["A1"] * 6), features=counted)
    assert total(workspace) == {"city__gates__30d": [6], "city__all__30d": [6]}


def test_a_view_of_a_new_column_finds_null_in_what_was_pushed_before(held: Path) -> None:
    pushed = landings(count=6, delay=range(6)).tail(2)
    ms.Workspace.open(held).ingest("landings", pushed, history=True)
    counted = '{"gates": col("gate").count(), "all": ms.count()}'
    workspace = applied(held, landings(delay=range(4), gate=["A1"] * 4), features=counted)
    assert total(workspace) == {"city__gates__30d": [4], "city__all__30d": [6]}


def test_a_column_that_is_gone_is_no_matter_to_views_that_do_without(held: Path) -> None:
    workspace = applied(held, landings(count=6), features='{"all": ms.count()}')
    assert total(workspace) == {"city__all__30d": [6]}


def test_a_file_that_is_left_as_it_was_read_has_no_new_column(held: Path) -> None:
    frame = landings(delay=range(4), gate=["A1"] * 4)
    workspace = opened(held, frame, features='{"gates": col("gate").count()}')
    workspace.apply(workspace.plan(data=False))
    assert total(workspace) == {"city__gates__30d": [0]}
    report = workspace.ingest("landings", held / "landings.parquet", op="replace", history=True)
    assert (report.revised, total(workspace)) == (4, {"city__gates__30d": [4]})


def test_a_column_that_a_view_needs_is_missed_at_its_line_and_nothing_crashes(held: Path) -> None:
    with pytest.raises(ProjectErrors) as refused:
        opened(held, landings()).plan()
    assert [fault.code for fault in refused.value.faults] == ["PRJ-033"]


def test_a_type_that_the_contract_does_not_allow_is_refused_by_the_plan(held: Path) -> None:
    with pytest.raises(ProjectErrors) as refused:
        opened(
            held,
            landings(delay=["much"] * 4),
            features='{"all": ms.count()}',
            contract=", contract=ms.Contract(delay=ms.Int64())",
        ).plan()
    assert [fault.code for fault in refused.value.faults] == ["PRJ-016"]


def test_the_same_file_again_is_no_change(held: Path) -> None:
    assert opened(held, landings(delay=range(4))).plan().is_empty
