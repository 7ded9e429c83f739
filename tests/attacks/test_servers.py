"""The stores of servers are not believed alone either: a stream of NATS that was made anew or is
older than what was folded, a Redis that was emptied or is ahead, and checkpoints in a bucket.
"""

import gc
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import obstore
import pytest
import redis

import mainspring as ms
from mainspring.app.cli.faults import EXIT_OK, EXIT_REFUSED
from mainspring.engines.nats.connection import NatsConnection
from mainspring.engines.s3.bucket import S3Location
from mainspring.testing.servers import LocalServer
from tests.buckets import make_bucket
from tests.contracts.nats_server import RunningServer
from tests.copies import copied_tree
from tests.journeys.lateness import PROJECT, call

ASKED = ["predict", "late", "--row", '{"shop": "a"}', "--json"]


class Remote(NamedTuple):
    """A project whose log is a stream and whose online state is a Redis, and copies of the files
    of the stream: before the last push, and after it.
    """

    project: Path
    nats: RunningServer
    store: Path
    before: Path
    after: Path
    url: str
    score: float

    def put(self, files: Path | None) -> None:
        """Have the server hold what these files say; None for nothing."""
        leave_servers()
        self.nats.stop()
        shutil.rmtree(self.store)
        if files is not None:
            copied_tree(files, self.store)
        self.nats.start()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, redis_server: LocalServer) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    nats = RunningServer(folder / "nats")
    nats.start()
    url = f"redis://127.0.0.1:{redis_server.port}/3"
    project = folder / "shop"
    project.mkdir()
    rows = [
        f"{hour},{'aab'[hour % 3]},2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z,"
        f"{2.0 * (hour % 3 == 1 or hour % 5 == 0)}"
        for hour in range(96)
    ]
    (project / "sales.csv").write_text("\n".join(["sale,shop,at,amount", *rows]))
    (project / "shop.py").write_text(PROJECT)
    (project / "project.toml").write_text(
        f'name = "shop"\n[engines]\nlog = "{nats.url}"\nonline = "{url}"\n'
    )
    assert call(project, ["apply"]).code == EXIT_OK
    assert call(project, ASKED).code == EXIT_OK
    nats.stop()
    store = folder / "nats" / "store"
    copied_tree(store, folder / "before")
    nats.start()
    row = '{"sale": "next", "shop": "a", "at": "2024-05-04T22:30:00Z", "amount": 1.0}'
    assert call(project, ["ingest", "sales", "--row", row]).code == EXIT_OK
    expected = score(project)
    nats.stop()
    copied_tree(store, folder / "after")
    # Clients in this process go on following the server, and note what they see in their project.
    kept = copied_tree(project, folder / "kept")
    yield Remote(kept, nats, store, folder / "before", folder / "after", url, expected)
    nats.kill()


@pytest.fixture
def remote(made: Remote, tmp_path: Path) -> Remote:
    """A copy of the project; the servers as they were."""
    made.put(made.after)
    return made._replace(project=copied_tree(made.project, tmp_path / "shop"))


def leave_servers() -> None:
    """What a command does when its process ends: those of these tests share one."""
    for each in gc.get_objects():
        # Not `isinstance`: it would ask what a weak reference stands for, which may be gone.
        if type(each) is NatsConnection:
            each.close()


def forget_index(project: Path) -> None:
    """Do as the message of a foreign index says."""
    for file in (project / ".mainspring").glob("log-index.db*"):
        file.unlink()


def assert_found(project: Path, code: str) -> None:
    """The doctor goes on and says it, and no verb works from such a log."""
    told = call(project, ["doctor"])
    assert (told.code, code in told.out) == (EXIT_REFUSED, True), told
    for words in (ASKED, ["apply"], ["ingest", "sales", "--row", "{}"], ["stream", "--once"]):
        answer = call(project, words)
        assert answer.code != EXIT_OK, words
        assert code in answer.text, (words, answer)


def score(project: Path) -> float:
    answer = call(project, ASKED)
    assert answer.code == EXIT_OK, answer
    return float(json.loads(answer.out)[0]["score"])


def test_a_stream_that_was_made_anew_is_not_taken_for_the_old_one(remote: Remote) -> None:
    remote.put(None)
    assert_found(remote.project, "ENG-010")
    forget_index(remote.project)
    assert_found(remote.project, "ENG-040")


def test_a_stream_that_was_set_back_is_found(remote: Remote) -> None:
    remote.put(remote.before)
    assert_found(remote.project, "ENG-010")
    forget_index(remote.project)
    assert_found(remote.project, "ENG-041")


def test_a_stream_that_is_put_back_is_used_again(remote: Remote) -> None:
    remote.put(None)
    assert call(remote.project, ASKED).code != EXIT_OK
    remote.put(remote.after)
    assert score(remote.project) == remote.score


def test_what_was_set_back_and_accepted_takes_the_online_state_back(remote: Remote) -> None:
    remote.put(remote.before)
    forget_index(remote.project)
    assert "ENG-043 online state" in call(remote.project, ["doctor"]).out
    assert "ENG-04" not in call(remote.project, ["doctor", "--accept"]).out
    assert call(remote.project, ["doctor"]).code == EXIT_OK
    assert call(remote.project, ["test", "--parity", "--rows", "5"]).code == EXIT_OK


def test_an_emptied_redis_is_filled_from_the_log(remote: Remote) -> None:
    redis.Redis.from_url(remote.url).flushdb()
    assert call(remote.project, ["doctor"]).code == EXIT_OK
    assert score(remote.project) == remote.score


def test_checkpoints_in_a_bucket_convict_who_deletes_those_of_the_state(
    remote: Remote, moto_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of a bucket, as any client makes it, is what a journal is compared with."""
    bucket = make_bucket(moto_server)
    settings = remote.project / "project.toml"
    settings.write_text(settings.read_text() + AUDIT.format(bucket=bucket))
    monkeypatch.setenv("BUCKET_KEY", "key")
    monkeypatch.setenv("BUCKET_SECRET", "secret")
    assert ms.Workspace.open(remote.project).journal_signer.sign() is not None
    outside = downloaded(bucket, tmp_path / "outside")
    verify = ["audit", "verify", "--against", str(outside)]
    assert call(remote.project, verify).code == EXIT_OK
    with closing(sqlite3.connect(remote.project / ".mainspring" / "state.db")) as state, state:
        state.execute("DELETE FROM documents WHERE kind = 'checkpoint'")
        state.execute("DELETE FROM journal WHERE sequence > 2")
    assert call(remote.project, ["audit"]).code == EXIT_OK
    told = call(remote.project, verify)
    assert told.code == EXIT_REFUSED
    assert "it ends at event 2" in told.text


AUDIT = """
[audit.checkpoints]
url = "{bucket.url}"
endpoint = "{bucket.endpoint}"
region = "{bucket.region}"
access_key_id = "env:BUCKET_KEY"
secret_access_key = "env:BUCKET_SECRET"
"""


def downloaded(bucket: S3Location, folder: Path) -> Path:
    """Every file of a bucket, in a folder."""
    store = bucket.open()
    for found in obstore.list(store).collect():
        file = folder / found["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(obstore.get(store, found["path"]).bytes()))
    return folder
