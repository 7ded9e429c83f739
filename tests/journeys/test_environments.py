"""A small project from apply to rollback, with the attacks that the loader must withstand."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.elements.identity import Digest
from mainspring.elements.time import parse_instant
from mainspring.gates.errors import SelfApproval
from mainspring.project.errors import GatesFailed
from mainspring.registry.read import find_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.errors import ModelRefused
from mainspring.serving.host import EndpointHost
from mainspring.serving.tracing.replay import ReplayOutcome
from tests.copies import copied_tree

pytestmark = pytest.mark.journey

AS_OF = "2024-03-28T18:00:00Z"
ROW = {"shop": "station", "distance_km": 2.5, "ordered_at": "2024-03-28T18:00:00Z"}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied") / "project"
    folder.mkdir()
    create_project(folder, "deliveries")
    assert Workspace.open(folder, as_of=AS_OF).apply().moved
    return folder


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied_tree(applied, tmp_path / "project")


@pytest.fixture
def workspace(project: Path) -> Workspace:
    return Workspace.open(project, as_of=AS_OF)


def edited(project: Path, before: str, after: str) -> Workspace:
    """The workspace after an edit of the declarations."""
    path = project / "deliveries.py"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return Workspace.open(project, as_of=AS_OF)


def label_of(host: EndpointHost) -> str:
    """The version that answers."""
    model = host.endpoint("late-delivery").current
    assert model is not None
    return model.label


def set_pointer(project: Path, environment: str, digest: Digest) -> None:
    """What somebody with write access to the disk would do: point the map at another version."""
    where = "kind = 'environment' AND key = ?"
    with sqlite3.connect(project / ".mainspring" / "state.db") as connection:
        (payload,) = connection.execute(
            f"SELECT payload FROM documents WHERE {where}", (environment,)
        ).fetchone()
        document = json.loads(payload)
        document["pointers"]["model.late_delivery"]["build_digest"] = digest
        connection.execute(
            f"UPDATE documents SET payload = ? WHERE {where}",
            (json.dumps(document).encode(), environment),
        )


def test_an_unchanged_project_plans_to_nothing(workspace: Workspace) -> None:
    plan = workspace.plan()
    assert plan.is_empty
    assert not workspace.apply(plan).moved


def test_a_comment_changes_nothing(project: Path) -> None:
    assert edited(project, "# Feature views.", "# What we make of it, then.").plan().is_empty


def test_an_edited_window_touches_what_rests_on_it_and_nothing_else(project: Path) -> None:
    changed = {
        change.asset
        for change in edited(project, '"1h", "3h", "24h"', '"1h", "6h", "24h"').plan().changes
    }
    assert {"view.pace", "training_set.history", "model.late_delivery"} <= changed
    assert "view.demand" not in changed
    assert "source.orders" not in changed


def test_a_changed_gate_rebuilds_nothing(project: Path) -> None:
    plan = edited(project, 'min_metric("roc_auc", 0.75)', 'min_metric("roc_auc", 0.74)').plan()
    assert [type(stage).__name__ for stage in plan.work] == ["JudgeGates", "MoveEnvironment"]


def test_a_failed_gate_moves_nothing(project: Path) -> None:
    strict = edited(project, 'min_metric("roc_auc", 0.75)', 'min_metric("roc_auc", 0.999)')
    with pytest.raises(GatesFailed):
        strict.apply()
    assert read_environment(strict.runtime.state, "dev").version == 1


def test_running_on_the_same_data_makes_the_same_version(workspace: Workspace) -> None:
    before = (
        read_environment(workspace.runtime.state, "dev")
        .pointers["model.late_delivery"]
        .build_digest
    )
    report = workspace.run("late_delivery")
    assert (
        read_environment(workspace.runtime.state, "dev")
        .pointers["model.late_delivery"]
        .build_digest
        == before
    )
    assert not report.moved


def test_predictions_replay_to_the_same_bytes(workspace: Workspace) -> None:
    predictions = workspace.predict(
        "late-delivery", [ROW, ROW | {"shop": "harbour"}, ROW | {"shop": "nowhere"}]
    )
    assert {replay.outcome for replay in workspace.replay([p.id for p in predictions])} == {
        ReplayOutcome.IDENTICAL
    }


def test_history_imported_later_does_not_change_a_replay(workspace: Workspace) -> None:
    [prediction] = workspace.predict("late-delivery", [ROW])
    fact = {
        "order_id": 999_999,
        "delivered_at": "2024-03-28T17:30:00Z",
        "shop": "station",
        "minutes": 240.0,
    }
    assert workspace.ingest("deliveries", [fact], history=True).accepted == 1
    assert workspace.replay([prediction.id])[0].outcome is ReplayOutcome.IDENTICAL
    assert workspace.predict("late-delivery", [ROW])[0].score != prediction.score


def test_a_changed_artifact_is_noticed(workspace: Workspace, project: Path) -> None:
    [prediction] = workspace.predict("late-delivery", [ROW])
    version = find_version(workspace.runtime.state, "late_delivery")
    path = next(
        p
        for p in (project / ".mainspring" / "objects").rglob("*")
        if version.artifact.removeprefix("sha256:").endswith(p.name[-40:]) and p.is_file()
    )
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    replay = Workspace.open(project, as_of=AS_OF).replay([prediction.id])[0]
    assert replay.outcome is ReplayOutcome.NOT_AVAILABLE
    assert replay.reason.startswith("REG-002")


@pytest.fixture
def rejected(project: Path) -> Iterator[Digest]:
    """A version that was built and did not pass its gates; the declarations are put back."""
    strict = edited(project, "num_boost_round=60", "num_boost_round=1")
    with pytest.raises(GatesFailed):
        strict.apply()
    yield find_version(strict.runtime.state, "late_delivery").digest
    edited(project, "num_boost_round=1", "num_boost_round=60")


def test_promotion_moves_pointers_and_copies_nothing(workspace: Workspace, project: Path) -> None:
    report = workspace.promote("staging")
    here, there = (read_environment(workspace.runtime.state, name) for name in ("dev", "staging"))
    assert all(verdict.passed for verdict in report.verdicts)
    assert there.pointers == here.pointers
    assert Workspace.open(project, "staging", as_of=AS_OF).predict("late-delivery", [ROW])


def test_promoting_what_is_there_already_moves_nothing(workspace: Workspace) -> None:
    first, again = workspace.promote("staging"), workspace.promote("staging")
    assert (first.moved, again.moved) == (True, False)
    assert again.version == first.version


def test_promotion_takes_away_what_is_not_declared_any_more(
    workspace: Workspace, project: Path
) -> None:
    workspace.promote("staging")
    without = edited(project, "ms.Monitor(late_delivery)", "")
    without.apply()
    without.promote("staging")
    here, there = (read_environment(without.runtime.state, name) for name in ("dev", "staging"))
    assert there.pointers == here.pointers


def test_promotion_needs_a_key_that_the_environment_trusts(workspace: Workspace) -> None:
    with pytest.raises(ModelRefused, match="untrusted"):
        workspace.promote("prod")
    assert read_environment(workspace.runtime.state, "prod").version == 0


def test_an_author_cannot_approve_his_own_version(workspace: Workspace) -> None:
    with pytest.raises(SelfApproval):
        workspace.approve("late_delivery", "prod")


def test_an_ungated_version_cannot_be_crowned_by_command(project: Path, rejected: Digest) -> None:
    workspace = Workspace.open(project, as_of=AS_OF)
    workspace.promote("staging")
    staging = Workspace.open(project, "staging", as_of=AS_OF)
    with pytest.raises(ModelRefused):
        staging.point_at(rejected)


def test_an_ungated_version_cannot_be_crowned_by_editing_the_database(
    project: Path, rejected: Digest
) -> None:
    Workspace.open(project, as_of=AS_OF).promote("staging")
    staging = Workspace.open(project, "staging", as_of=AS_OF)
    host = staging.host()
    proven = label_of(host)
    set_pointer(project, "staging", rejected)
    assert host.refresh()
    assert label_of(host) == proven
    assert host.endpoint("late-delivery").refusal.startswith("SRV-002")
    assert [record.event.kind for record in staging.runtime.state.iter_events(kind="model.refused")]


def test_a_restarted_server_falls_back_to_what_is_proven(project: Path, rejected: Digest) -> None:
    workspace = Workspace.open(project, as_of=AS_OF)
    workspace.promote("staging")
    workspace.promote("staging")
    set_pointer(project, "staging", rejected)
    host = Workspace.open(project, "staging", as_of=AS_OF).host()
    assert label_of(host) == "late_delivery v1"


def test_rollback_restores_the_map_before(project: Path) -> None:
    changed = edited(project, '"1h", "3h", "24h"', '"1h", "6h", "24h"')
    changed.apply()
    host = changed.host()
    assert label_of(host) == "late_delivery v2"
    changed.rollback()
    assert host.refresh()
    assert label_of(host) == "late_delivery v1"
    assert changed.predict("late-delivery", [ROW])


def test_a_status_says_what_is_served_and_whether_it_is_proven(workspace: Workspace) -> None:
    [endpoint] = workspace.status().endpoints
    assert (endpoint.name, endpoint.model, endpoint.attested) == (
        "late-delivery",
        "late_delivery v1",
        True,
    )


def test_lineage_reaches_the_raw_files(workspace: Workspace) -> None:
    text = "\n".join(workspace.lineage("late-delivery").lines())
    assert "file data/orders.csv" in text
    assert "late_delivery v1" in text


def test_every_record_knows_who(workspace: Workspace) -> None:
    report = workspace.audit(last=0)
    assert report.intact
    assert all(
        record.event.actor and record.event.project == "deliveries" for record in report.shown
    )
    assert msgspec.json.encode(report)


def test_the_same_seed_gives_the_same_bytes(workspace: Workspace) -> None:
    first, again = (workspace.simulate(start="2024-03-25", days=3, seed=7) for _ in range(2))
    assert first.predictions > 300
    assert msgspec.json.encode(first) == msgspec.json.encode(again)


def test_a_simulation_says_what_the_training_set_said(workspace: Workspace) -> None:
    report = workspace.simulate(start="2024-03-22", days=10)
    version = find_version(workspace.runtime.state, "late_delivery")
    assert report.labelled == version.tested
    assert report.roc_auc == pytest.approx(version.metrics["roc_auc"], abs=1e-12)
    assert report.log_loss == pytest.approx(version.metrics["log_loss"], abs=1e-12)


def test_an_injected_fault_is_found_the_night_after(workspace: Workspace) -> None:
    report = workspace.simulate(
        start="2024-03-24", days=5, inject=["unit-change:minutes@2024-03-26"]
    )
    opened = {incident.kind: incident.opened_at for incident in report.incidents}
    assert opened["score_drift"] == parse_instant("2024-03-27")


def test_a_monitor_runs_when_its_window_is_complete(project: Path) -> None:
    Workspace.open(project, as_of=AS_OF).monitors.run_due()
    next_day = Workspace.open(project, as_of="2024-03-29T00:01:00Z")
    next_day.predict("late-delivery", [ROW])
    [report] = next_day.monitors.run_due()
    assert (report.start, report.end) == (parse_instant("2024-03-28"), parse_instant("2024-03-29"))
    assert next_day.monitors.run_due() == []
