"""What can go wrong with a workspace as a whole."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["NowhereOnDisk"]


@dataclass(eq=False, kw_only=True)
class NowhereOnDisk(AccessError):
    """A workspace in memory has no server and no tokens, for both need files: those who call a
    server are known by tokens, which outlive it.
    """

    code: ClassVar[str] = "ACC-020"
    template: ClassVar[str] = "a workspace in memory has no {what}"
    remedy: ClassVar[str] = 'open a project on disk: ms.Workspace.open("path/of/the/project")'

    what: str
