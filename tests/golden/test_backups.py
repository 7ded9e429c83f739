"""Backups that earlier releases wrote are restored, and answer as they did then."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mainspring as ms
from mainspring.access.authorise import find_token, require_valid
from mainspring.access.scope import PERMISSIONS
from mainspring.elements.time import DAY
from tests.copies import copied_tree

WRITTEN = Path(__file__).parent / "backups"
RELEASES = sorted(path.parent.name for path in WRITTEN.glob("*/expected.json"))
AT = "2024-05-02T00:00:00Z"
SHOPS = ["Café 東京", "elsewhere"]


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> Path:
    return WRITTEN / request.param


@pytest.fixture
def expected(release: Path) -> dict[str, Any]:
    return json.loads((release / "expected.json").read_text())


@pytest.fixture
def restored(release: Path, expected: dict[str, Any], tmp_path: Path) -> ms.Workspace:
    with tarfile.open(release / "backup.tar.gz") as archive:
        archive.extractall(tmp_path / "backup", filter="data")
    project = tmp_path / "project"
    copied_tree(release, project, ignore=shutil.ignore_patterns("backup.tar.gz"))
    ms.Workspace.restore(project, tmp_path / "backup", digest=expected["digest"])
    return ms.Workspace.open(project)


def test_features_and_facts_are_what_they_were(
    restored: ms.Workspace, expected: dict[str, Any]
) -> None:
    spine = pl.DataFrame({"shop": SHOPS, "prediction_time": [AT] * len(SHOPS)})
    found = restored.get_historical_features(["takings"], spine=spine)
    assert found.drop(spine.columns).to_dict(as_series=False) == expected["features"]
    assert restored.facts_of(restored.source("sales")).height == expected["facts"]


def test_an_apply_decides_anew_on_every_row_that_release_took_in(
    restored: ms.Workspace, expected: dict[str, Any]
) -> None:
    before = restored.facts_of(restored.source("sales")).drop("_offset")
    restored.apply()
    source = restored.source("sales")
    assert source.bound_stream
    after = restored.facts_of(source).drop("_offset").select(before.columns)
    assert after.sort("_id").equals(before.sort("_id"))
    spine = pl.DataFrame({"shop": SHOPS, "prediction_time": [AT] * len(SHOPS)})
    found = restored.get_historical_features(["takings"], spine=spine)
    assert found.drop(spine.columns).to_dict(as_series=False) == expected["features"]
    assert restored.status().sources[0].quarantined == 1


def test_the_log_begins_where_it_was_trimmed(
    restored: ms.Workspace, expected: dict[str, Any]
) -> None:
    log = restored.runtime.log
    assert {topic: log.first(topic) for topic in expected["trimmed"]} == expected["trimmed"]


def test_keys_token_and_journal_came_along(
    restored: ms.Workspace, expected: dict[str, Any]
) -> None:
    assert restored.public_keys() == expected["keys"]
    state, now = restored.runtime.state, restored.runtime.clock.now()
    came = require_valid(find_token(state, expected["token"]), at=now)
    # The owner's has what this release permits besides.
    own = require_valid(find_token(state, restored.token().read_text().strip()), at=now)
    assert set(came.permissions) < set(own.permissions) == set(PERMISSIONS)
    audit = restored.audit()
    assert audit.intact
    since = [recorded.event.kind for recorded in audit.shown][expected["journal"] :]
    assert sorted(since) == ["backup.restored", "token.created", "workspace.upgraded"]


def test_the_second_gc_removes_what_the_first_found(
    restored: ms.Workspace, expected: dict[str, Any]
) -> None:
    collector = restored.garbage_collector
    plan = collector.plan(-10_000 * DAY)
    assert expected["unreferenced"] in [getattr(step, "digest", "") for step in plan.steps]
    assert collector.collect(plan).objects == 1
    assert not restored.runtime.objects.exists(expected["unreferenced"])
