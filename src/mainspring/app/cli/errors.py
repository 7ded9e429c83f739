"""What can go wrong at the command line itself."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["ProjectExists"]


@dataclass(eq=False, kw_only=True)
class ProjectExists(AccessError):
    """A new project is written into a folder that holds none: what somebody wrote before is never
    overwritten.
    """

    code: ClassVar[str] = "ACC-007"
    template: ClassVar[str] = "{folder} holds a project already: there is {found}"
    remedy: ClassVar[str] = "name another folder: mainspring init FOLDER"
    folder: str
    found: str
