"""Copies of projects that a workspace of this process may still have open."""

import gc
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["copied_tree"]

_LOOKS, _PAUSE_S = 20, 0.02


def copied_tree(
    project: Path,
    to: Path,
    *,
    ignore: Callable[[str, list[str]], Iterable[str]] | None = None,
    dirs_exist_ok: bool = False,
    symlinks: bool = False,
) -> Path:
    """A copy of a folder, as `shutil.copytree` makes it, while nothing is closed.

    A workspace that nobody uses is closed when the garbage collector finds it, in whichever thread
    that is, and SQLite then removes files beside its databases: in the middle of a copy they were
    missing.  So it is looked for before; what is open still is in use, or was killed.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        if _is_open(project):
            gc.collect()
        # Another thread may be at it: that collection did nothing then.
        looks = iter(range(_LOOKS))
        while _is_open(project) and next(looks, None) is not None:
            threading.Event().wait(_PAUSE_S)
        return Path(
            shutil.copytree(
                project, to, ignore=ignore, dirs_exist_ok=dirs_exist_ok, symlinks=symlinks
            )
        )
    finally:
        if was_enabled:
            gc.enable()


def _is_open(project: Path) -> bool:
    return next(project.rglob("*-wal"), None) is not None
