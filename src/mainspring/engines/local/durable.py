"""Files and folders that are on the disk when the call returns, and appear under their name whole
or not at all.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mainspring.elements.identity import Digest
from mainspring.engines.local.process import ProcessName, is_dead, this_process

__all__ = [
    "appearing",
    "copy_private",
    "digest_of_file",
    "flush_folder",
    "iter_files",
    "iter_left_behind",
    "write_durably",
]

_CHUNK_BYTES = 1 << 20
_UNFINISHED = ".unfinished-"


def write_durably(path: Path, payload: bytes) -> None:
    """Write a file that did not exist, readable by its owner alone, and flush it."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def copy_private(source: Path, target: Path) -> Digest:
    """Copy a file to where none was, readable by its owner alone; the digest of the bytes that were
    copied.
    """
    found = hashlib.sha256()
    with (
        source.open("rb") as read,
        open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as written,
    ):
        while chunk := read.read(_CHUNK_BYTES):
            found.update(chunk)
            written.write(chunk)
    return Digest(f"sha256:{found.hexdigest()}")


def digest_of_file(path: Path) -> Digest:
    """The digest of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder: a file whose name the disk has not seen is lost with the
    power.
    """
    _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def iter_files(root: Path) -> Iterator[tuple[str, Path]]:
    """All that lies below a folder and is no folder, by its path from there, sorted; links are not
    followed.
    """
    found = [
        Path(folder) / name
        for folder, folders, names in os.walk(root)
        for name in (*names, *(f for f in folders if (Path(folder) / f).is_symlink()))
    ]
    yield from sorted((path.relative_to(root).as_posix(), path) for path in found)


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes the target's name once all went well, and is gone when
    something did not.

    What processes that were killed left beside the target is removed first.

    Raises: FileExistsError where something is at the target by then that is no empty folder; other
        errors of the operating system.
    """
    for left in iter_left_behind(target):
        shutil.rmtree(left)
    process = this_process()
    root = target.with_name(f"{_prefix(target)}{process.pid}-{process.started}")
    root.mkdir(mode=0o700, parents=True)
    try:
        yield root
        _flush_all(root)
        _rename(root, target)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def iter_left_behind(target: Path) -> list[Path]:
    """What processes that died left beside a target."""
    return [
        path for path in sorted(target.parent.glob(f"{_prefix(target)}*")) if _is_left_behind(path)
    ]


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
    for _, path in iter_files(root):
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
