"""Questions to an environment are answered with what it holds: an edit counts once it is applied,
and not any more once it is rolled back.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.registry.errors import UnknownAsset

DECLARED = """
import mainspring as ms
from mainspring import col
landings = ms.Source("landings", "landings.parquet", id="n", event_time="at")
city = ms.Entity("city")
"""
VIEW = """
{name} = ms.FeatureView("{name}", source=landings, entities=[city], windows=["{window}"],
    features={{"n": ms.count()}})
"""
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def opened(folder: Path, **windows: str) -> Workspace:
    """The project with a view of each name, that counts over this window."""
    (folder / "shop.py").write_text(
        DECLARED
        + "".join(VIEW.format(name=name, window=window) for name, window in windows.items())
    )
    return ms.Workspace.open(folder)


def history_of(workspace: Workspace, view: str) -> dict[str, list[object]]:
    spine = pl.DataFrame({"city": ["JFK"], "prediction_time": [NOON]})
    return (
        workspace.get_historical_features([view], spine=spine)
        .drop("city", "prediction_time")
        .to_dict(as_series=False)
    )


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    """The folder of a project whose view `calls` counts the landings of an hour, one in ten
    minutes.
    """
    at = [NOON - timedelta(minutes=10 * n) for n in range(1, 13)]
    pl.DataFrame({"n": range(12), "at": at, "city": ["JFK"] * 12}).write_parquet(
        tmp_path / "landings.parquet"
    )
    (tmp_path / "project.toml").write_text('[environments.dev]\nas_of = "2024-05-01T12:00:00Z"\n')
    opened(tmp_path, calls="1h").apply()
    return tmp_path


def test_an_edit_that_is_not_applied_answers_no_question(applied: Path) -> None:
    workspace = opened(applied, calls="2h")
    assert workspace.get_online_features(["calls"], keys=[{"city": "JFK"}], at=NOON).columns == {
        "city__n__1h": [6]
    }
    assert history_of(workspace, "calls") == {"city__n__1h": [6]}


def test_an_edit_answers_once_it_is_applied_and_not_after_a_rollback(applied: Path) -> None:
    workspace = opened(applied, calls="2h")
    workspace.apply()
    assert workspace.get_online_features(["calls"], keys=[{"city": "JFK"}], at=NOON).columns == {
        "city__n__2h": [12]
    }
    workspace.rollback()
    assert workspace.get_online_features(["calls"], keys=[{"city": "JFK"}], at=NOON).columns == {
        "city__n__1h": [6]
    }
    assert history_of(workspace, "calls") == {"city__n__1h": [6]}


def test_a_view_that_was_never_applied_answers_as_declared(applied: Path) -> None:
    assert history_of(opened(applied, calls="1h", visits="2h"), "visits") == {"city__n__2h": [12]}


def test_views_are_listed_with_how_they_stand_to_the_files(applied: Path) -> None:
    def standings(workspace: Workspace) -> dict[str, str]:
        return {view.name: view.standing for view in workspace.feature_views.report().views}

    assert standings(opened(applied, calls="1h", visits="2h")) == {
        "calls": "as declared",
        "visits": "not applied yet",
    }
    assert standings(opened(applied, calls="2h")) == {"calls": "edited, not applied"}
    assert standings(opened(applied, visits="1h")) == {
        "visits": "not applied yet",
        "calls": "no longer declared",
    }


def test_parity_is_tested_of_what_is_held(applied: Path) -> None:
    counts = {
        count.subject: count.checked for count in opened(applied, calls="2h").parity.test(5).counts
    }
    assert counts["view.calls"] > 0


def test_no_keys_give_empty_columns(applied: Path) -> None:
    assert opened(applied, calls="1h").get_online_features("calls", keys=[]).columns == {
        "city__n__1h": []
    }


def test_a_view_that_is_gone_from_the_files_and_the_map_is_unknown(applied: Path) -> None:
    workspace = opened(applied, visits="1h")
    workspace.apply()
    with pytest.raises(UnknownAsset):
        workspace.reader.view("calls")


SET = """
board = ms.FeatureSet("board", features={features})
"""


def test_feature_sets_are_listed_as_they_stand(applied: Path) -> None:
    file, declared = applied / "shop.py", (applied / "shop.py").read_text()

    def standing(more: str) -> list[tuple[object, ...]]:
        file.write_text(declared + more)
        report = ms.Workspace.open(applied).feature_views.report()
        return [(each.name, each.features, each.views, each.standing) for each in report.sets]

    one = SET.format(features='["calls:city__n__1h"]')
    found = ("board", ("city__n__1h",), ("calls",))
    assert standing("") == []
    assert standing(one) == [(*found, "not applied yet")]
    ms.Workspace.open(applied).apply()
    assert standing(one) == [(*found, "as declared")]
    assert standing(SET.format(features="[calls]")) == [(*found, "edited, not applied")]
    assert standing("") == [(*found, "no longer declared")]
