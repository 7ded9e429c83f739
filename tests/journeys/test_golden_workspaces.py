"""What earlier releases left on disk opens, answers, rolls back and replays as it did then.

Only public ways in are used, so that nothing but a broken promise can break these tests.
"""

import json
import re
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mainspring as ms
from tests.called_server import COMMAND, post, serving
from tests.copies import copied_tree

pytestmark = pytest.mark.journey

LEFT_BEHIND = Path(__file__).parent.parent / "golden" / "workspaces"
RELEASES = sorted(path.parent.name for path in LEFT_BEHIND.glob("*/expected.json"))
ENVIRONMENTS = ["dev", "prod"]
ENDPOINT = "long-ride"


@pytest.fixture(params=RELEASES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    left = shutil.ignore_patterns("state.tar.gz")
    folder = copied_tree(LEFT_BEHIND / request.param, tmp_path / "project", ignore=left)
    with tarfile.open(LEFT_BEHIND / request.param / "state.tar.gz") as archive:
        archive.extractall(folder / ".mainspring", filter="data")
    return Path(folder)


@pytest.fixture
def expected(project: Path) -> dict[str, Any]:
    return json.loads((project / "expected.json").read_text())


def as_json(value: object) -> Any:
    """As `expected.json` holds it: a length of time is text there."""
    return json.loads(json.dumps(value, default=str))


def proofs_last(expected: dict[str, Any]) -> bool:
    """Whether what the release signed still counts: after 90 days it is stale, and rightly so."""
    return datetime.now(UTC) < datetime.fromisoformat(expected["proven_until"])


def is_proven(expected: dict[str, Any], env: str) -> bool:
    """Whether what is held counts as proven: what 0.1 signed says neither which map it is for nor
    who made the version, and so proves nothing in a protected environment.
    """
    return env == "dev" and proofs_last(expected)


def expected_answer(env: str, scores: list[float]) -> list[float] | str:
    """An open environment answers always, a protected one when its map was signed."""
    return scores if env == "dev" else "missing"


def served(project: Path, env: str) -> tuple[str, str, bool]:
    """The model behind the endpoint, its digest, and whether it is proven."""
    [endpoint] = ms.Workspace.open(project, env).status().endpoints
    return endpoint.model, endpoint.digest, endpoint.attested


def scores(project: Path, env: str, rows: list[dict[str, object]]) -> list[float]:
    predictions = ms.Workspace.open(project, env).predict(ENDPOINT, rows)
    return [prediction.score for prediction in predictions]


def answers_or_refuses(project: Path, env: str, rows: list[dict[str, object]]) -> list[float] | str:
    """The scores, or what is wrong with the proofs: `stale` where they ran out and no more."""
    try:
        return scores(project, env, rows)
    except ms.MainspringError as error:
        wrong = set(re.findall("stale|untrusted|missing|failed", str(error)))
        return " ".join(sorted(wrong)) if error.code == "SRV-003" else error.code


def mainspring(project: Path, *arguments: str) -> Any:
    """What the command line answers; a code other than 0 is raised."""
    command = [COMMAND, *arguments, "--project", project, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_environment_holds_what_it_held(
    project: Path, expected: dict[str, Any], env: str
) -> None:
    held, status = expected["environments"][env], ms.Workspace.open(project, env).status()
    sources = {s.name: {"rows": s.rows, "quarantined": s.quarantined} for s in status.sources}
    assert status.version == held["version"]
    assert sources == expected["sources"]
    assert [incident.sentence for incident in status.incidents] == held["incidents"]
    proven = is_proven(expected, env)
    assert served(project, env) == (held["model"], held["digest"], proven)


def test_a_plan_builds_anew_what_is_there_and_neither_adds_nor_removes(project: Path) -> None:
    # Sources are generations since, and so what is made of them is made again.
    plan = ms.Workspace.open(project).plan()
    assert {change.change for change in plan.changes} <= {"changed", "changed_indirectly"}


def test_online_features_are_what_they_were(project: Path, expected: dict[str, Any]) -> None:
    asked = expected["online"]
    workspace = ms.Workspace.open(project)
    told = workspace.get_online_features(asked["views"], keys=asked["keys"], at=asked["at"])
    assert as_json(told.columns) == asked["columns"]


def test_historical_features_are_what_they_were(project: Path, expected: dict[str, Any]) -> None:
    asked = expected["historical"]
    spine = pl.DataFrame(asked["spine"])
    told = ms.Workspace.open(project).get_historical_features(asked["views"], spine=spine)
    assert as_json(told.drop(spine.columns).to_dict(as_series=False)) == asked["columns"]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_endpoint_answers_as_it_did_where_it_may(
    project: Path, expected: dict[str, Any], env: str
) -> None:
    answer = answers_or_refuses(project, env, expected["rows"])
    held = expected["environments"][env]
    assert answer == expected_answer(env, held["scores"])


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_rollback_leads_to_the_version_before(
    project: Path, expected: dict[str, Any], env: str
) -> None:
    ms.Workspace.open(project, env).rollback()
    before, proven = expected["environments"][env]["rolled_back"], is_proven(expected, env)
    assert served(project, env) == (before["model"], before["digest"], proven)
    answer = answers_or_refuses(project, env, expected["rows"])
    # The rollback was signed; the verdicts are those of 0.1, which had fewer gates.
    assert answer == (before["scores"] if env == "dev" else "missing stale")


def test_what_0_1_signed_is_signed_anew(project: Path, expected: dict[str, Any]) -> None:
    ms.Workspace.open(project, actor="person:grace").approve("long_ride", "prod")
    report = ms.Workspace.open(project, "prod", actor="person:ada").renew_gates()
    assert report.is_proven
    assert report.released == (expected["environments"]["prod"]["version"],)
    held = expected["environments"]["prod"]
    assert served(project, "prod") == (held["model"], held["digest"], True)
    assert scores(project, "prod", expected["rows"]) == held["scores"]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_what_the_gates_refused_stays_refused(
    project: Path, expected: dict[str, Any], env: str
) -> None:
    with pytest.raises(ms.MainspringError, match="SRV-002") as refused:
        ms.Workspace.open(project, env).point_at(expected["refused"])
    assert refused.value.code == "SRV-002"


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_prediction_replays_identically(
    project: Path, expected: dict[str, Any], env: str
) -> None:
    told = expected["environments"][env]["predictions"]
    replays = ms.Workspace.open(project, env).replay(list(told))
    assert {replay.outcome for replay in replays} == {"identical"}
    assert {replay.prediction: replay.recorded for replay in replays} == told


def test_what_is_asked_today_replays_too(project: Path, expected: dict[str, Any]) -> None:
    workspace = ms.Workspace.open(project)
    predictions = workspace.predict(ENDPOINT, expected["rows"])
    replays = workspace.replay([prediction.id for prediction in predictions])
    assert {replay.outcome for replay in replays} == {"identical"}


def test_facts_are_taken_in_as_before(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    back = {"station": "market", "district": "river", "rider": 1, "minutes": 30.0}
    fact = back | {"ride": 9500, "returned_at": "2025-05-29T04:55:00Z"}
    first, again = (workspace.ingest("returns", [fact]) for _ in range(2))
    assert (first.accepted, again.accepted, again.duplicates) == (1, 0, 1)


def test_the_journal_is_whole_and_has_the_same_past(
    project: Path, expected: dict[str, Any]
) -> None:
    audit, then = ms.Workspace.open(project).audit(last=0), expected["journal"]
    assert audit.intact
    assert audit.shown[then["events"] - 1].chain == then["newest"]


def test_the_command_line_tells_the_same(project: Path, expected: dict[str, Any]) -> None:
    dev = expected["environments"]["dev"]
    assert mainspring(project, "status")["version"] == dev["version"]
    newest = mainspring(project, "replay", "--last", str(len(dev["predictions"])))
    assert {replay["prediction"] for replay in newest["replays"]} >= set(dev["predictions"])


def test_a_server_knows_the_token_and_answers(project: Path, expected: dict[str, Any]) -> None:
    with serving(project) as url:
        path = f"{url}/v1/endpoints/{ENDPOINT}/predict"
        told = post(path, expected["token"], {"rows": expected["rows"]})
    scored = [prediction["score"] for prediction in told["predictions"]]
    assert scored == expected["environments"]["dev"]["scores"]


def test_a_monitor_is_evaluated_as_it_was_declared_then(
    project: Path, expected: dict[str, Any]
) -> None:
    workspace = ms.Workspace.open(project)
    workspace.predict(ENDPOINT, expected["rows"])
    report = workspace.monitors.run("long_ride-monitor")
    assert report.predictions >= len(expected["environments"]["dev"]["predictions"])
    assert {"score_drift", "data_quality"} <= {*report.judged, *(u.kind for u in report.unjudged)}
    assert workspace.monitors.run_due() == []
