"""Engines by configuration: what is opened, what each error says to do, and that the answers are
the same.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.engines import open_compute, open_state, open_stores
from mainspring.app.workspace import Workspace
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.compute import LocalCompute
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.state import SqliteState
from mainspring.engines.redis.online import RedisOnline
from mainspring.engines.s3.objects import S3Objects
from mainspring.ports.errors import SecretMissing, StoreUnreachable
from mainspring.project.config.config import parse_config
from mainspring.project.config.engines import EngineChoices
from mainspring.testing.servers import LocalServer, free_port
from tests.buckets import make_bucket


def choices(text: str) -> EngineChoices:
    """What a `[engines]` table says."""
    return parse_config(f"[engines]\n{text}", path="project.toml", name="shop").engines


@pytest.fixture
def elsewhere(
    redis_server: LocalServer, moto_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A `[engines]` table that keeps nothing on files but the log."""
    bucket = make_bucket(moto_server)
    monkeypatch.setenv("LAKE_KEY", bucket.access_key_id)
    monkeypatch.setenv("LAKE_SECRET", bucket.secret_access_key)
    place = (
        f'endpoint = "{bucket.endpoint}", region = "us-east-1", access_key_id = '
        f'"env:LAKE_KEY", secret_access_key = "env:LAKE_SECRET"'
    )
    return (
        f'online = {{ url = "redis://127.0.0.1:{redis_server.port}/0", prefix = "{bucket.url}" }}\n'
        f'tables = {{ url = "{bucket.url}/tables", {place} }}\n'
        f'objects = {{ url = "{bucket.url}/objects", {place} }}\n'
    )


def test_what_is_not_named_is_embedded(tmp_path: Path) -> None:
    stores = open_stores(EngineChoices(), tmp_path, project="shop")
    assert [type(store) for store in stores] == [SqliteLog, LmdbOnline, DeltaTables, FileObjects]


def test_state_and_compute_are_chosen_here_alone(tmp_path: Path) -> None:
    state = open_state(EngineChoices().state, tmp_path, project="shop")
    assert (type(state), [path.name for path in tmp_path.glob("*.db")]) == (
        SqliteState,
        ["state.db"],
    )
    state.close()
    assert type(open_compute(EngineChoices().compute)) is LocalCompute


def test_what_is_named_is_opened_with_its_secrets(tmp_path: Path, elsewhere: str) -> None:
    stores = open_stores(choices(elsewhere), tmp_path, project="shop")
    assert [type(store) for store in stores] == [SqliteLog, RedisOnline, DeltaTables, S3Objects]
    assert stores.objects.read(stores.objects.write(b"payload")) == b"payload"
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"log", "log-inference"}


def test_a_secret_that_is_not_set_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(
        SecretMissing,
        match=r"engines.online.password is read from the environment variable "
        r"NOT_SET_ANYWHERE",
    ):
        open_stores(
            choices('online = { url = "redis://127.0.0.1/0", password = "env:NOT_SET_ANYWHERE" }'),
            tmp_path,
            project="shop",
        )


def test_a_server_that_is_not_there_is_an_error_that_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        open_stores(
            choices(f'online = "redis://127.0.0.1:{free_port()}/0"'), tmp_path, project="shop"
        )
    assert "start it (redis-server)" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "module", "extra"),
    [
        ('online = "redis://127.0.0.1/0"', "redis", "redis"),
        ('tables = "s3://lake"', "obstore", "s3"),
        ('objects = "s3://lake"', "obstore", "s3"),
    ],
)
def test_a_client_that_is_not_installed_is_an_error_that_says_what_to_install(
    tmp_path: Path, setting: str, module: str, extra: str
) -> None:
    """In a process where the client cannot be imported, as where it was never installed."""
    program = f"""
import sys
from pathlib import Path
sys.modules[{module!r}] = None
from mainspring.app.engines import open_compute, open_state, open_stores
from mainspring.project.config.config import parse_config
text = {f"[engines]{chr(10)}{setting}"!r}
engines = parse_config(text, path="project.toml", name="shop").engines
open_stores(engines, Path({str(tmp_path)!r}), project="shop")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert f"ENG-013 the engine {module} needs {module}, which is not installed" in done.stderr
    assert f"pip install 'mainspring[{extra}]'" in done.stderr


AS_OF = "2024-03-28T18:00:00Z"


def features_on(folder: Path, engines: str) -> dict[str, list[object]]:
    """What a fresh project with these engines answers after it took a month of deliveries."""
    create_project(folder, "deliveries")
    with (folder / "project.toml").open("a") as settings:
        settings.write(engines)
    workspace = Workspace.open(folder, as_of=AS_OF)
    workspace.ingest("deliveries", folder / "data" / "deliveries.csv", history=True)
    assert workspace.facts_of(workspace.source("deliveries")).height > 1_000
    keys = [{"shop": shop} for shop in ("harbour", "market", "no such shop")]
    return dict(workspace.get_online_features(["pace"], keys=keys, at=AS_OF).columns)


@pytest.mark.journey
def test_a_model_is_taught_and_answers_on_other_engines(tmp_path: Path, elsewhere: str) -> None:
    create_project(tmp_path, "deliveries")
    with (tmp_path / "project.toml").open("a") as settings:
        settings.write(f"[engines]\n{elsewhere}")
    workspace = Workspace.open(tmp_path, as_of=AS_OF)
    assert workspace.apply().moved
    [prediction] = workspace.predict(
        "late-delivery", {"shop": "harbour", "distance_km": 2.0, "ordered_at": AS_OF}
    )
    assert workspace.replay([prediction.id])[0].outcome == "identical"
    assert {path.name.partition(".")[0] for path in (tmp_path / ".mainspring").iterdir()} == {
        "keys",
        "log",
        "log-inference",
        "state",
    }


def test_features_are_the_same_on_other_engines(tmp_path: Path, elsewhere: str) -> None:
    embedded = features_on(tmp_path / "embedded", "")
    assert features_on(tmp_path / "elsewhere", f"[engines]\n{elsewhere}") == embedded
    assert features_on(tmp_path / "sqlite", '[engines]\nonline = "sqlite"\n') == embedded
    assert any(value is not None for value in embedded["shop__minutes_mean__3h"])
