"""A backup is believed by its signature: nothing of one that was exchanged, changed or made up is
written anywhere, and none brings what it says that it has not.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.elements.identity import digest_of
from mainspring.engines.local.signer import FileSigner
from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign, ArchiveUnproven
from mainspring.maintenance.signature import sign_manifest
from mainspring.ports.signer import Signer
from tests.archives import signed_by
from tests.copies import copied_tree

DECLARED = """
import mainspring as ms
sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp()))
"""


def project(folder: Path, settings: str = "") -> Path:
    folder.mkdir()
    (folder / "shop.py").write_text(DECLARED)
    (folder / "project.toml").write_text(f'name = "shop"\n{settings}')
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    opened = ms.Workspace.open(project(tmp_path_factory.mktemp("origin") / "shop"))
    opened.apply()
    opened.ingest("sales", [{"n": 1, "at": "2024-05-01"}])
    opened.token()
    return opened


@pytest.fixture(scope="module")
def written(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backups")
    workspace.backup(folder / "plain")
    workspace.backup(folder / "secret", secrets=True)
    return folder


@pytest.fixture
def archive(written: Path, tmp_path: Path) -> Path:
    return copied_tree(written / "plain", tmp_path / "plain")


def rewritten(archive: Path, change: Callable[[dict[str, object]], None], signer: Signer) -> None:
    """Change the manifest, and sign what it has become."""
    manifest = json.loads((archive / "manifest.json").read_bytes())
    change(manifest)
    payload = json.dumps(manifest).encode()
    (archive / "manifest.json").write_bytes(payload)
    (archive / "manifest.sig").write_bytes(sign_manifest(payload, signer))


def entry(archive: Path, name: str) -> dict[str, object]:
    payload = (archive / name).read_bytes()
    return {"path": name, "size_bytes": len(payload), "digest": digest_of(payload)}


def untouched(folder: Path) -> bool:
    """Whether a project has no state, nor anything that a restore left beside it."""
    return sorted(path.name for path in folder.iterdir()) == ["project.toml", "shop.py"]


def test_on_a_fresh_machine_the_key_is_named_and_asked_for(archive: Path, tmp_path: Path) -> None:
    folder, [key] = project(tmp_path / "again"), signed_by(archive)
    with pytest.raises(ArchiveUnproven) as refused:
        ms.Workspace.restore(folder, archive)
    assert f"--trust {key}" in str(refused.value)
    assert untouched(folder)
    assert ms.Workspace.restore(folder, archive, trust=[key]).signed_by == key
    assert ms.Workspace.open(folder).plan().is_empty


def test_a_digest_that_was_noted_proves_as_much(archive: Path, tmp_path: Path) -> None:
    digest = digest_of((archive / "manifest.json").read_bytes())
    ms.Workspace.restore(project(tmp_path / "again"), archive, digest=digest)
    assert ms.Workspace.open(tmp_path / "again").plan().is_empty


def test_a_tester_of_the_project_is_trusted(archive: Path, tmp_path: Path) -> None:
    settings = f'[environments.prod]\ntrust.tester = ["{signed_by(archive)[0]}"]\n'
    ms.Workspace.restore(project(tmp_path / "again", settings), archive)
    assert ms.Workspace.open(tmp_path / "again").plan().is_empty


def test_one_that_a_stranger_signed_is_refused(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    stranger, folder = FileSigner.in_memory(), project(tmp_path / "again")
    rewritten(archive, lambda manifest: manifest.update(made_by="person:mallory"), stranger)
    with pytest.raises(ArchiveUnproven, match="--trust ed25519:"):
        ms.Workspace.restore(folder, archive, trust=[workspace.public_keys()["tester"]])
    assert untouched(folder)


def test_a_changed_manifest_is_not_what_was_signed(archive: Path, tmp_path: Path) -> None:
    folder, key = project(tmp_path / "again"), signed_by(archive)
    text = (archive / "manifest.json").read_text()
    (archive / "manifest.json").write_text(text.replace('"secrets": false', '"secrets": true'))
    with pytest.raises(ArchiveDamaged, match=r"manifest\.sig is not of this manifest"):
        ms.Workspace.restore(folder, archive, trust=key)
    assert untouched(folder)


def test_a_signature_of_something_else_is_none_of_a_backup(
    workspace: Workspace, archive: Path, tmp_path: Path
) -> None:
    class Elsewhere:
        public_key = workspace.runtime.signer.public_key

        def sign(self, message: bytes) -> object:
            return workspace.runtime.signer.sign(message.partition(b"\n")[2])

    payload = (archive / "manifest.json").read_bytes()
    (archive / "manifest.sig").write_bytes(sign_manifest(payload, Elsewhere()))
    with pytest.raises(ArchiveDamaged, match="is not of this"):
        ms.Workspace.restore(
            project(tmp_path / "again"), archive, trust=[workspace.public_keys()["tester"]]
        )


def test_one_without_a_signature_cannot_pass_for_one_of_release_0_1(
    archive: Path, tmp_path: Path
) -> None:
    folder, key = project(tmp_path / "again"), signed_by(archive)
    text = (archive / "manifest.json").read_text()
    (archive / "manifest.json").write_text(text.replace("backup/2", "backup/1"))
    with pytest.raises(ArchiveUnproven, match="no signature"):
        ms.Workspace.restore(folder, archive, trust=key)
    assert untouched(folder)


def test_no_secret_comes_from_a_backup_that_says_it_has_none(
    workspace: Workspace, written: Path, archive: Path, tmp_path: Path
) -> None:
    def smuggle(manifest: dict[str, object]) -> None:
        files = manifest["files"]
        assert isinstance(files, list)
        files.append(entry(archive, "keys/tester"))

    folder = project(tmp_path / "again")
    copied_tree(written / "secret" / "keys", archive / "keys")
    rewritten(archive, smuggle, workspace.runtime.signer)
    with pytest.raises(ArchiveDamaged, match="keys/tester is a secret"):
        ms.Workspace.restore(folder, archive, trust=signed_by(archive))
    assert untouched(folder)


def test_secrets_come_where_they_were_asked_for(
    workspace: Workspace, written: Path, tmp_path: Path
) -> None:
    archive = written / "secret"
    ms.Workspace.restore(project(tmp_path / "again"), archive, trust=signed_by(archive))
    assert ms.Workspace.open(tmp_path / "again").public_keys() == workspace.public_keys()


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "/tmp/outside",
        "objects/../../outside",
        "objects/./../outside",
        "keys/../../outside",
        "state.db/more",
        "objects//etc",
        "objects/ab/cd/README",
        "tables/../../outside",
        "tables/0.parquet\x00",
        "",
        ".",
        "keys/.hidden",
        "..\\outside",
    ],
)
def test_no_path_of_a_manifest_leads_out_of_the_folder(
    workspace: Workspace, archive: Path, tmp_path: Path, path: str
) -> None:
    def lead_out(manifest: dict[str, object]) -> None:
        files = manifest["files"]
        assert isinstance(files, list)
        files[0]["path"] = path

    folder = project(tmp_path / "again")
    rewritten(archive, lead_out, workspace.runtime.signer)
    with pytest.raises(ArchiveDamaged, match="no part of a backup"):
        ms.Workspace.restore(folder, archive, trust=signed_by(archive))
    assert untouched(folder)
    assert not list(tmp_path.rglob("outside"))


def exchange_for_a_link(archive: Path) -> None:
    shutil.move(archive / "log.db", archive.parent / "log.db")
    (archive / "log.db").symlink_to(archive.parent / "log.db")


def exchange_for_a_pipe(archive: Path) -> None:
    (archive / "log.db").unlink()
    os.mkfifo(archive / "log.db")


def exchange_for_a_device(archive: Path) -> None:
    (archive / "log.db").unlink()
    (archive / "log.db").symlink_to("/dev/zero")


def link_a_folder(archive: Path) -> None:
    shutil.move(archive / "objects", archive.parent / "objects")
    (archive / "objects").symlink_to(archive.parent / "objects")


def make_the_manifest_a_pipe(archive: Path) -> None:
    (archive / "manifest.json").unlink()
    os.mkfifo(archive / "manifest.json")


def make_the_signature_a_pipe(archive: Path) -> None:
    (archive / "manifest.sig").unlink()
    os.mkfifo(archive / "manifest.sig")


def take_the_signature(archive: Path) -> None:
    (archive / "manifest.sig").unlink()


def garble_the_signature(archive: Path) -> None:
    (archive / "manifest.sig").write_bytes(b'{"public_key": 7}' * 9)


@pytest.mark.parametrize(
    "damage",
    [
        exchange_for_a_link,
        exchange_for_a_pipe,
        exchange_for_a_device,
        link_a_folder,
        make_the_manifest_a_pipe,
        make_the_signature_a_pipe,
        take_the_signature,
        garble_the_signature,
    ],
    ids=lambda damage: damage.__name__,
)
def test_neither_links_nor_pipes_nor_devices_are_followed(
    archive: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder, key = project(tmp_path / "again"), signed_by(archive)
    damage(archive)
    with pytest.raises((ArchiveDamaged, ArchiveForeign)):
        ms.Workspace.restore(folder, archive, trust=key)
    assert untouched(folder)
