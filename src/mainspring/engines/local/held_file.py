"""Files that a process has open, and whether they still lie where others look for them.

Writing to a file that was removed succeeds: the operating system keeps it for whoever has it open,
and forgets it with them.  What is written there would be acknowledged and lost.  So a file's name
is looked up around each commit (1.7 µs) and compared with what was opened.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mainspring.ports.errors import StoreGone

__all__ = ["HeldFile", "require_held"]


class HeldFile(NamedTuple):
    """A file or folder as it was when it was opened."""

    path: str
    device: int
    number: int

    @classmethod
    def of(cls, path: Path) -> "HeldFile":
        """What lies at a path now.  Raises: FileNotFoundError where there is nothing."""
        found = path.stat()
        return cls(str(path), found.st_dev, found.st_ino)


def require_held(files: Iterable[HeldFile], *, store: str) -> None:
    """Return if every file is where it was.  Raises: StoreGone ENG-030."""
    for path, device, number in files:
        try:
            found = os.stat(path)
        except OSError as error:
            raise StoreGone(store=store, file=_shown(path), fate="was removed or moved") from error
        if (found.st_dev, found.st_ino) != (device, number):
            raise StoreGone(store=store, file=_shown(path), fate="was replaced by another")


def _shown(path: str) -> str:
    """The file and its folder: an answer to a stranger does not say where on the disk they lie."""
    return "/".join(Path(path).parts[-2:])
