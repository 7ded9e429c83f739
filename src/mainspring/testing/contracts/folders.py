"""What everything that writes folders whole or not at all keeps."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainspring.elements.identity import digest_of
from mainspring.ports.backup import FolderWriter

__all__ = ["FoldersContract"]

_FILL = """
import sys
from pathlib import Path
with folders.appearing(Path(sys.argv[1])) as root:
    folders.write_file(root / "half", b"half")
    print("filling", flush=True)
    sys.stdin.read()
"""


class FoldersContract:
    """Override `folders`, and `makes_folders` where the class takes arguments."""

    @pytest.fixture
    def folders(self) -> FolderWriter:
        """What writes them."""
        raise NotImplementedError

    @pytest.fixture
    def makes_folders(self, folders: FolderWriter) -> str:
        """Python that binds `folders` to one like it, in another process."""
        made = type(folders)
        return f"from {made.__module__} import {made.__qualname__} as made\nfolders = made()"

    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        """Where a folder is to appear."""
        return tmp_path / "monday"

    def test_a_folder_appears_once_all_went_well(self, folders: FolderWriter, target: Path) -> None:
        """Not before, and with what was written."""
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
            folders.copy_file(root / "a", root / "deep" / "b")
            assert not target.exists()
        assert dict(folders.sizes(target)) == {"a": 3, "deep/b": 3}
        assert list(target.parent.iterdir()) == [target]

    def test_a_folder_that_could_not_be_filled_is_gone(
        self, folders: FolderWriter, target: Path
    ) -> None:
        """With all that was in it."""
        with pytest.raises(FileNotFoundError), folders.appearing(target) as root:
            folders.copy_file(root / "missing", root / "a")
        assert not list(target.parent.iterdir())

    def test_an_empty_folder_is_no_obstacle_and_a_full_one_is(
        self, folders: FolderWriter, target: Path
    ) -> None:
        """FileExistsError, and what is there stays."""
        target.mkdir()
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
        with pytest.raises(FileExistsError), folders.appearing(target) as root:
            folders.write_file(root / "b", b"two")
        assert dict(folders.sizes(target)) == {"a": 3}

    def test_a_file_is_never_overwritten(self, folders: FolderWriter, target: Path) -> None:
        """FileExistsError."""
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
            folders.write_file(root / "b", b"two")
            with pytest.raises(FileExistsError):
                folders.write_file(root / "a", b"two")
            with pytest.raises(FileExistsError):
                folders.copy_file(root / "b", root / "a")
        assert (target / "a").read_bytes() == b"one"

    def test_digests_are_those_of_the_bytes(self, folders: FolderWriter, target: Path) -> None:
        """Of a file as it is, and of what was copied."""
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
            assert folders.copy_file(root / "a", root / "b") == digest_of(b"one")
        assert folders.digest(target / "b") == digest_of(b"one")

    def test_links_are_not_followed(self, folders: FolderWriter, target: Path) -> None:
        """What is no plain file has no size."""
        with folders.appearing(target) as root:
            (root / "inside").mkdir()
            (root / "a").symlink_to(Path(sys.executable))
            (root / "inside" / "b").symlink_to(root)
        assert dict(folders.sizes(target)) == {"a": -1, "inside/b": -1}

    def test_others_than_the_owner_read_nothing(self, folders: FolderWriter, target: Path) -> None:
        """Folders and files."""
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
            folders.copy_file(root / "a", root / "deep" / "b")
        found = [target, *target.rglob("*")]
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found} == {0}

    def test_who_is_killed_leaves_nothing_under_the_name_and_the_next_removes_the_rest(
        self, folders: FolderWriter, makes_folders: str, target: Path
    ) -> None:
        """While they live, what they fill is left alone."""
        with _filling(makes_folders, target) as process:
            assert not folders.leftovers(target)
            process.kill()
        assert not target.exists()
        assert len(folders.leftovers(target)) == 1
        with folders.appearing(target) as root:
            folders.write_file(root / "a", b"one")
        assert list(target.parent.iterdir()) == [target]

    def test_a_leftover_can_be_removed_twice(
        self, folders: FolderWriter, makes_folders: str, target: Path
    ) -> None:
        """And what lies beside it stays."""
        target.mkdir()
        with _filling(makes_folders, target) as process:
            process.kill()
        [leftover] = folders.leftovers(target)
        folders.remove(leftover)
        folders.remove(leftover)
        assert list(target.parent.iterdir()) == [target]


@contextmanager
def _filling(makes_folders: str, target: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process in the midst of filling a folder; dead in the end."""
    command = [sys.executable, "-c", f"{makes_folders}\n{_FILL}", str(target)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "filling\n"
        try:
            yield process
        finally:
            process.kill()
