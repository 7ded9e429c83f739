"""What can go wrong with backups and garbage collection."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import DeclarationError, EngineError, FlowError

__all__ = [
    "ArchiveDamaged",
    "ArchiveForeign",
    "ArchiveUnproven",
    "ClockDoubted",
    "NotEmbedded",
    "PlaceTaken",
    "SourceNeeded",
]


@dataclass(eq=False, kw_only=True)
class ArchiveDamaged(FlowError):
    """A backup is not as it was written: files are missing, truncated, changed or added, or its
    manifest cannot be read.

    Nothing of it was restored.  Every file is checked against the digest in the manifest before
    anything is written, and again while it is copied.
    """

    code: ClassVar[str] = "FLO-022"
    template: ClassVar[str] = "the backup in {path} is damaged: {what}"
    remedy: ClassVar[str] = "restore another backup, or copy this one again from its original place"
    path: str
    what: str


@dataclass(eq=False, kw_only=True)
class ArchiveForeign(FlowError):
    """A folder is not a backup that can be restored here: it is something else, of another format,
    or of another project.
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
class ArchiveUnproven(FlowError):
    """Nothing says that a backup is of whom you think: it is signed by a key that this project does
    not trust, or, made by release 0.1, not signed at all.

    Whoever can write to the place where backups lie could have exchanged it for one of their own,
    with models and tokens that nobody approved.  A key is trusted that `project.toml` lists among
    the `testers` of an environment, or that `--trust` names; a digest that was noted elsewhere
    proves as much.  Nothing was restored.
    """

    code: ClassVar[str] = "FLO-030"
    template: ClassVar[str] = "the backup in {path} is not proven: {reason}"
    remedy: ClassVar[str] = (
        "compare the key with what `mainspring backup` or `mainspring auth key` printed where the "
        "backup was made, then pass it: --trust {key}; or pass what `backup` printed: "
        "--digest DIGEST"
    )
    path: str
    reason: str
    key: str


@dataclass(eq=False, kw_only=True)
class PlaceTaken(FlowError):
    """The target of a backup or a restore exists already.  A backup is written to a new folder, and
    restored to a project without state; neither overwrites anything.
    """

    code: ClassVar[str] = "FLO-024"
    template: ClassVar[str] = "{path} exists already"
    remedy: ClassVar[str] = "name another folder, or move that one away first"
    path: str


@dataclass(eq=False, kw_only=True)
class NotEmbedded(FlowError):
    """A part of the workspace is stored in another product or in memory, and `mainspring backup`
    copies only what is in the workspace's folder.

    Such products have their own backups, which can copy them while they are written to.
    """

    code: ClassVar[str] = "FLO-025"
    template: ClassVar[str] = (
        "the {part} of this workspace cannot be copied: it is stored in {product}"
    )
    remedy: ClassVar[str] = "back it up with the tools of that product"
    part: str
    product: str


@dataclass(eq=False, kw_only=True)
class SourceNeeded(DeclarationError):
    """The rows of a source cannot be removed: it is declared, or a map names it that some
    environment holds or may go back to.
    """

    code: ClassVar[str] = "PRJ-104"
    template: ClassVar[str] = "source {source} cannot be removed: {needed_by}"
    remedy: ClassVar[str] = (
        "take it out of the project and apply that to each environment; it can be removed once no "
        "map that a rollback may restore names it"
    )
    source: str
    needed_by: str


@dataclass(eq=False, kw_only=True)
class ClockDoubted(EngineError):
    """The machine's clock jumped, or is behind what the journal has seen.  What is appended
    meanwhile has times that others may find wrong.
    """

    code: ClassVar[str] = "ENG-045"
    template: ClassVar[str] = "{what}"
    remedy: ClassVar[str] = (
        "look at the machine's time service (timedatectl, chronyc tracking); a step that lasts is "
        "followed after a minute"
    )

    what: str
