"""Objects as files named by their digest: `ab/cd/abcd…`, two levels so that no folder grows beyond
what a file system lists quickly.

A file appears under its name whole or not at all: it is written elsewhere in the same file system,
flushed, and renamed; then the folder is flushed, since a name that the disk has not seen is lost
with the power.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.plain_file import fault_of_file, read_plain
from mainspring.engines.local.folders import flush_folder, write_durably
from mainspring.engines.local.private import make_private_folders
from mainspring.engines.local.process import ProcessName, is_dead, this_process
from mainspring.ports.backup import BackupPart, CopiedPart
from mainspring.ports.errors import ObjectDamaged, ObjectMissing, StoreFailed

__all__ = ["FileObjects", "MemoryObjects"]

_PREFIX = "sha256:"
_UNFINISHED = "unfinished"
_LONGEST_SHOWN = 80
_NAME, _WRITTEN_BY = re.compile("[0-9a-f]{64}"), re.compile("([0-9]{1,18})-([0-9]{1,18})-[0-9]+")


class FileObjects:
    """Objects in a folder; any number of processes may write to it at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process = this_process()
        self._numbers = count()
        with _translated("open"):
            make_private_folders(root / _UNFINISHED)
            self._remove_what_the_dead_left()

    def read(self, digest: Digest) -> bytes:
        """The bytes of this digest, checked: ENG-002 when absent, ENG-003 when they are not what
        was written.
        """
        with _translated("read"):
            path = self.path_of(digest)
            try:
                payload = read_plain(path)
            except OSError as error:
                if fault := fault_of_file(path):
                    raise ObjectDamaged(digest=digest, found=f"none: {fault}") from error
                if isinstance(error, FileNotFoundError):
                    raise ObjectMissing(digest=digest) from error
                raise
        found = digest_of(payload)
        if found != digest:
            raise ObjectDamaged(digest=digest, found=found)
        return payload

    def exists(self, digest: Digest) -> bool:
        """Whether an object of this name is stored; its bytes are not checked."""
        try:
            return self.path_of(digest).exists()
        except ObjectMissing:
            return False

    def iter_digests(self) -> Iterator[Digest]:
        """All names, in no order; what is not named by a digest is no object."""
        for path in self._root.glob("??/??/*"):
            digest = Digest(_PREFIX + path.name)
            if _NAME.fullmatch(path.name) and self.path_of(digest) == path:
                yield digest

    def write(self, payload: bytes) -> Digest:
        """Store the bytes and return their name; what is stored already is left alone, unless it is
        damaged.
        """
        digest = digest_of(payload)
        path = self.path_of(digest)
        with _translated("write"):
            if not _holds(path, payload):
                unfinished = (
                    self._root
                    / _UNFINISHED
                    / f"{self._process.pid}-{self._process.started}-{next(self._numbers)}"
                )
                write_durably(unfinished, payload)
                self._make_folders(path)
                unfinished.replace(path)
                flush_folder(path.parent)
        return digest

    def remove(self, digest: Digest) -> None:
        """Forget an object; removing an absent one is no error."""
        with _translated("remove"):
            self.path_of(digest).unlink(missing_ok=True)

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy: all objects."""
        return ("objects",)

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Write every object into a folder, its digest checked; what was written, and what was left
        out since it is damaged already.
        """
        assert part == "objects", part
        copies, damaged = FileObjects(folder / self._root.name), list[Digest]()
        files: list[str] = []
        for digest in sorted(self.iter_digests()):
            try:
                copied = copies.path_of(copies.write(self.read(digest)))
            except (ObjectDamaged, StoreFailed):
                damaged.append(digest)
            else:
                files.append(copied.relative_to(folder).as_posix())
        return CopiedPart(tuple(files), tuple(damaged))

    def path_of(self, digest: Digest) -> Path:
        """Where the object lies, or would.

        Raises: ObjectMissing ENG-002 for what is no digest and could lead elsewhere.
        """
        name = digest.removeprefix(_PREFIX)
        if not _NAME.fullmatch(name):
            raise ObjectMissing(digest=repr(digest[:_LONGEST_SHOWN]))
        return self._root / name[:2] / name[2:4] / name

    def _make_folders(self, path: Path) -> None:
        for folder in (path.parent.parent, path.parent):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                flush_folder(folder.parent)

    def _remove_what_the_dead_left(self) -> None:
        for path in (self._root / _UNFINISHED).iterdir():
            found = _WRITTEN_BY.fullmatch(path.name)
            if found and is_dead(ProcessName(self._process.place, int(found[1]), int(found[2]))):
                path.unlink(missing_ok=True)


class MemoryObjects:
    """Objects that live as long as this one."""

    def __init__(self) -> None:
        self._payloads: dict[Digest, bytes] = {}
        self._lock = threading.Lock()

    def read(self, digest: Digest) -> bytes:
        """The bytes of this digest; ENG-002 when absent."""
        try:
            return self._payloads[digest]
        except KeyError as error:
            raise ObjectMissing(digest=digest) from error

    def exists(self, digest: Digest) -> bool:
        """Whether an object of this name is stored."""
        return digest in self._payloads

    def iter_digests(self) -> Iterator[Digest]:
        """All names, in no order."""
        with self._lock:
            return iter(list(self._payloads))

    def write(self, payload: bytes) -> Digest:
        """Store the bytes and return their name."""
        digest = digest_of(payload)
        with self._lock:
            self._payloads[digest] = bytes(payload)
        return digest

    def remove(self, digest: Digest) -> None:
        """Forget an object; removing an absent one is no error."""
        with self._lock:
            self._payloads.pop(digest, None)


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    """Raise ENG-001 in place of the operating system's errors."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(
            store="the object store", operation=operation, reason=str(error)
        ) from error


def _holds(path: Path, payload: bytes) -> bool:
    if fault_of_file(path):
        return False
    try:
        return path.stat().st_size == len(payload) and read_plain(path) == payload
    except FileNotFoundError:
        return False
