"""Settings from a file outside of the project: what a server goes by that believes nothing that
lies in the project's folder.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mainspring.ports.errors import TrustUnusable
from mainspring.project.config.config import ProjectConfig, parse_config
from mainspring.project.errors import NothingImported
from mainspring.project.loader.load import Project

__all__ = ["TrustedSettings"]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, eq=False)
class TrustedSettings:
    """The settings of a project, without what it declares."""

    path: Path
    config: ProjectConfig

    @classmethod
    def read(cls, path: Path, *, name: str) -> "TrustedSettings":
        """The settings in a file with the grammar of `project.toml`.

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
        return cls(path, parse_config(text, path=str(path), name=name))

    def load(self) -> Project:
        """Raises: NothingImported PRJ-110, always."""
        raise NothingImported(path=str(self.path))
