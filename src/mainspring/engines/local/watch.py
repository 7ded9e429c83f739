"""Watch the folder of a workspace's state while a server depends on it."""

import os
import time
from pathlib import Path

from mainspring.elements.errors import EngineError
from mainspring.engines.local.held_file import HeldFile, require_held
from mainspring.ports.errors import StoreFailed

__all__ = ["FolderWatch"]

_STORE = "the state folder"
_PERIOD_S = 0.05
_ROOM_BYTES = 1 << 20
"""A push must fit, with what other threads write at the same time; and what is needed to mend a
full disk, such as `mainspring gc`, has to write as well.
"""
_STORES = ("*.db", "*.lmdb", "objects", "tables")
"""What stays for as long as the workspace does; work in progress comes and goes beside it."""


class FolderWatch:
    """Says whether a folder, and the stores that lay in it when the watch began, are still there
    and can be written.

    Args:
        room_bytes: with less than that free, its disk counts as full.

    Nothing is written to find out: a probe could succeed in the slack of a full disk, and would
    itself fill it.
    """

    def __init__(self, folder: Path, *, room_bytes: int = _ROOM_BYTES) -> None:
        self._folder, self._room_bytes = folder, room_bytes
        found = [path for pattern in _STORES for path in sorted(folder.glob(pattern))]
        # A link that leads nowhere is no store: whoever opens it says so.
        self._held = [HeldFile.of(path) for path in (folder, *filter(Path.exists, found))]
        self._checked_s = float("-inf")
        self._fault: EngineError | None = None

    def require(self) -> None:
        """As `check`, but what was found stands for 50 ms: cheap enough for every request."""
        if time.monotonic() - self._checked_s >= _PERIOD_S:
            self.check()
        elif self._fault is not None:
            raise self._fault.with_traceback(None)

    def check(self) -> None:
        """Return while it can be written.

        Raises: StoreGone ENG-030 when something was removed, moved or replaced, StoreFailed ENG-001
            when the disk is full, or something cannot be written any more.
        Cost: about 20 µs.
        """
        self._fault = self._find_fault()
        self._checked_s = time.monotonic()
        if self._fault is not None:
            raise self._fault

    def _find_fault(self) -> EngineError | None:
        try:
            require_held(self._held, store=_STORE)
            disk = os.statvfs(self._folder)
        except EngineError as error:
            return error
        except OSError as error:
            return _unwritable(str(error))
        if disk.f_flag & os.ST_RDONLY:
            return _unwritable("its disk is read-only")
        room = disk.f_bavail * disk.f_frsize
        if room < self._room_bytes:
            return _unwritable(f"its disk is full ({room:,} bytes are free)")
        locked = [held.path for held in self._held if not os.access(held.path, os.W_OK)]
        return _unwritable(f"{Path(locked[0]).name} is not writable") if locked else None


def _unwritable(reason: str) -> StoreFailed:
    return StoreFailed(store=_STORE, operation="write", reason=reason)
