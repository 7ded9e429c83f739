"""Every embedded engine, on disk and in memory, keeps the contract of its port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.elements.events import ProjectName
from mainspring.engines.local.compute import LocalCompute
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects, MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.tables import MemoryTables
from mainspring.testing.clock import FrozenClock
from mainspring.testing.contracts import (
    ComputeContract,
    LeasesContract,
    LogContract,
    ObjectsContract,
    OnlineContract,
    SignerContract,
    StateContract,
    TablesContract,
)

on_disk_and_in_memory = pytest.fixture(params=["disk", "memory"])


@on_disk_and_in_memory
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "engine.sqlite" if request.param == "disk" else None


class TestObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, place: Path | None) -> FileObjects | MemoryObjects:
        return FileObjects(place.parent) if place else MemoryObjects()


class TestLog(LogContract):
    @pytest.fixture
    def log(self, place: Path | None) -> Iterator[SqliteLog]:
        log = SqliteLog(place)
        yield log
        log.close()


class TestTables(TablesContract):
    @pytest.fixture
    def tables(self) -> MemoryTables:
        return MemoryTables()


class TestOnline(OnlineContract):
    @pytest.fixture
    def online(self, place: Path | None) -> Iterator[SqliteOnline]:
        online = SqliteOnline(place)
        yield online
        online.close()


class TestState(StateContract):
    @pytest.fixture
    def state(self, place: Path | None) -> Iterator[SqliteState]:
        state = SqliteState(place, ProjectName("contract"))
        yield state
        state.close()


class TestLeases(LeasesContract):
    @pytest.fixture
    def state(self, place: Path | None, clock: FrozenClock) -> Iterator[SqliteState]:
        state = SqliteState(place, ProjectName("contract"), clock=clock)
        yield state
        state.close()


class TestSigner(SignerContract):
    @pytest.fixture
    def signer(self, tmp_path: Path) -> FileSigner:
        return FileSigner.load_or_create(tmp_path / "keys" / "tester.pem")

    @pytest.fixture
    def other(self) -> FileSigner:
        return FileSigner.in_memory()

    @pytest.fixture
    def verifier(self) -> Ed25519Verifier:
        return Ed25519Verifier()


class TestCompute(ComputeContract):
    @pytest.fixture
    def compute(self) -> LocalCompute:
        return LocalCompute()
