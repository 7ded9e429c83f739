"""A server goes by settings outside of the project, and needs nothing that the project declares."""

import shutil
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.engines.local.sequences import FileSequences
from mainspring.ports.errors import TrustUnusable
from mainspring.project.errors import NothingImported
from tests.called_server import post, serving
from tests.unit.project.desk import write_desk

AS_OF = "2024-01-17T16:00:00Z"
ROW = {"team": "team1", "words": 7, "opened_at": "2024-01-17T15:00:00Z"}
WITNESS = "from pathlib import Path\nimport mainspring\nPath(__file__).with_name('ran').touch()\n"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the state of a project that serves in staging, and a file of settings beside
    it; of the project itself nothing is left but a module that says when it is imported.
    """
    folder = write_desk(tmp_path_factory.mktemp("left"))
    trust = folder.with_name("server.toml")
    key = Workspace.open(folder).public_keys()["tester"]
    settings = f'name = "desk"\n[environments.staging.trust]\ntester = ["{key}"]\n'
    (folder / "project.toml").write_text(settings)
    Workspace.open(folder).apply()
    Workspace.open(folder).promote("staging")
    shutil.move(folder / "project.toml", trust)
    for path in (*folder.glob("*.py"), *folder.glob("*.csv")):
        path.unlink()
    (folder / "witness.py").write_text(WITNESS)
    return folder


@pytest.fixture
def trust(left: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(left.with_name("server.toml"), tmp_path / "server.toml"))


def test_a_server_needs_none_of_the_projects_python(left: Path, trust: Path) -> None:
    given = ("--env", "staging", "--trust", str(trust), "--as-of", AS_OF)
    with serving(left, *given) as url:
        token = (left / ".mainspring" / "tokens" / "staging").read_text().strip()
        answer = post(f"{url}/v1/endpoints/slow/predict", token, {"rows": [ROW]})
        ticket = {"n": 9_000, "opened_at": "2024-01-17T15:30:00Z", "team": "team1", "words": 3}
        pushed = post(f"{url}/v1/sources/tickets/events", token, {"rows": [ticket]})
    assert 0 < answer["predictions"][0]["score"] < 1
    assert pushed["accepted"] == 1
    assert not (left / "ran").exists()


def test_nothing_in_the_folder_says_whom_to_trust(left: Path, trust: Path) -> None:
    (left / "project.toml").write_text('name = "desk"\n[environments.staging]\nprotected = false\n')
    workspace = Workspace.open(left, "staging", as_of=AS_OF, trust=trust)
    (left / "project.toml").unlink()
    assert workspace.config.protected
    assert workspace.predict("slow", [ROW])
    with pytest.raises(NothingImported):
        _ = workspace.project


def test_a_file_that_others_may_write_is_not_believed(left: Path, trust: Path) -> None:
    trust.chmod(0o622)
    with pytest.raises(TrustUnusable, match="others than its owner may write it"):
        Workspace.open(left, "staging", trust=trust)
    trust.unlink()
    with pytest.raises(TrustUnusable, match="No such file"):
        Workspace.open(left, "staging", trust=trust)


@pytest.mark.parametrize("found", [b"", b"{}", b'{"format":"mainspring-seen/2","highest":{}}'])
def test_what_was_seen_is_not_forgotten_with_its_file(
    left: Path, trust: Path, found: bytes
) -> None:
    seen = trust.with_name("server.toml.seen")
    seen.write_bytes(found)
    with pytest.raises(TrustUnusable):
        Workspace.open(left, "staging", trust=trust)
    seen.unlink()
    seen.symlink_to(trust)
    with pytest.raises(TrustUnusable):
        Workspace.open(left, "staging", trust=trust)


def test_the_highest_of_all_servers_counts(tmp_path: Path) -> None:
    path = tmp_path / "server.toml.seen"
    first, second = FileSequences(path), FileSequences(path)
    first.saw("desk/staging/release", 7)
    second.saw("desk/staging/release", 3)
    second.saw("desk/staging/model.slow", 2)
    fresh = FileSequences(path)
    highest = [fresh.highest(f"desk/staging/{name}") for name in ("release", "model.slow", "x")]
    assert highest == [7, 2, 0]
    assert path.stat().st_mode & 0o777 == 0o600
