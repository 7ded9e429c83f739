"""What lies on the disk is for its owner alone, and secrets go where nobody put a link."""

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.access.errors import SecretFileRefused
from mainspring.access.owner import load_or_create_token
from mainspring.access.tokens import Tokens
from mainspring.app.cli.create import create_project
from mainspring.app.http.bare import run_model_server
from mainspring.app.models.model_file import ModelFile
from mainspring.app.planning import state_folder
from mainspring.app.workspace import Workspace
from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.private import make_private_folders, read_secret, write_secret
from mainspring.engines.local.signer import FileSigner
from mainspring.engines.local.sqlite import SqliteDatabase
from mainspring.engines.local.state import SqliteState
from mainspring.ports.errors import FileRefused, FolderShared, KeyUnusable, PortTaken
from tests.attacks.test_models import MODELS
from tests.journeys.lateness import call
from tests.unit.project.desk import write_desk


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Files are made by this mask while the block runs."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def wide(root: Path) -> list[str]:
    """What others than its owner may use, below a folder and itself, with its mode."""
    paths = [root, *root.rglob("*")]
    return [
        f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(root)}"
        for path in paths
        if not path.is_symlink() and path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]


def used(folder: Path) -> Workspace:
    """A project that was applied, asked, backed up and looked at."""
    write_desk(folder)
    workspace = Workspace.open(folder)
    workspace.apply()
    workspace.predict("slow", {"team": "team1", "words": 3, "opened_at": "2024-01-20T00:00:00Z"})
    workspace.ingest("tickets", [{"n": 9, "opened_at": "2024-01-20", "team": "a", "words": 1}])
    workspace.token()
    workspace.backup(folder / "copy", secrets=True)
    return workspace


@pytest.mark.parametrize("mask", [0o000, 0o077], ids=oct)
def test_all_of_a_workspace_is_for_its_owner_alone(mask: int, tmp_path: Path) -> None:
    with umask(mask):
        used(tmp_path)
    found = [path.name for path in (tmp_path / ".mainspring").rglob("*")]
    assert wide(tmp_path / ".mainspring") == []
    assert wide(tmp_path / "copy") == []
    assert {"state.db", "token", "tester", "_delta_log"} <= set(found)
    assert any(name.endswith("-wal") for name in found)


def test_a_new_project_has_a_private_state_folder(tmp_path: Path) -> None:
    with umask(0):
        create_project(tmp_path / "new", "new")
    assert wide(tmp_path / "new" / ".mainspring") == []


@pytest.mark.parametrize("shared", [".mainspring", ".mainspring/objects", ".mainspring/kernels"])
def test_a_folder_that_others_may_write_is_refused(shared: str, tmp_path: Path) -> None:
    (tmp_path / shared).mkdir(parents=True)
    (tmp_path / ".mainspring").chmod(0o700)
    (tmp_path / shared).chmod(0o777)
    with pytest.raises(FolderShared, match="0777"):
        state_folder(tmp_path)


def test_a_folder_that_others_may_read_is_taken_from_them(tmp_path: Path) -> None:
    (tmp_path / ".mainspring").mkdir(mode=0o755)
    state_folder(tmp_path)
    assert wide(tmp_path / ".mainspring") == []


def test_databases_that_others_could_read_are_taken_from_them(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with umask(0o022):
        path.touch(mode=0o644)
    database = SqliteDatabase(path, schema="CREATE TABLE t (x)", synchronous="FULL", name="it")
    assert wide(tmp_path) == []
    database.close()


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that an attacker wants to have overwritten, or read."""
    path = tmp_path / "victim"
    path.write_text("as it was")
    path.chmod(0o600)
    return path


def test_a_new_key_is_not_written_through_a_link(victim: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "tester").symlink_to(tmp_path / "elsewhere")
    (keys / f"tester.{os.getpid()}").symlink_to(victim)
    with pytest.raises(KeyUnusable, match="it is a link"):
        FileSigner.load_or_create(keys / "tester")
    assert victim.read_text() == "as it was"
    assert not (tmp_path / "elsewhere").exists()


def test_a_token_is_not_written_through_a_link(victim: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.symlink_to(victim)
    token.with_suffix(".new").symlink_to(victim)
    state, me, project = SqliteState(None, ProjectName("p")), Actor("person:me"), ProjectName("p")
    tokens = Tokens(state, project=project, actor=me, environment="dev", clock=FrozenClock(0))
    load_or_create_token(token, state, tokens, actor=me, environments=["dev"], at=0)
    assert victim.read_text() == "as it was"
    assert not token.is_symlink()
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_a_secret_takes_the_place_of_a_link_and_leaves_its_target(
    victim: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "secret", b"s")
    write_secret(tmp_path / "secret", b"s", replace=True)
    assert (victim.read_text(), read_secret(tmp_path / "secret")) == ("as it was", b"s")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "victim"]


@pytest.mark.parametrize(
    "plant",
    [
        lambda path, victim: path.symlink_to(victim),
        lambda path, _: os.mkfifo(path),
        lambda path, _: path.mkdir(),
        lambda path, _: path.touch(mode=0o644),
    ],
    ids=["link", "pipe", "folder", "readable"],
)
def test_a_secret_is_read_from_a_private_file_only(
    plant: Callable[[Path, Path], None], victim: Path, tmp_path: Path
) -> None:
    plant(tmp_path / "secret", victim)
    with pytest.raises(FileRefused):
        read_secret(tmp_path / "secret")


def test_missing_folders_are_made_for_their_owner(tmp_path: Path) -> None:
    with umask(0):
        make_private_folders(tmp_path / "a" / "b")
    assert wide(tmp_path) == []


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing was done."""
    return write_desk(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_token_is_not_printed_into_what_may_be_a_log(form: list[str], desk: Path) -> None:
    answer = call(desk, ["auth", "create", "service:till", "--permission", "read", *form])
    assert (answer.code, "--out FILE" in answer.text, "msp_" in answer.text) == (2, True, False)
    assert Workspace.open(desk).tokens.list() == []


def test_a_token_goes_to_a_new_file_of_its_owner(desk: Path) -> None:
    made = ["auth", "create", "service:till", "--permission", "read", "--out"]
    with umask(0):
        answer = call(desk, [*made, "till.token", "--json"])
    token = (desk / "till.token").read_text().strip()
    assert (token[:4], token in answer.text) == ("msp_", False)
    assert json.loads(answer.out)["file"] == "till.token"
    assert stat.S_IMODE((desk / "till.token").stat().st_mode) == 0o600
    (desk / "link").symlink_to(desk / "elsewhere")
    for taken in ("till.token", "link"):
        assert call(desk, [*made, taken]).code != 0
    assert not (desk / "elsewhere").exists()
    assert len(Workspace.open(desk).tokens.list()) == 1


def test_a_bare_server_prints_no_token(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(MODELS[0])
    said: list[str] = []
    secret = tmp_path / "m.token"
    with umask(0), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken):
            run_model_server(
                {"m": ModelFile(tmp_path / "m.onnx")},
                port=port,
                announce=said.append,
                token_file=secret,
            )
    assert said == []
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_bare_server_takes_no_token_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(MODELS[0])
    secret = tmp_path / "m.token"
    secret.write_text("x" * 40)
    secret.chmod(0o644)
    with pytest.raises(SecretFileRefused):
        run_model_server(
            {"m": ModelFile(tmp_path / "m.onnx")}, port=0, announce=print, token_file=secret
        )
