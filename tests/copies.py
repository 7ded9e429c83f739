"""Copies of projects that a workspace of this process may still have open."""

import gc
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["copied_tree"]


def copied_tree(
    project: Path,
    to: Path,
    *,
    ignore: Callable[[str, list[str]], Iterable[str]] | None = None,
    dirs_exist_ok: bool = False,
    symlinks: bool = False,
) -> Path:
    """A copy of a folder, as `shutil.copytree` makes it, while nothing is closed.

    A workspace that nobody uses is closed when the garbage collector finds it, and SQLite then
    removes files beside its databases: in the middle of a copy they were missing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return Path(
            shutil.copytree(
                project, to, ignore=ignore, dirs_exist_ok=dirs_exist_ok, symlinks=symlinks
            )
        )
    finally:
        if was_enabled:
            gc.enable()
