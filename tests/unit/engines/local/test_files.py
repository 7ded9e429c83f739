"""What the embedded engines promise beyond their ports: private files, damage that is noticed,
processes that are told apart.
"""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.time import HOUR
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.local.clock import FrozenClock, RandomIds, SeededIds
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.process import ProcessName, is_dead, this_process
from mainspring.engines.local.signer import FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.ports.errors import KeyUnusable, ObjectDamaged, StoreDamaged, StoreFailed
from mainspring.testing.contracts.log import records

TAKE_LEASE = """
import sys
from pathlib import Path
from mainspring.engines.local.state import SqliteState
print(SqliteState(Path(sys.argv[1]), "p").acquire("apply", "the dead", ttl=10**12).token)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_databases_and_their_companions_are_the_owners_alone(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "state" / "state.sqlite", ProjectName("p"))
    state.commit(
        [], [Event(kind="a.b", project=ProjectName("p"), actor=Actor("x"), at=0, subject="s")]
    )
    assert {mode(path) for path in (tmp_path / "state").iterdir()} == {0o600}


def test_one_changed_byte_of_an_object_is_noticed_and_both_digests_are_named(
    tmp_path: Path,
) -> None:
    objects = FileObjects(tmp_path)
    digest = objects.write(b"model")
    objects.path_of(digest).write_bytes(b"modeL")
    with pytest.raises(ObjectDamaged, match=f"{digest} has bytes of digest sha256:"):
        objects.read(digest)


def test_writing_a_damaged_object_again_repairs_it(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path)
    objects.path_of(objects.write(b"model")).write_bytes(b"modeL")
    assert objects.read(objects.write(b"model")) == b"model"


def test_what_a_dead_writer_left_is_removed(tmp_path: Path) -> None:
    left, own = (
        tmp_path / "unfinished" / f"{pid}-{started}-0"
        for pid, started in ((999_999_999, 1), (this_process().pid, this_process().started))
    )
    left.parent.mkdir()
    left.touch()
    own.touch()
    FileObjects(tmp_path)
    assert (left.exists(), own.exists()) == (False, True)


def test_a_file_of_another_program_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes(
        b"not a database, but long enough to be read as one" * 100
    )
    with pytest.raises(StoreDamaged, match="the log is damaged"):
        SqliteLog(tmp_path / "log.sqlite").topics()


def test_facts_and_predictions_are_appended_apart(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    with pytest.raises(StoreFailed, match="in two calls"):
        log.append({"source:a": records(["a"]), "inference:dev:b": records(["b"])}, expected={})


def test_a_value_that_delta_cannot_hold_is_explained(tmp_path: Path) -> None:
    tables, frame = DeltaTables(tmp_path), records(["a"])
    tables.append("t", frame, expected=0, position=1)
    with pytest.raises(StoreFailed, match="Duration"):
        tables.append(
            "t",
            frame.with_columns(late=frame["_event_time"].cast(pl.Duration)),
            expected=1,
            position=2,
        )


def test_a_table_name_cannot_leave_its_folder(tmp_path: Path) -> None:
    DeltaTables(tmp_path / "tables").append(
        "source:../../x", records(["a"]), expected=0, position=1
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "tester.pem"
    FileSigner.load_or_create(path)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="its mode is 0640"):
        FileSigner.load_or_create(path)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "tester.pem"
    assert FileSigner.load_or_create(path).public_key == FileSigner.load_or_create(path).public_key


def test_another_file_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "tester.pem"
    path.touch(mode=0o600)
    with pytest.raises(KeyUnusable):
        FileSigner.load_or_create(path)


def test_the_lease_of_a_process_that_died_here_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    token = subprocess.run(
        [sys.executable, "-c", TAKE_LEASE, str(path)], check=True, capture_output=True, text=True
    ).stdout
    assert (
        SqliteState(path, ProjectName("p")).acquire("apply", "the living", ttl=HOUR).token
        == int(token) + 1
    )


def test_only_a_process_of_this_boot_can_be_told_to_be_dead() -> None:
    here = this_process()
    assert not is_dead(here)
    assert is_dead(ProcessName(here.place, here.pid, here.started - 1))
    assert not is_dead(ProcessName("another machine", here.pid, here.started - 1))


def test_a_project_sees_nothing_of_its_neighbour_in_the_same_file(tmp_path: Path) -> None:
    ours, theirs = (
        SqliteState(tmp_path / "state.sqlite", ProjectName(name)) for name in ("ours", "theirs")
    )
    ours.commit(
        [], [Event(kind="a.b", project=ProjectName("ours"), actor=Actor("x"), at=0, subject="s")]
    )
    assert (ours.journal_head(), theirs.journal_head(), list(theirs.iter_events())) == (1, 0, [])


def test_ids_sort_in_the_order_they_were_made_even_within_one_instant() -> None:
    ids = RandomIds(FrozenClock(1_700_000_000_000_000))
    made = [ids.new("run") for _ in range(1_000)]
    assert made == sorted(set(made))


def test_many_ids_follow_each_other_and_what_was_made_before() -> None:
    ids = RandomIds(FrozenClock(1_700_000_000_000_000), entropy=lambda bits: 2**20 - 3)
    made = [ids.new("run"), *ids.new_many("run", 1_000), ids.new("run"), *ids.new_many("run", 1)]
    assert made == sorted(set(made))
    assert {len(name) for name in made} == {len("run-") + 26}
    assert ids.new_many("run", 0) == []


def test_seeded_ids_are_the_same_one_by_one_and_together() -> None:
    one, together = SeededIds(1), SeededIds(1)
    assert together.new_many("run", 3) == [one.new("run") for _ in range(3)]


def test_seeded_ids_repeat_with_the_seed() -> None:
    first, again, other = (SeededIds(seed) for seed in (1, 1, 2))
    assert [first.new("run"), first.new("run")] == [again.new("run"), again.new("run")]
    assert other.new("run") != SeededIds(1).new("run")


def test_threads_share_transactions_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "state.sqlite", ProjectName("p"))
    event = Event(kind="a.b", project=ProjectName("p"), actor=Actor("x"), at=0, subject="s")
    heads: list[int] = []
    threads = [
        threading.Thread(target=lambda: heads.append(state.commit([], [event]))) for _ in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heads) == list(range(1, 33))
