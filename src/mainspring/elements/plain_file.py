"""Files that are files: neither folders, nor links to nowhere, nor pipes and devices, which would
let whoever opens or reads them wait for ever.

A file is opened without waiting and looked at once it is open, so that nobody can put something
else in its place in between.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["fault_of_file", "kind_of_file", "open_plain", "read_plain"]

_LARGEST_BYTES = 1 << 30


def fault_of_file(path: Path) -> str:
    """Why what lies at a path is no plain file; empty for a plain file, and where nothing is."""
    try:
        found = path.stat().st_mode
    except FileNotFoundError:
        return f"{path.name} is a link to nowhere" if path.is_symlink() else ""
    except OSError as error:
        return f"{path.name}: {error.strerror}"
    return "" if stat.S_ISREG(found) else f"{path.name} is {kind_of_file(found)}, and not a file"


def open_plain(path: Path, *, links: bool = True) -> BufferedReader:
    """A plain file, opened to be read.

    Args:
        links: whether a link to a file is one.

    Raises: OSError for anything else, at once.
    """
    never_waiting = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    handle = os.open(path, never_waiting | (0 if links else os.O_NOFOLLOW))
    try:
        found = os.fstat(handle).st_mode
        if not stat.S_ISREG(found):
            raise OSError(errno.EINVAL, f"it is {kind_of_file(found)}, and not a file", str(path))
        return open(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, *, most: int = _LARGEST_BYTES) -> bytes:
    """The bytes of a plain file.  Raises: OSError for anything else, and for one of more bytes."""
    with open_plain(path) as file:
        payload = file.read(most + 1)
    if len(payload) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return payload


def kind_of_file(mode: int) -> str:
    """What a file is by its mode, in words."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
