"""What can go wrong at the command line itself."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["ProjectExists"]


@dataclass(eq=False, kw_only=True)
class ProjectExists(AccessError):
    """A folder for a new project has a project in it already.  Nothing was overwritten."""

    code: ClassVar[str] = "ACC-007"
    template: ClassVar[str] = "{folder} already has a project: {found} exists"
    remedy: ClassVar[str] = "name another folder: mainspring init FOLDER"
    folder: str
    found: str
