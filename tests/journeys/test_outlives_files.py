"""A running system outlives its files: what was applied goes on, whatever became of the data files
and the Python files that it came from.

Every command has to choose a side here, a new one too.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from tests.archives import signed_by
from tests.copies import copied_tree
from tests.journeys.lateness import PROJECT, call, make_project, serving, verbs

pytestmark = pytest.mark.journey

SALE = '{"sale": "new", "shop": "a", "at": "2024-05-05T00:00:00Z", "amount": 1.0}'

OUTLIVES: dict[str, list[str]] = {
    "status": [],
    "approve": ["lateness", "other", "--as", "person:grace"],
    "promote": ["other"],
    "rollback": [],
    "runs": [],
    "runs show": [],
    "runs logs": [],
    "rollout status": [],
    "ingest": ["sales", "--row", SALE],
    "quarantine list": ["sales"],
    "quarantine release": ["sales", "--all"],
    "quarantine drop": ["sales", "--all"],
    "stream": ["--once"],
    "backfill": ["takings", "--spine", "spine.csv", "--out", "out.csv"],
    "features": [],
    "features show": ["takings"],
    "predict": ["late", "--row", '{"shop": "a"}'],
    "replay": ["--last", "1"],
    "lineage": ["late"],
    "models": [],
    "models show": ["lateness"],
    "models card": ["lateness"],
    "watch": ["lateness-monitor"],
    "export grafana": ["--out", "board.json"],
    "simulate": ["--from", "2024-05-03", "--days", "1"],
    "gc": [],
    "backup": ["copy"],
    "test": ["--parity"],
    "gates renew": [],
    "audit": [],
    "doctor": [],
    "auth create": ["service:till", "--permission", "read", "--out", "till.token"],
    "auth list": [],
    "auth key": [],
}
"""What works from the map and the stored definitions."""

NEEDS_FILES: dict[str, list[str]] = {"plan": [], "apply": [], "run": ["lateness"]}
"""What reads the declarations, and says what is wrong with them."""

TESTED_BELOW = {
    *("serve", "restore", "auth revoke", "auth rotate", "quarantine show", "audit verify"),
    *("rollout pause", "rollout resume", "rollout promote", "rollout abort"),
}
TESTED_ELSEWHERE = {"batch-predict", "openapi", "runs cancel", "top"}
"""What has a journey of its own."""
NO_PROJECT = {"init", "demo", "serve-model", "explain", "kernels"}


def without_data(folder: Path) -> None:
    (folder / "sales.csv").unlink()


def unreadable_python(folder: Path) -> None:
    (folder / "shop.py").write_text(PROJECT + "\n)\n")


def failing_import(folder: Path) -> None:
    (folder / "shop.py").write_text(PROJECT + "\nimport a_package_that_is_missing\n")


def wrong_declaration(folder: Path) -> None:
    (folder / "shop.py").write_text(
        PROJECT + '\nmore = ms.FeatureView("takings", source=sales, entities=[], features={})\n'
    )


def without_module(folder: Path) -> None:
    (folder / "shop.py").unlink()


def without_both(folder: Path) -> None:
    without_data(folder)
    without_module(folder)


BROKEN: list[Callable[[Path], None]] = [
    without_data,
    unreadable_python,
    failing_import,
    wrong_declaration,
    without_module,
    without_both,
]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "shop")


@pytest.fixture(params=BROKEN, ids=lambda state: state.__name__)
def broken(request: pytest.FixtureRequest, applied: Path, tmp_path: Path) -> Path:
    """The applied project, and what happened to its files."""
    folder = copied_tree(applied, tmp_path / "shop")
    request.param(folder)
    return folder


def test_every_command_has_chosen_a_side() -> None:
    sides = [*OUTLIVES, *NEEDS_FILES, *TESTED_BELOW, *TESTED_ELSEWHERE, *NO_PROJECT]
    assert sorted(sides) == sorted(verbs())


@pytest.mark.parametrize("verb", OUTLIVES)
def test_a_command_works_from_what_was_applied(verb: str, broken: Path) -> None:
    answer = call(broken, [*verb.split(), *OUTLIVES[verb]])
    assert answer.code == 0, answer.text


@pytest.mark.parametrize("verb", NEEDS_FILES)
def test_a_command_that_reads_the_files_says_what_is_wrong(verb: str, broken: Path) -> None:
    answer = call(broken, [*verb.split(), *NEEDS_FILES[verb]])
    assert answer.code == 2, answer.text
    assert re.match(r"PRJ-02[02] ", answer.err)


def test_the_server_starts_and_answers(broken: Path) -> None:
    with serving(broken) as server:
        status, _ = server.ask("/v1/endpoints/late/predict", {"rows": [{"shop": "a"}]})
        assert status == 200
        status, told = server.ask("/v1/sources/sales/events", {"rows": [json.loads(SALE)]})
        assert status == 200
        assert isinstance(told, dict)
        assert told["accepted"] == 1


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort"])
def test_where_nothing_takes_over_a_rollout_is_not_steered(verb: str, applied: Path) -> None:
    answer = call(applied, ["rollout", verb, "late"])
    assert answer.code == 2, answer.text
    assert answer.err.startswith("SRV-071")


def test_a_row_in_quarantine_is_shown(broken: Path) -> None:
    call(broken, ["ingest", "sales", "--row", SALE.replace("1.0", '"much"')])
    [row] = json.loads(call(broken, ["quarantine", "list", "sales", "--json"]).out)
    shown = call(broken, ["quarantine", "show", "sales", str(row["raw"])])
    assert "much" in shown.out


def test_the_journal_is_compared_with_what_was_kept(broken: Path) -> None:
    (broken / "kept.json").write_text(call(broken, ["audit", "--json"]).out)
    assert call(broken, ["audit", "verify", "--against", "kept.json"]).code == 0


def test_a_token_is_replaced_and_revoked(broken: Path) -> None:
    made = call(broken, ["auth", "create", *OUTLIVES["auth create"], "--json"])
    rotated = call(
        broken, ["auth", "rotate", json.loads(made.out)["id"], "--out", "new.token", "--json"]
    )
    assert call(broken, ["auth", "revoke", json.loads(rotated.out)["id"]]).code == 0


def test_a_backup_is_restored_where_the_files_are_not(broken: Path, tmp_path: Path) -> None:
    assert call(broken, ["backup", "../copy"]).code == 0
    there = tmp_path / "there"
    there.mkdir()
    shutil.copy(broken / "project.toml", there)
    [key] = signed_by(tmp_path / "copy")
    assert call(there, ["restore", "../copy", "--trust", key]).code == 0
    answer = call(there, ["predict", "late", "--row", '{"shop": "a"}'])
    assert answer.code == 0, answer.text
    assert call(there, ["replay", "--last", "2"]).code == 0


def test_the_library_reads_what_was_applied(broken: Path) -> None:
    workspace = ms.Workspace.open(broken)
    spine = pl.DataFrame({"shop": ["a"], "prediction_time": ["2024-05-02"]})
    asked = workspace.get_historical_features(["takings"], spine=spine)
    assert asked["shop__sales__2h"].to_list() == [1]
    now = workspace.get_online_features(["takings"], keys=[{"shop": "a"}])
    assert now.columns == {"shop__sales__2h": [0]}
    assert workspace.monitors.run("lateness-monitor").predictions >= 1


def test_a_warning_says_why_the_declarations_are_not_shown(broken: Path) -> None:
    answer = call(broken, ["features"])
    assert "as applied; the project does not load" in answer.out
