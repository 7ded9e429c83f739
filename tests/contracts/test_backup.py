"""Every embedded engine whose data a backup holds keeps the contract of what is copied; and the
folders of this machine that of what copies lie in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.events import ProjectName
from mainspring.engines.local.folders import LocalFolders, SecretFiles
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.signer import FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.ports.backup import BackupSource
from mainspring.ports.state import Change
from mainspring.testing.contracts import BackupContract, FoldersContract


@dataclass
class Documents:
    """A number is a document."""

    engine: SqliteState

    def add(self, number: int) -> None:
        self.engine.commit([Change("number", f"{number:09}", b"{}")], [])

    def numbers(self) -> Sequence[int]:
        return [int(document.key) for document in self.engine.iter_documents("number")]


@dataclass
class Records:
    """A number is a record of a topic."""

    engine: SqliteLog
    topic: str

    def add(self, number: int) -> None:
        frame = pl.DataFrame({"_id": [f"{number}"], "_content": [b"\x00" * 16], "_op": ["insert"]})
        times = dict.fromkeys(("_event_time", "_known_at", "_appended_at", "_visible_at"), number)
        frame = frame.with_columns(**{name: pl.lit(at) for name, at in times.items()})
        frame = frame.with_columns(_history=False)
        self.engine.append({self.topic: frame}, expected={})

    def numbers(self) -> Sequence[int]:
        return [int(name) for frame in self.engine.read(self.topic) for name in frame["_id"]]


@dataclass
class Objects:
    """A number is an object."""

    engine: FileObjects

    def add(self, number: int) -> None:
        self.engine.write(f"{number}".encode())

    def numbers(self) -> Sequence[int]:
        return sorted(int(self.engine.read(digest)) for digest in self.engine.iter_digests())


@dataclass
class Keys:
    """A number is a private key."""

    folder: Path
    engine: BackupSource = field(init=False)

    def __post_init__(self) -> None:
        self.engine = SecretFiles(self.folder, ("keys", "token"))

    def add(self, number: int) -> None:
        FileSigner.load_or_create(self.folder / "keys" / f"{number}")

    def numbers(self) -> Sequence[int]:
        names = (path.name for path in (self.folder / "keys").iterdir())
        return sorted(int(name) for name in names if name.isdigit())


class TestStateOfABackup(BackupContract):
    @pytest.fixture
    def open_store(self) -> Callable[[Path], Documents]:
        return lambda folder: Documents(SqliteState(folder / "state.db", ProjectName("contract")))


class TestFactsOfABackup(BackupContract):
    @pytest.fixture
    def open_store(self) -> Callable[[Path], Records]:
        return lambda folder: Records(SqliteLog(folder / "log.db"), "source:numbers")


class TestPredictionsOfABackup(BackupContract):
    @pytest.fixture
    def open_store(self) -> Callable[[Path], Records]:
        return lambda folder: Records(SqliteLog(folder / "log.db"), "inference:dev:numbers")


class TestObjectsOfABackup(BackupContract):
    @pytest.fixture
    def open_store(self) -> Callable[[Path], Objects]:
        return lambda folder: Objects(FileObjects(folder / "objects"))


class TestSecretsOfABackup(BackupContract):
    @pytest.fixture
    def open_store(self) -> Callable[[Path], Keys]:
        return Keys


class TestFoldersOfBackups(FoldersContract):
    @pytest.fixture
    def folders(self) -> LocalFolders:
        return LocalFolders()


@pytest.mark.parametrize(
    "engine", [SqliteLog(None), SqliteState(None, ProjectName("contract"))], ids=["log", "state"]
)
def test_what_is_in_memory_has_nothing_to_copy(engine: BackupSource) -> None:
    assert isinstance(engine, BackupSource)
    assert engine.backup_parts() == ()


def test_in_a_copy_nobody_holds_a_lease(tmp_path: Path) -> None:
    project = ProjectName("contract")
    state = SqliteState(tmp_path / "state.db", project)
    held = state.acquire("environment:dev", "person:ada", ttl=10**12)
    (tmp_path / "copy").mkdir()
    state.copy_part("state", tmp_path / "copy")
    copied = SqliteState(tmp_path / "copy" / "state.db", project)
    assert copied.acquire("environment:dev", "person:grace", ttl=1).token > held.token


def test_a_damaged_object_is_named_and_left_out(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path / "objects")
    good, bad = objects.write(b"good"), objects.write(b"bad")
    objects.path_of(bad).write_bytes(b"worse")
    copied = objects.copy_part("objects", tmp_path / "copy")
    assert copied.damaged == (bad,)
    assert list(FileObjects(tmp_path / "copy" / "objects").iter_digests()) == [good]
