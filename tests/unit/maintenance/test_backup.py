"""A backup comes back as it was, or says why not; what is wrong with it is found before anything is
touched.
"""

import json
import stat
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.elements.identity import digest_of
from mainspring.engines.local.objects import MemoryObjects
from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign, NotEmbedded, PlaceTaken
from mainspring.ports.errors import LeaseHeld, StoreDamaged
from tests.archives import signed_by
from tests.copies import copied_tree
from tests.topics import facts_topic

DECLARED = """
import mainspring as ms
from mainspring import col
sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64()))
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")], windows=["7d"],
    features={"total": col("amount").sum(), "sales": ms.count()})
"""
AT = "2024-05-02T00:00:00Z"


def project(folder: Path, name: str = "shop") -> Path:
    folder.mkdir()
    (folder / "shop.py").write_text(DECLARED)
    (folder / "project.toml").write_text(f'name = "{name}"\n[environments.dev]\nas_of = "{AT}"\n')
    return folder


def sale(number: int) -> dict[str, object]:
    return {"n": number, "at": "2024-05-01T09:30:00Z", "shop": "Café 東京", "amount": number / 7}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    opened = ms.Workspace.open(project(tmp_path / "origin"))
    opened.apply()
    opened.ingest("sales", [sale(number) for number in range(40)], history=True)
    opened.writer("sales").write_rows(
        [sale(number) for number in range(40, 50)] + [{"n": None}], history=True
    )
    return opened


@pytest.fixture
def archive(workspace: Workspace, tmp_path: Path) -> Path:
    workspace.backup(tmp_path / "backup")
    return tmp_path / "backup"


def restored(archive: Path, folder: Path, **options: str) -> Workspace:
    ms.Workspace.restore(project(folder), archive, trust=signed_by(archive), **options)
    return ms.Workspace.open(folder)


def answers(workspace: Workspace) -> list[object]:
    """All that a user can ask of it."""
    told = workspace.get_online_features(
        ["takings"], keys=[{"shop": "Café 東京"}, {"shop": "elsewhere"}], at=AT
    ).columns
    taught = workspace.get_historical_features(
        ["takings"], spine=pl.DataFrame({"shop": ["Café 東京"], "prediction_time": [AT]})
    )
    facts = workspace.facts_of(workspace.source("sales"))
    return [
        told,
        taught.to_dicts(),
        workspace.status(),
        facts.to_dicts(),
        workspace.plan().is_empty,
    ]


