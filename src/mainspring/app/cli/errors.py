"""What can go wrong at the command line itself."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["NoMetrics", "ProjectExists"]


@dataclass(eq=False, kw_only=True)
class ProjectExists(AccessError):
    """A folder for a new project has a project in it already.  Nothing was overwritten."""

    code: ClassVar[str] = "ACC-007"
    template: ClassVar[str] = "{folder} already has a project: {found} exists"
    remedy: ClassVar[str] = "name another folder: mainspring init FOLDER"
    folder: str
    found: str


@dataclass(eq=False, kw_only=True)
class NoMetrics(AccessError):
    """`mainspring top` got no metrics: nobody answers at the address, the token (of this workspace,
    or of the file that was named) is not known there, or something else answers.
    """

    code: ClassVar[str] = "ACC-008"
    template: ClassVar[str] = "{url}/metrics gives no metrics: {reason}"
    remedy: ClassVar[str] = (
        "give the address that the server has printed, --url URL; of `serve-model`, its "
        "--token-file, too"
    )
    url: str
    reason: str
