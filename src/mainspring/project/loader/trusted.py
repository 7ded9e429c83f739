"""Settings from a file outside of the project: what a server goes by that believes nothing that
lies in the project's folder.
"""

from dataclasses import dataclass
from pathlib import Path

from mainspring.project.config.config import ProjectConfig
from mainspring.project.config.read import read_trusted_config
from mainspring.project.errors import NothingImported
from mainspring.project.loader.load import Project

__all__ = ["TrustedSettings"]


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
        return cls(path, read_trusted_config(path, name=name))

    def load(self) -> Project:
        """Raises: NothingImported PRJ-110, always."""
        raise NothingImported(path=str(self.path))
