"""The drill: a workspace is copied while another process fills it, brought back elsewhere, and
gives the same bytes; and copies killed half way are none.
"""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import polars as pl
import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.features.history.backfill import backfill_view
from mainspring.maintenance.backup import BackupReport
from mainspring.sources.facts import read_source_rows
from tests.archives import signed_by
from tests.crash.living import SHOPS, copy_of_project
from tests.topics import facts_topic

pytestmark = pytest.mark.crash

KILLS = 4


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("origin")
    create_project(folder, "deliveries")
    Workspace.open(folder).apply()
    return folder


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A process of `tests.crash.living`, killed in the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.living", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """So many further acknowledgements."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def elsewhere(origin: Path, archive: Path, folder: Path) -> Workspace:
    """The project as it is checked out on another machine, with the backup brought back."""
    Workspace.restore(copy_of_project(origin, folder), archive, trust=signed_by(archive))
    return Workspace.open(folder)


@pytest.fixture(scope="module")
def drill(
    origin: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Workspace, BackupReport, list[str]]:
    """The workspace that lived on, the one that came back, the backup, and what was acknowledged
    before it began.
    """
    folder, workspace = tmp_path_factory.mktemp("drill"), Workspace.open(origin)
    with running("live", str(origin)) as process:
        before = lines(process, 12)
        report = workspace.backup(folder / "backup", secrets=True)
        lines(process, 12)
    return workspace, elsewhere(origin, folder / "backup", folder / "elsewhere"), report, before


def test_all_that_was_acknowledged_before_the_copy_is_in_it(
    drill: tuple[Workspace, Workspace, BackupReport, list[str]],
) -> None:
    origin, restored, report, before = drill
    facts, predictions = (
        [line.split()[1] for line in before if line.startswith(kind)]
        for kind in ("facts", "prediction")
    )
    assert (
        max(map(int, facts))
        <= report.cut.heads[facts_topic(origin, "deliveries")]
        == restored.runtime.log.head(facts_topic(origin, "deliveries"))
    )
    assert origin.runtime.log.head(facts_topic(origin, "deliveries")) > restored.runtime.log.head(
        facts_topic(origin, "deliveries")
    )
    assert set(predictions) <= set(restored.latest_predictions(1_000))


def test_facts_and_features_are_the_same_bytes_at_the_same_position(
    drill: tuple[Workspace, Workspace, BackupReport, list[str]],
) -> None:
    origin, restored, report, _ = drill
    source, view, head = (
        origin.source("deliveries"),
        origin.reader.view("pace"),
        report.cut.heads[facts_topic(origin, "deliveries")],
    )
    known = read_source_rows(
        source, log=origin.runtime.log, tables=origin.runtime.tables, until=head
    )
    assert restored.facts_of(source).equals(known)
    q = int(known["_visible_from"].max()) + 1
    told = restored.get_online_features(["pace"], keys=[{"shop": shop} for shop in SHOPS], at=q)
    taught = backfill_view(
        view, known, pl.DataFrame({"shop": SHOPS, "_prediction_time": [q] * len(SHOPS)})
    )
    assert told.positions[view.shard].offset(facts_topic(origin, "deliveries")) == head
    assert msgspec.msgpack.encode(told.columns) == msgspec.msgpack.encode(
        {name: taught[name].to_list() for name in told.columns}
    )
    assert told.columns["town__minutes_mean__1h"][0] is not None


def test_status_predictions_and_replays_are_as_before(
    drill: tuple[Workspace, Workspace, BackupReport, list[str]],
) -> None:
    origin, restored, _, _ = drill
    assert (restored.status().endpoints, restored.status().version) == (
        origin.status().endpoints,
        origin.status().version,
    )
    assert restored.audit(last=1).intact
    made = restored.latest_predictions(1_000)
    assert {str(replay.outcome) for replay in restored.replay(made)} == {"identical"}
    [prediction] = restored.predict(
        "late-delivery",
        {"shop": "harbour", "distance_km": 2.5, "ordered_at": "2024-04-01T12:00:00Z"},
    )
    assert str(restored.replay(prediction.id)[0].outcome) == "identical"


def killed_at_random(seed: str, *arguments: str) -> list[str]:
    """What a process acknowledged that was killed at an instant after its first line."""
    instants = random.Random(seed)
    with running(*arguments) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=instants.uniform(0, 0.6))
        process.kill()
        return [line.strip() for line in (first, *process.stdout) if line.endswith("\n")]


def test_a_backup_killed_at_any_instant_is_whole_or_not_there(origin: Path, tmp_path: Path) -> None:
    acknowledged = [
        name
        for kill in range(KILLS)
        for name in killed_at_random(f"backup {kill}", "backup", str(origin), str(tmp_path))
    ]
    archives = sorted(tmp_path.glob("[0-9]*"))
    assert set(acknowledged) <= {path.name for path in archives}
    for archive in archives:
        assert elsewhere(origin, archive, tmp_path / f"from {archive.name}").plan().is_empty


def test_a_restore_killed_at_any_instant_is_whole_or_not_there(
    origin: Path, tmp_path: Path
) -> None:
    Workspace.open(origin).backup(tmp_path / "backup")
    for kill in range(KILLS):
        places = tmp_path / f"places {kill}"
        acknowledged = killed_at_random(
            f"restore {kill}", "restore", str(origin), str(tmp_path / "backup"), str(places)
        )
        found = [folder for folder in sorted(places.iterdir()) if (folder / ".mainspring").exists()]
        assert set(acknowledged) <= {folder.name for folder in found}
        assert all(Workspace.open(folder).plan().is_empty for folder in found[-2:])
        again = copy_of_project(origin, places / f"{len(found):04}")
        Workspace.restore(again, tmp_path / "backup", trust=signed_by(tmp_path / "backup"))
        assert Workspace.open(again).plan().is_empty
        assert [path.name for path in again.glob(".mainspring*")] == [".mainspring"]
