"""Finds and reads the settings of a project, and nothing of what it declares: for a process that
only has to know them, and holds nothing else of a project in memory.
"""

import os
import stat
from pathlib import Path

from mainspring.elements.errors import Location
from mainspring.elements.plain_file import read_plain
from mainspring.ports.errors import TrustUnusable
from mainspring.project.config.config import ProjectConfig, default_config, parse_config
from mainspring.project.errors import ProjectMissing, ProjectUnreadable

__all__ = ["project_root", "read_config", "read_text_file", "read_trusted_config"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_config(path: Path) -> ProjectConfig:
    """The settings of the project at a folder or file; defaults where there is no `project.toml`.

    Raises: ProjectErrors PRJ-020 with every fault, ProjectMissing PRJ-021 where there is no
        project.
    """
    root, name = project_root(path)
    settings = root / "project.toml"
    is_one_file = path.is_file() and path.suffix == ".py"
    # What is there and cannot be read is no absent file: its defaults would leave open what it
    # protects.
    is_absent = not settings.exists() and not settings.is_symlink()
    if is_one_file or is_absent:
        return default_config(name)
    return parse_config(read_text_file(settings), path=str(settings), name=name)


def read_trusted_config(path: Path, *, name: str) -> ProjectConfig:
    """The settings in a file outside of a project, with the grammar of `project.toml`.

    Args:
        name: the project's name where the file has none.

    Raises: TrustUnusable ENG-033 when it cannot be read, or others may write it; ProjectErrors
        PRJ-020 with every fault.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            text = file.read().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise TrustUnusable(path=str(path), reason=str(error)) from error
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        reason = f"its mode is {mode:04o}, so others than its owner may write it"
        raise TrustUnusable(path=str(path), reason=reason)
    return parse_config(text, path=str(path), name=name)


def project_root(path: Path) -> tuple[Path, str]:
    """The folder of a project and the name that it has without one in `project.toml`."""
    try:
        place = path.resolve()
        place.stat()
    except (OSError, RuntimeError, ValueError) as error:
        # Nothing there, a loop of links, or a name that no file can have.
        raise ProjectMissing(path=str(path)) from error
    if place.is_dir():
        return place, place.name
    if place.is_file() and place.suffix == ".py":
        return place.parent, place.stem
    if place.is_file() and place.name == "project.toml":
        return place.parent, place.parent.name
    raise ProjectMissing(path=str(path))


def read_text_file(file: Path) -> str:
    """The text of a plain file, its lines ended alike.  Raises: ProjectUnreadable PRJ-025."""
    try:
        return read_plain(file).decode().replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectUnreadable(
            path=str(file), problem=str(error), at=Location(str(file), 1)
        ) from error
