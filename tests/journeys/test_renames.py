"""Renames: what a source, a view or a model has stays with it, whatever it is called."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.elements.time import DAY
from mainspring.project.errors import ProjectErrors
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import find_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.tracing.replay import ReplayOutcome
from tests.copies import copied_tree

pytestmark = pytest.mark.journey

AS_OF = "2024-03-28T18:00:00Z"
ROW = {"shop": "station", "distance_km": 2.5, "ordered_at": "2024-03-28T18:00:00Z"}
PUSHED = {
    "order_id": 999_999,
    "delivered_at": "2024-03-20T10:00:00Z",
    "shop": "station",
    "minutes": 240.0,
}
SOURCE = (
    ('"deliveries", "data/deliveries.csv",', '"trips", "data/deliveries.csv",'),
    ('event_time="delivered_at"\n', 'event_time="delivered_at", renamed_from="deliveries"\n'),
)
VIEW = (('    "pace",\n', '    "tempo",\n    renamed_from="pace",\n'),)
MODEL = (
    ("    history,\n    gates", '    history,\n    renamed_from="late_delivery",\n    gates'),
    ("def late_delivery(", "def slow_delivery("),
    ("model=late_delivery", "model=slow_delivery"),
    ("ms.Monitor(late_delivery)", 'ms.Monitor(slow_delivery, name="late_delivery-monitor")'),
)
ALL = (*SOURCE, *VIEW, *MODEL)
EDIT = (('windows=["1h", "3h", "24h"]', 'windows=["1h", "6h", "24h"]'),)
RENAMED = {
    "source.trips": SOURCE,
    "view.tempo": VIEW,
    "model.slow_delivery": MODEL,
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied") / "project"
    folder.mkdir()
    create_project(folder, "deliveries")
    workspace = Workspace.open(folder, as_of=AS_OF)
    workspace.apply()
    workspace.ingest("deliveries", [PUSHED])
    workspace.promote("staging")
    return folder


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied_tree(applied, tmp_path / "project")


def edited(project: Path, edits: Sequence[tuple[str, str]]) -> Workspace:
    """A fresh workspace after edits of the declarations."""
    path = project / "deliveries.py"
    text = path.read_text()
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text)
    return Workspace.open(project, as_of=AS_OF)


def changes(workspace: Workspace) -> dict[str, str]:
    """What a plan says of each asset."""
    return {change.asset: change.change for change in workspace.plan().changes}


def features(workspace: Workspace, view: str) -> list[dict[str, object]]:
    """What a view says now, and said then."""
    spine = pl.DataFrame(
        {
            "shop": ["station", "harbour"] * 3,
            "prediction_time": [19_800 * DAY + i for i in range(6)],
        }
    )
    then = workspace.get_historical_features([view], spine=spine)
    now = workspace.get_online_features([view], keys=[{"shop": "station"}, {"shop": "harbour"}])
    return [*then.drop("prediction_time").to_dicts(), dict(now.columns)]


def digest_of(workspace: Workspace, model: str) -> str:
    held = read_environment(workspace.runtime.state, workspace.environment)
    return held.pointers[f"model.{model}"].build_digest


@pytest.mark.parametrize("asset", RENAMED)
def test_a_rename_alone_rebuilds_nothing_but_what_bears_its_name(project: Path, asset: str) -> None:
    renamed = edited(project, RENAMED[asset])
    others = {"endpoint.late-delivery", "monitor.late_delivery-monitor"}
    found = changes(renamed)
    assert found.pop(asset) == "renamed"
    assert found.keys() == (others if asset.startswith("model.") else set())
    work = {type(stage).__name__ for stage in renamed.plan().work}
    assert work <= {"BuildBaseline", "MoveEnvironment"}


def test_everything_renamed_at_once_is_the_same(project: Path) -> None:
    before = Workspace.open(project, as_of=AS_OF)
    facts = before.facts_of(before.source("deliveries"))
    taught, [told] = features(before, "pace"), before.predict("late-delivery", [ROW])
    version = digest_of(before, "late_delivery")
    edited(project, ALL).apply()
    after = Workspace.open(project, as_of=AS_OF)
    assert after.plan().is_empty
    assert after.facts_of(after.source("trips")).equals(facts)
    assert features(after, "tempo") == taught
    assert digest_of(after, "slow_delivery") == version
    assert [each.score for each in after.predict("late-delivery", [ROW])] == [told.score]
    assert after.replay([told.id])[0].outcome is ReplayOutcome.IDENTICAL
    assert [view.view.name for view in after.streams.kept.named(["tempo"])] == ["tempo"]
    assert {view.name for view in after.feature_views.report().views} == {"demand", "tempo"}
    with pytest.raises(UnknownAsset):
        after.ingest("deliveries", [PUSHED])
    assert after.ingest("trips", [PUSHED]).duplicates == 1


def test_an_edit_beside_a_rename_rebuilds_what_it_touches(project: Path) -> None:
    Workspace.open(project, as_of=AS_OF).promote("staging")
    renamed = edited(project, (*ALL, *EDIT))
    found = {change.asset: change for change in renamed.plan().changes}
    assert found["source.trips"].change == "renamed"
    assert [field.field for field in found["view.tempo"].fields] == ["name", "windows"]
    assert found["model.slow_delivery"].change == "changed_indirectly"
    assert not any(change.change == "removed" for change in found.values())
    renamed.apply()
    fresh = Workspace.open(project, as_of=AS_OF)
    state = fresh.runtime.state
    assert find_version(state, "slow_delivery").label == "slow_delivery v2"
    assert find_version(state, "slow_delivery@v1") == find_version(state, "late_delivery@v1")
    assert find_version(state, "late_delivery").label == "slow_delivery v2"
    report = fresh.promote("staging")
    assert all(verdict.passed for verdict in report.verdicts)
    assert report.verdicts[0].gate
    here, there = (read_environment(state, name) for name in ("dev", "staging"))
    assert there.pointers == here.pointers
    assert list(Workspace.open(project, "staging").operations.iter_expiring()) == []
    assert fresh.predict("late-delivery", [ROW])


def test_a_protected_environment_takes_a_rename_over(project: Path) -> None:
    version = digest_of(edited(project, ALL), "late_delivery")
    workspace = Workspace.open(project, as_of=AS_OF)
    workspace.apply()
    workspace.promote("staging")
    staging = Workspace.open(project, "staging", as_of=AS_OF)
    assert digest_of(staging, "slow_delivery") == version
    served = staging.host().endpoint("late-delivery")
    assert (served.refusal, served.current and served.current.version) == ("", version)
    assert staging.ingest("trips", [PUSHED]).duplicates == 1
    staging.rollback()
    assert digest_of(Workspace.open(project, "staging", as_of=AS_OF), "late_delivery") == version
    assert staging.host().endpoint("late-delivery").refusal == ""


def test_a_rollback_brings_the_old_names_back(project: Path) -> None:
    before = features(Workspace.open(project, as_of=AS_OF), "pace")
    edited(project, ALL).apply()
    back = Workspace.open(project, as_of=AS_OF)
    back.rollback()
    held = read_environment(back.runtime.state, "dev").pointers
    assert {"source.deliveries", "view.pace", "model.late_delivery"} <= held.keys()
    assert features(back, "pace") == before
    row = PUSHED | {"order_id": 999_998}
    assert back.ingest("deliveries", [row]).accepted == 1
    assert back.predict("late-delivery", [ROW])
    assert changes(back)["source.trips"] == "renamed"
    back.apply()
    again = Workspace.open(project, as_of=AS_OF)
    assert again.ingest("trips", [row]).duplicates == 1
    assert again.plan().is_empty


def test_a_name_given_back_is_a_rename_too(project: Path) -> None:
    text = (project / "deliveries.py").read_text()
    edited(project, ALL).apply()
    (project / "deliveries.py").write_text(text)
    back = Workspace.open(project, as_of=AS_OF)
    assert changes(back)["source.deliveries"] == "renamed"
    assert back.apply().moved
    assert Workspace.open(project, as_of=AS_OF).predict("late-delivery", [ROW])


def test_what_was_renamed_needs_no_word_about_it_later(project: Path) -> None:
    edited(project, ALL).apply()
    said = (
        (', renamed_from="deliveries"', ""),
        ('    renamed_from="pace",\n', ""),
        ('    renamed_from="late_delivery",\n', ""),
    )
    assert edited(project, said).plan().is_empty


def test_an_old_name_is_not_for_something_new(project: Path) -> None:
    edited(project, ALL).apply()
    new = (
        (', renamed_from="deliveries"', ""),
        (
            "# Entities:",
            'ms.Source("deliveries", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(), '
            "at=ms.Timestamp()))\n# Entities:",
        ),
    )
    with pytest.raises(ProjectErrors, match="PRJ-102 source deliveries would have the history of"):
        edited(project, new).plan()
    assert Workspace.open(project, as_of=AS_OF).predict("late-delivery", [ROW])


def test_what_has_a_history_takes_no_other(project: Path) -> None:
    with pytest.raises(ProjectErrors, match="PRJ-103 view demand cannot be renamed from orders"):
        edited(project, (('    "demand", ', '    "demand", renamed_from="orders", '),)).plan()


def test_lineage_of_a_renamed_model_reaches_its_files(project: Path) -> None:
    edited(project, ALL).apply()
    workspace = Workspace.open(project, as_of=AS_OF)
    text = "\n".join(workspace.lineage("late-delivery").lines())
    assert "file data/deliveries.csv" in text
    assert "source.trips" in text
    assert "late_delivery v1" in text


def test_garbage_collection_keeps_what_bears_a_new_name(project: Path) -> None:
    edited(project, ALL).apply()
    workspace = Workspace.open(project, as_of=AS_OF)
    before = features(workspace, "tempo")
    workspace.garbage_collector.collect(workspace.garbage_collector.plan(0))
    assert features(Workspace.open(project, as_of=AS_OF), "tempo") == before
    assert workspace.predict("late-delivery", [ROW])


def test_a_renamed_model_can_be_pointed_at_its_first_version(project: Path) -> None:
    edited(project, (*MODEL, *EDIT)).apply()
    workspace = Workspace.open(project, as_of=AS_OF)
    workspace.point_at("slow_delivery@v1")
    assert workspace.host().endpoint("late-delivery").current.label == "late_delivery v1"
    assert not any(change.asset.startswith("view") for change in workspace.plan().changes)


def test_another_environment_finds_what_was_built_under_another_name(project: Path) -> None:
    (project / "project.toml").write_text(
        (project / "project.toml").read_text()
        + f"\n[environments.trial]\nprotected = false\nas_of = {AS_OF}\n"
    )
    edited(project, ALL)
    trial = Workspace.open(project, "trial", as_of=AS_OF)
    work = {type(stage).__name__ for stage in trial.plan().work}
    assert "TrainModel" not in work
    trial.apply()
    fresh = Workspace.open(project, "trial", as_of=AS_OF)
    assert fresh.predict("late-delivery", [ROW])
    assert fresh.plan().is_empty


def test_labels_of_a_model_go_to_its_source_by_its_new_name(project: Path) -> None:
    [made] = Workspace.open(project, as_of=AS_OF).predict(
        "late-delivery", [{**ROW, "order_id": 800_001}]
    )
    edited(project, SOURCE).apply()
    said = {"delivered_at": "2024-03-28T18:50:00Z", "shop": "station", "minutes": 50.0}
    rows = [{"prediction": made.id, **said}, {"order_id": 800_002, **said}]
    after = Workspace.open(project, as_of="2024-03-28T19:00:00Z")
    assert after.feedback(rows, endpoint="late-delivery").accepted == 2
    found = after.facts_of(after.source("trips"))["order_id"]
    assert {800_001, 800_002} < {*found.to_list()}