def test_what_is_restored_answers_as_before(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    again = restored(archive, tmp_path / "again")
    assert answers(again) == answers(workspace)
    assert again.audit(last=1).intact
    assert again.writer("sales").write_rows([sale(3)], history=True).duplicates == 1


def test_a_trimmed_log_comes_back_with_its_table(workspace: Workspace, tmp_path: Path) -> None:
    before = answers(workspace)
    assert workspace.runtime.log.trim(facts_topic(workspace, "sales"), 40) == 40
    workspace.backup(tmp_path / "backup")
    again = restored(tmp_path / "backup", tmp_path / "again")
    assert (
        again.runtime.log.first(facts_topic(workspace, "sales")),
        again.runtime.tables.position(facts_topic(workspace, "sales")),
    ) == (
        40,
        40,
    )
    assert answers(again) == before
    assert again.writer("sales").write_rows([sale(3)], history=True).duplicates == 1
    assert (
        again.ingest("sales", [{**sale(3), "amount": 8.0}], history=True, op="replace").revised == 1
    )


def test_a_backup_of_a_table_that_lacks_what_the_log_trimmed_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.runtime.log.trim(facts_topic(workspace, "sales"), 50)
    with pytest.raises(StoreDamaged, match="40 of the 50 records"):
        workspace.backup(tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["origin"]


def test_a_restored_backup_can_be_backed_up_and_restored(archive: Path, tmp_path: Path) -> None:
    again = restored(archive, tmp_path / "again")
    again.backup(tmp_path / "second")
    assert answers(restored(tmp_path / "second", tmp_path / "third")) == answers(again)


def test_keys_and_token_travel_only_when_asked(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    assert not {path.name for path in archive.rglob("*")} & {"keys", "token", "tester"}
    token = workspace.token().read_text()
    workspace.backup(tmp_path / "secret", secrets=True)
    again = restored(tmp_path / "secret", tmp_path / "again")
    assert (again.public_keys(), again.token().read_text()) == (workspace.public_keys(), token)
    assert restored(archive, tmp_path / "other").public_keys() != workspace.public_keys()
    private = [
        tmp_path / folder / name
        for folder in ("secret", "again/.mainspring")
        for name in ("", "keys/tester", "token", "state.db", "log.db")
    ]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in private} == {0}


def test_leases_are_not_held_in_a_restored_state(workspace: Workspace, tmp_path: Path) -> None:
    held = workspace.runtime.state.acquire("environment:dev", "person:ada", ttl=10**12)
    workspace.backup(tmp_path / "backup")
    fresh = restored(tmp_path / "backup", tmp_path / "again").runtime.state.acquire(
        "environment:dev", "person:grace", ttl=1
    )
    assert fresh.token > held.token


def test_the_journals_of_both_sides_say_what_was_done(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    made = list(workspace.runtime.state.iter_events(kind="backup."))
    again = restored(archive, tmp_path / "again", actor="person:ada")
    [brought] = again.runtime.state.iter_events(kind="backup.")
    assert [record.event.kind for record in made] == ["backup.made"]
    assert (brought.event.kind, brought.event.actor) == ("backup.restored", "person:ada")
    assert brought.event.facts["digest"] == made[0].event.facts["digest"]


def cut_off(archive: Path) -> None:
    with (archive / "log.db").open("r+b") as file:
        file.truncate(file.seek(0, 2) - 1)


def flip(archive: Path) -> None:
    with (archive / "state.db").open("r+b") as file:
        file.seek(-9, 2)
        byte = file.read(1)
        file.seek(-9, 2)
        file.write(bytes([byte[0] ^ 1]))


def take_away(archive: Path) -> None:
    (archive / "log.db").unlink()


def add(archive: Path) -> None:
    (archive / "objects" / "more").write_text("x")


def link(archive: Path) -> None:
    (archive / "state.db").rename(archive.parent / "elsewhere")
    (archive / "state.db").symlink_to(archive.parent / "elsewhere")


def garble(archive: Path) -> None:
    (archive / "manifest.json").write_bytes((archive / "manifest.json").read_bytes()[:-20])


def point_outside(archive: Path) -> None:
    manifest = json.loads((archive / "manifest.json").read_text())
    manifest["files"][0]["path"] = "objects/../../outside"
    (archive / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [cut_off, flip, take_away, add, link, garble, point_outside],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_backup_is_refused_and_nothing_is_touched(
    archive: Path, tmp_path: Path, damage
) -> None:
    key = signed_by(archive)
    damage(archive)
    folder = project(tmp_path / "again")
    with pytest.raises(ArchiveDamaged):
        ms.Workspace.restore(folder, archive, trust=key)
    assert sorted(path.name for path in folder.iterdir()) == ["project.toml", "shop.py"]


def test_a_backup_that_was_exchanged_as_a_whole_is_told_by_its_digest(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    digest = digest_of((archive / "manifest.json").read_bytes())
    with pytest.raises(ArchiveDamaged, match="its digest is"):
        ms.Workspace.restore(project(tmp_path / "again"), archive, digest=digest_of(b""))
    assert restored(archive, tmp_path / "third", digest=digest).plan().is_empty


def test_what_is_no_backup_of_this_project_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveForeign, match="of the project shop"):
        ms.Workspace.restore(project(tmp_path / "again", name="library"), archive)
    with pytest.raises(ArchiveForeign, match="has no manifest"):
        ms.Workspace.restore(project(tmp_path / "third"), tmp_path)
    text = (archive / "manifest.json").read_text()
    (archive / "manifest.json").write_text(
        text.replace("mainspring-backup/2", "mainspring-backup/9")
    )
    with pytest.raises(ArchiveForeign, match="its format is mainspring-backup/9"):
        ms.Workspace.restore(project(tmp_path / "fourth"), archive)


def test_nothing_is_overwritten(workspace: Workspace, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(PlaceTaken):
        workspace.backup(archive)
    with pytest.raises(PlaceTaken):
        ms.Workspace.restore(tmp_path / "origin", archive, trust=signed_by(archive))
    assert answers(workspace)[-1] is True


def test_an_empty_folder_is_no_obstacle(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    workspace.backup(tmp_path / "there")
    folder = project(tmp_path / "again")
    (folder / ".mainspring").mkdir()
    ms.Workspace.restore(folder, tmp_path / "there", trust=signed_by(tmp_path / "there"))
    assert ms.Workspace.open(folder).plan().is_empty


def test_an_object_that_is_damaged_already_is_named_and_left_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    objects = workspace.runtime.objects
    good, bad = objects.write(b"good"), objects.write(b"bad")
    workspace.runtime.objects.path_of(bad).write_bytes(b"worse")
    assert workspace.backup(tmp_path / "backup").damaged == (bad,)
    again = restored(tmp_path / "backup", tmp_path / "again").runtime.objects
    assert (again.exists(good), again.exists(bad)) == (True, False)


def test_two_backups_do_not_run_at_once(workspace: Workspace, tmp_path: Path) -> None:
    workspace.runtime.state.acquire("maintenance", "person:ada", ttl=10**12)
    with pytest.raises(LeaseHeld):
        workspace.backup(tmp_path / "backup")


def test_what_lies_with_another_product_is_not_passed_over(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(NotEmbedded, match="it is stored in memory"):
        ms.Workspace.in_memory(workspace.project.declarations.sources).backup(tmp_path / "backup")
    elsewhere = Workspace(
        workspace.project,
        replace(workspace.runtime, objects=MemoryObjects()),
        environment="dev",
        folder=workspace.folder,
    )
    with pytest.raises(NotEmbedded, match="stored in MemoryObjects"):
        elsewhere.backup(tmp_path / "backup")


def test_what_a_killed_process_left_is_removed_by_the_next(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    left = tmp_path / ".next.unfinished-999999999-1"
    copied_tree(archive, left)
    workspace.backup(tmp_path / "next")
    assert not left.exists()
