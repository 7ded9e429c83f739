"""Files and folders that are on the disk when the call returns, and appear under their name whole
or not at all.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mainspring.elements.identity import Digest
from mainspring.elements.plain_file import open_plain
from mainspring.engines.local.process import ProcessName, is_dead, this_process
from mainspring.ports.backup import BackupPart, CopiedPart

__all__ = ["LocalFolders", "SecretFiles", "flush_folder", "write_durably"]

_CHUNK_BYTES = 1 << 20
_UNFINISHED = ".unfinished-"


class LocalFolders:
    """Folders on the disks of this machine."""

    def sizes(self, folder: Path) -> Mapping[str, int]:
        """The size of all that lies below a folder and is no folder, by its path from there,
        sorted; -1 for what is no plain file.
        """
        return {
            path.relative_to(folder).as_posix(): -1
            if path.is_symlink() or not path.is_file()
            else path.stat().st_size
            for path in _iter_files(folder)
        }

    def digest(self, file: Path) -> Digest:
        """The digest of a file's bytes, read in pieces."""
        with open_plain(file, links=False) as read:
            return Digest(f"sha256:{hashlib.file_digest(read, 'sha256').hexdigest()}")

    def leftovers(self, target: Path) -> Sequence[Path]:
        """What processes that died while they wrote a folder left beside it, sorted."""
        beside = sorted(target.parent.glob(f"{_prefix(target)}*"))
        return [path for path in beside if _is_left_behind(path)]

    @contextmanager
    def appearing(self, target: Path) -> Iterator[Path]:
        """A folder to fill, which takes the target's name once all went well, and is gone when
        something did not; FileExistsError where something is by then that is no empty folder.
        """
        for left in self.leftovers(target):
            shutil.rmtree(left)
        process = this_process()
        root = target.with_name(f"{_prefix(target)}{process.pid}-{process.started}")
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.mkdir(mode=0o700)
        try:
            yield root
            _flush_all(root)
            _rename(root, target)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def write_file(self, file: Path, payload: bytes) -> None:
        """Write a file that did not exist, readable by its owner alone, and flush it."""
        write_durably(file, payload)

    def copy_file(self, source: Path, target: Path) -> Digest:
        """Copy a file to where none was, readable by its owner alone; the digest of the bytes that
        were copied.
        """
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = hashlib.sha256()
        with open_plain(source, links=False) as read, _created(target) as written:
            while chunk := read.read(_CHUNK_BYTES):
                found.update(chunk)
                written.write(chunk)
        return Digest(f"sha256:{found.hexdigest()}")

    def remove(self, leftover: Path) -> None:
        """Remove a folder with all that is in it, as far as that can be done."""
        shutil.rmtree(leftover, ignore_errors=True)


class SecretFiles:
    """Private keys and tokens, which lie in files and are copied only where that is asked for.

    Args:
        folder: the workspace's.
        names: the files, and the folders of files, that are secret in it.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, names

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy: all secrets."""
        return ("secrets",)

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Copy those that exist; what was written."""
        assert part == "secrets", part
        copied: list[str] = []
        for source in (path for name in self._names for path in _iter_files(self._folder / name)):
            name = source.relative_to(self._folder).as_posix()
            with suppress(FileNotFoundError):  # another process was making a key, and is done
                LocalFolders().copy_file(source, folder / name)
                copied.append(name)
        return CopiedPart(tuple(sorted(copied)))


def write_durably(path: Path, payload: bytes) -> None:
    """Write a file that did not exist, readable by its owner alone, and flush it."""
    with _created(path) as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder: a file whose name the disk has not seen is lost with the
    power.
    """
    _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def _created(path: Path) -> BinaryIO:
    """A file that did not exist, opened to be written, readable by its owner alone."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    return open(os.open(path, flags, 0o600), "wb")


def _iter_files(root: Path) -> Iterator[Path]:
    """The file itself, or all that lies below a folder and is no folder, sorted; links are not
    followed.
    """
    if root.is_file():
        yield root
        return
    yield from sorted(
        Path(folder) / name
        for folder, folders, names in os.walk(root)
        for name in (*names, *(f for f in folders if (Path(folder) / f).is_symlink()))
    )


def _prefix(target: Path) -> str:
    return f".{target.name.removeprefix('.')}{_UNFINISHED}"


def _rename(root: Path, target: Path) -> None:
    try:
        root.rename(target)  # takes the place of an empty folder, and of nothing else
    except OSError as error:
        if target.exists():
            raise FileExistsError(f"{target} holds something") from error
        raise
    flush_folder(target.parent)


def _flush_all(root: Path) -> None:
    for path in _iter_files(root):
        _flush(path, os.O_RDONLY)
    for folder, _, _ in os.walk(root):
        flush_folder(Path(folder))


def _flush(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_left_behind(path: Path) -> bool:
    pid, _, started = path.name.rpartition(_UNFINISHED)[2].partition("-")
    return (
        pid.isdigit()
        and started.isdigit()
        and is_dead(ProcessName(this_process().place, int(pid), int(started)))
    )
