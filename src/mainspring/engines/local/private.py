"""Files and folders for their owner alone, whatever the umask says.

A folder that others may write to is no place of ours: they could exchange what lies in it between
a check and its use.  A secret is written to a file that did not exist under a name that nobody can
foresee, and gets its own name afterwards, so it never follows a link that somebody put there.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mainspring.elements.plain_file import open_plain
from mainspring.ports.errors import FileRefused, FolderShared

__all__ = [
    "make_private_folders",
    "narrow",
    "read_secret",
    "require_private",
    "write_secret",
]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LONGEST_SECRET = 1 << 16


def make_private_folders(folder: Path) -> None:
    """Make the folder and those above it that are missing, mode 0700; those that are there stay as
    they are.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)


def require_private(folder: Path) -> None:
    """Return for a folder that nobody else can write to; nobody else can read it afterwards.

    Raises: FolderShared ENG-032 when others may write to it, or another user owns it.
    """
    found = folder.stat()
    if found.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        raise FolderShared(folder=str(folder), reason="it belongs to another user")
    if found.st_mode & _OTHERS_WRITE:
        raise FolderShared(
            folder=str(folder),
            reason=f"its mode is {stat.S_IMODE(found.st_mode):04o}, so others can write to it",
        )
    narrow(folder)


def narrow(path: Path) -> None:
    """Take the rights of others on a file or folder away; links, and what is not there or not
    ours, stay as they are.
    """
    with suppress(FileNotFoundError, PermissionError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)


def write_secret(path: Path, payload: bytes, *, replace: bool = False) -> None:
    """Write a file, mode 0600, that appears whole and follows no link.

    Args:
        replace: whether it may take the place of another; a link in its place is replaced, and
            what it leads to is not touched.

    Raises: FileExistsError.
    """
    with _beside(path) as fresh:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(fresh, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)


def read_secret(path: Path) -> bytes:
    """The bytes of a plain file that nobody else can read.

    Raises: FileRefused ENG-031 for a link, for what is no plain file, and where others can read.
    """
    try:
        file = open_plain(path, links=False)
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else error.strerror or str(error)
        raise FileRefused(file=str(path), reason=reason) from error
    with file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & _OTHERS:
            raise FileRefused(
                file=str(path),
                reason=f"its mode is {stat.S_IMODE(mode):04o}, so others than its owner can use it",
            )
        return file.read(_LONGEST_SECRET)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
