"""Backups: what engines with files of their own copy of themselves, and the folders that copies
lie in.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from mainspring.elements.identity import Digest

__all__ = ["BackupPart", "BackupSource", "CopiedPart", "FolderReader", "FolderWriter"]

BackupPart = Literal["predictions", "state", "facts", "objects", "secrets"]
"""What is copied in one go.  A log has two: whoever makes a backup copies the predictions at
another time than the facts.
"""


class CopiedPart(NamedTuple):
    """What a copy consists of.

    Args:
        files: their paths below the folder, with slashes, sorted.
        damaged: objects that were left out, for their bytes had another digest already.
    """

    files: tuple[str, ...]
    damaged: tuple[Digest, ...] = ()


@runtime_checkable
class BackupSource(Protocol):
    """What holds data of a workspace in files of its own, and copies it while it is written to.
    An engine that cannot does not offer this port: its product has backups of its own.

    Guarantees: a copy holds all that was committed when the call began, and nothing that is not
        when it returns; what was committed together is in it together or not at all.  Nobody waits
        for it.  It holds nothing of processes: no leases, no locks.  Its files can be read by their
        owner alone, and there are no others than those named.
        A part is restored by putting its files at the same paths into a folder that has none of
        them: an engine of the same product that is opened there answers what the copy holds.
    Callers may assume: a part is copied into a folder that holds nothing of it, and it is theirs to
        say when the copy counts: one that was cut off by a crash is not told from a whole one.
    Errors: ENG-001, ENG-009, ENG-010, OSError when the copy cannot be made.
    """

    def backup_parts(self) -> Sequence[BackupPart]:
        """The parts that it can copy; none while everything is in memory."""
        ...

    def copy_part(self, part: BackupPart, folder: Path) -> CopiedPart:
        """Write a part into a folder; what was written."""
        ...


class FolderReader(Protocol):
    """Reads folders of files, such as a backup.

    Errors: OSError.
    """

    def sizes(self, folder: Path) -> Mapping[str, int]:
        """The size in bytes of all that lies below a folder and is no folder, by its path from
        there, sorted; -1 for what is no plain file: links are not followed.
        """
        ...

    def digest(self, file: Path) -> Digest:
        """The digest of a file's bytes, read in pieces."""
        ...

    def leftovers(self, target: Path) -> Sequence[Path]:
        """What processes that died while they wrote a folder left beside it, sorted."""
        ...


class FolderWriter(FolderReader, Protocol):
    """Writes folders that appear under their name whole or not at all.

    Guarantees: what is written can be read by its owner alone, and is on the disk when the folder
        has its name; killed at any instant, nothing is at that name, and what is left beside it is
        removed by whoever writes to the same name next.
    Errors: FileExistsError where something is that is no empty folder; other OSError.
    """

    def appearing(self, target: Path) -> AbstractContextManager[Path]:
        """A folder to fill, which takes the target's name once all went well, and is gone when
        something did not.
        """
        ...

    def write_file(self, file: Path, payload: bytes) -> None:
        """Write a file that did not exist."""
        ...

    def copy_file(self, source: Path, target: Path) -> Digest:
        """Copy a file to where none was, making the folders that it lies in; the digest of the
        bytes that were copied.
        """
        ...

    def remove(self, leftover: Path) -> None:
        """Remove what `leftovers` named; what is gone already is no error."""
        ...
