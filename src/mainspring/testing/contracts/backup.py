"""What everything that copies itself for a backup keeps."""

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from mainspring.ports.backup import BackupSource

__all__ = ["BackupContract", "NumberedStore", "copied_folder"]


class NumberedStore(Protocol):
    """An engine in a folder, seen as something that holds numbers."""

    @property
    def engine(self) -> BackupSource:
        """The engine itself."""
        ...

    def add(self, number: int) -> None:
        """Write something that can be told by this number, and commit it."""
        ...

    def numbers(self) -> Sequence[int]:
        """What it holds, sorted."""
        ...


def copied_folder(store: NumberedStore, folder: Path) -> Path:
    """Copy every part below a folder, and put the files that were named, and no others, at their
    paths in a fresh one: what a restore does.
    """
    copy, restored = folder / "copy", folder / "restored"
    copy.mkdir(parents=True, mode=0o700)
    for part in store.engine.backup_parts():
        for name in store.engine.copy_part(part, copy).files:
            (restored / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(copy / name, restored / name)
    return restored


class BackupContract:
    """Override `open_store`."""

    @pytest.fixture
    def open_store(self) -> Callable[[Path], NumberedStore]:
        """Opens an engine in a folder, which it makes where there is none."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: Callable[[Path], NumberedStore], tmp_path: Path) -> NumberedStore:
        """One that holds three numbers."""
        store = open_store(tmp_path / "origin")
        for number in range(3):
            store.add(number)
        return store

    def test_a_restored_copy_answers_the_same(
        self,
        store: NumberedStore,
        open_store: Callable[[Path], NumberedStore],
        tmp_path: Path,
    ) -> None:
        """And can be written to."""
        restored = open_store(copied_folder(store, tmp_path))
        assert list(restored.numbers()) == list(store.numbers()) == [0, 1, 2]
        restored.add(3)
        assert (list(restored.numbers()), list(store.numbers())) == ([0, 1, 2, 3], [0, 1, 2])

    def test_a_restored_copy_can_be_copied(
        self,
        store: NumberedStore,
        open_store: Callable[[Path], NumberedStore],
        tmp_path: Path,
    ) -> None:
        """A copy is no lesser one."""
        first = open_store(copied_folder(store, tmp_path / "first"))
        second = open_store(copied_folder(first, tmp_path / "second"))
        assert list(second.numbers()) == [0, 1, 2]

    def test_the_files_of_a_copy_are_those_named_and_their_owners(
        self, store: NumberedStore, tmp_path: Path
    ) -> None:
        """A file that nobody names would be lost or refused."""
        copy = tmp_path / "copy"
        copy.mkdir(mode=0o700)
        named = [
            name
            for part in store.engine.backup_parts()
            for name in store.engine.copy_part(part, copy).files
        ]
        found = [Path(root) / name for root, _, names in os.walk(copy) for name in names]
        assert sorted(path.relative_to(copy).as_posix() for path in found) == sorted(named)
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found} == {0}

    def test_a_copy_holds_all_that_was_committed_before_it_and_nothing_later(
        self,
        store: NumberedStore,
        open_store: Callable[[Path], NumberedStore],
        tmp_path: Path,
    ) -> None:
        """While others write."""
        written, is_done = 2, False

        def write() -> None:
            nonlocal written
            for number in count(3):
                if is_done:
                    return
                store.add(number)
                written = number

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            try:
                for attempt in range(5):
                    before = written
                    folder = copied_folder(store, tmp_path / str(attempt))
                    after = written + 1  # may be committed and not counted yet
                    held = set(open_store(folder).numbers())
                    assert set(range(before + 1)) <= held <= set(range(after + 1))
            finally:
                is_done = True
            writing.result()
