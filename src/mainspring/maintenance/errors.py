"""What can go wrong with backups and garbage collection."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["ArchiveDamaged", "ArchiveForeign", "NotEmbedded", "PlaceTaken"]


@dataclass(eq=False, kw_only=True)
class ArchiveDamaged(FlowError):
    """A backup is not what was written: files are missing, cut off, changed or added, or its
    manifest cannot be read.

    Nothing of it was restored.  Every file is checked against the digest in the manifest before
    anything is touched, and again while it is copied.
    """

    code: ClassVar[str] = "FLO-022"
    template: ClassVar[str] = "the backup in {path} is not what was written: {what}"
    remedy: ClassVar[str] = "restore another backup, or copy this one again from where it came from"
    path: str
    what: str


@dataclass(eq=False, kw_only=True)
class ArchiveForeign(FlowError):
    """What was given is no backup that can be restored here: it is something else, of another
    format, or of another project.
    """

    code: ClassVar[str] = "FLO-023"
    template: ClassVar[str] = "{path} cannot be restored here: {reason}"
    remedy: ClassVar[str] = (
        "name the folder that `mainspring backup` wrote for this project; one of a later format "
        "needs the release that wrote it"
    )
    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PlaceTaken(FlowError):
    """A backup is written to a place where nothing is, and restored to a project without state:
    neither overwrites anything.
    """

    code: ClassVar[str] = "FLO-024"
    template: ClassVar[str] = "{path} holds something already"
    remedy: ClassVar[str] = "name another place, or move what is there away first"
    path: str


@dataclass(eq=False, kw_only=True)
class NotEmbedded(FlowError):
    """A part of the workspace does not lie in its folder, but with another product or in memory,
    and `backup` copies what lies in the folder.

    Such products have backups of their own that know how to copy them while they are written to.
    """

    code: ClassVar[str] = "FLO-025"
    template: ClassVar[str] = "the {part} of this workspace cannot be copied: it lies in {product}"
    remedy: ClassVar[str] = "back it up by the means of that product"
    part: str
    product: str
