"""A whole store is removed, emptied, cut or exchanged: it is found, said, and nothing is folded
from nothing.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

import mainspring as ms
from mainspring.app.cli.faults import EXIT_OK, EXIT_REFUSED
from mainspring.ports.errors import ObjectMissing
from mainspring.registry.read import find_version
from mainspring.sources.errors import CopyAhead, LogReplaced, LogShorter, StateForgotten
from mainspring.sources.topic import topic_of
from mainspring.sources.watch import WatchedLog
from tests.attacks.shop import SALE, Desk, copied, desk_of, make_project, state_of
from tests.copies import copied_tree
from tests.journeys.lateness import call

Attack = Callable[[Path], None]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "shop")


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied(applied, tmp_path)


def remove(project: Path, name: str) -> None:
    for path in state_of(project).glob(f"{name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def lose_log(project: Path) -> None:
    remove(project, "log.db")


def lose_predictions(project: Path) -> None:
    remove(project, "log-inference.db")


def lose_state(project: Path) -> None:
    remove(project, "state.db")


def written(project: Path, name: str, *statements: str) -> None:
    with closing(sqlite3.connect(state_of(project) / name)) as database, database:
        for statement in statements:
            database.execute(statement)


def cut_log(project: Path) -> None:
    """The last record of every topic is gone, as if an older copy had been put in place."""
    written(
        project,
        "log.db",
        "UPDATE topics SET head = head - 1",
        "DELETE FROM batches WHERE start >= (SELECT head FROM topics t WHERE t.number = "
        "batches.number)",
    )


def forge_equal_log(project: Path) -> None:
    """A log of the same length that was made anew."""
    written(project, "log.db", "UPDATE log_identity SET identity = 'forged'")


ATTACKS: tuple[tuple[Attack, str], ...] = (
    (lose_log, "ENG-040"),
    (forge_equal_log, "ENG-040"),
    (lose_predictions, "ENG-040"),
    (cut_log, "ENG-041"),
    (lose_state, "ENG-042"),
)
each_attack = pytest.mark.parametrize(
    ("attack", "code"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS]
)


def unwatched(workspace: ms.Workspace) -> WatchedLog:
    log = workspace.runtime.log
    assert isinstance(log, WatchedLog)
    return log


def folded(workspace: ms.Workspace) -> int:
    """The records that the log holds, whatever its watch says."""
    log = unwatched(workspace).unwatched
    return sum(log.head(topic) for topic in log.topics())


def assert_unready(desk: Desk, code: str) -> None:
    status, reason = desk.ready()
    assert status == 503
    assert reason.startswith(code)
    for status, told in (desk.predict(), desk.push("next")):
        assert (status, told["code"]) in {(503, code), (401, "ACC-002")}


@each_attack
def test_a_server_that_starts_is_not_ready_and_folds_nothing(
    attack: Attack, code: str, project: Path
) -> None:
    attack(project)
    desk = desk_of(project)
    before = folded(desk.workspace)
    assert_unready(desk, code)
    assert folded(desk.workspace) == before


@each_attack
def test_the_doctor_finds_it_and_says_what_to_do(attack: Attack, code: str, project: Path) -> None:
    assert call(project, ["doctor"]).code == EXIT_OK
    attack(project)
    answer = call(project, ["doctor"])
    assert answer.code == EXIT_REFUSED
    assert f"{code} " in answer.out
    assert "restore a backup" in answer.out


@each_attack
def test_no_command_begins_from_nothing(attack: Attack, code: str, project: Path) -> None:
    attack(project)
    for words in ("apply", "plan", "predict late --row {}", "gc", "ingest sales --row {}"):
        answer = call(project, words.split())
        assert answer.code != EXIT_OK, words
        assert code in answer.err, words


@pytest.mark.parametrize("attack", [lose_log, cut_log, forge_equal_log])
def test_no_stream_folds_from_it(attack: Attack, project: Path) -> None:
    attack(project)
    assert call(project, ["stream", "--once"]).code != EXIT_OK


@each_attack
def test_what_is_accepted_is_worked_with_and_on_record(
    attack: Attack, code: str, project: Path
) -> None:
    attack(project)
    accepted = call(project, ["doctor", "--accept"])
    assert code not in accepted.out
    assert call(project, ["doctor"]).code == EXIT_OK
    assert "stores.accepted" in call(project, ["audit"]).out
    assert call(project, ["apply"]).code == EXIT_OK


def test_a_log_that_is_put_back_is_used_again(project: Path, tmp_path: Path) -> None:
    kept = {path.name: path.read_bytes() for path in state_of(project).glob("log.db*")}
    lose_log(project)
    assert_unready(desk_of(project), "ENG-040")
    lose_log(project)
    for name, payload in kept.items():
        (state_of(project) / name).write_bytes(payload)
    desk = desk_of(project)
    assert desk.ready()[0] == 200
    assert desk.predict()[0] == desk.push("next")[0] == 200


def test_a_log_that_is_cut_under_a_running_server_is_noticed(project: Path) -> None:
    desk = desk_of(project)
    assert desk.ready()[0] == 200
    cut_log(project)
    unwatched(desk.workspace).watch.check()
    assert_unready(desk, "ENG-041")


def test_a_table_ahead_of_its_log_trains_nothing(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    topic = topic_of(workspace.source("sales").stream)
    tables, head = workspace.runtime.tables, workspace.runtime.log.head(topic)
    scan = tables.scan(topic)
    assert scan is not None
    tables.append(topic, scan.head(1).collect(), expected=head, position=head + 1)
    assert_unready(desk_of(project), "ENG-043")
    assert "ENG-043" in call(project, ["doctor"]).out
    with pytest.raises(CopyAhead, match=f"table {topic} is at offset {head + 1}"):
        workspace.facts_of(workspace.source("sales"))


def test_online_state_ahead_of_its_log_does_not_serve(project: Path) -> None:
    ahead = ms.Workspace.open(project)
    ahead.writer("sales").write_rows([{"sale": f"more {n}", **SALE} for n in range(5)])
    ahead.materialize()
    older = state_of(project).with_name("older")
    copied_tree(state_of(project), older)
    written(project, "state.db", "DELETE FROM documents WHERE kind = 'journaled'")
    cut_log(project)
    assert_unready(desk_of(project), "ENG-043")
    with pytest.raises(CopyAhead, match="online state"):
        ms.Workspace.open(project).materialize()


@pytest.mark.parametrize("part", ["artifact", "encoding", "definition"])
def test_a_missing_object_makes_the_server_unready(part: str, project: Path) -> None:
    workspace = ms.Workspace.open(project)
    version = find_version(workspace.runtime.state, "lateness")
    workspace.runtime.objects.remove(getattr(version, part))
    status, reason = desk_of(project).ready()
    assert status == 503
    assert "ENG-002" in reason
    assert "ENG-002" in call(project, ["doctor"]).out


def test_what_is_loaded_answers_on_without_its_object(project: Path) -> None:
    desk = desk_of(project)
    version = find_version(desk.workspace.runtime.state, "lateness")
    desk.workspace.runtime.objects.remove(version.predictions)
    with suppress(ObjectMissing):
        for _ in range(11):
            desk.server.readiness.check()
    assert desk.ready()[0] == 503
    assert desk.predict()[0] == 200


def test_damaged_objects_are_found_by_the_doctor(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    digest = find_version(workspace.runtime.state, "lateness").artifact.removeprefix("sha256:")
    [file] = (state_of(project) / "objects").rglob(f"*{digest[-50:]}")
    file.chmod(0o600)
    file.write_bytes(b"other bytes")
    assert "ENG-003" in call(project, ["doctor"]).out


def test_a_restored_backup_is_whole(project: Path, tmp_path: Path) -> None:
    ms.Workspace.open(project).backup(tmp_path / "backup")
    shutil.rmtree(state_of(project))
    ms.Workspace.restore(project, tmp_path / "backup")
    assert call(project, ["doctor"]).code == EXIT_OK
    desk = desk_of(project)
    assert desk.ready()[0] == 200
    assert desk.push("next")[0] == 200


def test_trimmed_records_and_moves_are_no_fault(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    topic = topic_of(workspace.source("sales").stream)
    workspace.runtime.log.trim(topic, 50)
    assert call(project, ["gc"]).code == EXIT_OK
    workspace.rollback()
    assert call(project, ["doctor"]).code == EXIT_OK
    assert desk_of(project).ready()[0] == 200


def test_a_workspace_of_an_earlier_release_is_taken_as_it_is(project: Path) -> None:
    written(project, "log.db", "DROP TABLE log_identity")
    written(
        project,
        "state.db",
        "DELETE FROM documents WHERE kind IN ('journaled', 'log_binding')",
    )
    desk = desk_of(project)
    assert desk.ready()[0] == 200
    assert desk.push("next")[0] == 200
    lose_log(project)
    assert_unready(desk_of(project), "ENG-040")


def test_errors_say_which_store_and_how_far() -> None:
    assert "is another one than" in LogReplaced(store="the log", known="a", found="b").message
    assert "offset 3" in LogShorter(topic="raw:sales", head=3, seen=4).message
    assert "7 records" in StateForgotten(records=7, topics=2).message
