"""The library's front door: `ms.Workspace`, whose engines are imported when the first one is opened and not before."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainspring.app.keep.restore import RestoreReport
    from mainspring.app.workspace import OpenWorkspace

__all__ = ["Workspace"]


class Workspace:
    """Opens workspaces; what comes back has `plan apply run ingest predict replay simulate` and the rest.  Stable."""

    @staticmethod
    def open(path: str | Path = ".", env: str = "dev", *, actor: str = "") -> "OpenWorkspace":
        """The workspace of the project at a folder or file; its state lies in `.mainspring/` beside it.

        Args:
            actor: who acts, such as `person:ada`; default: the user of this process.

        Raises: PRJ-020 with every mistake in the project, ACC-004 for an unknown environment.
        """
        from mainspring.app.workspace import open_workspace

        return open_workspace(Path(path), env, actor=actor)

    @staticmethod
    def restore(path: str | Path, archive: str | Path, *, actor: str = "", digest: str = "") -> "RestoreReport":
        """Bring a backup back into the project at a folder or file, which must have no state yet.

        Args:
            digest: what `backup` said; given, a backup that was exchanged as a whole is refused as well.

        Raises: FLO-022, FLO-023, FLO-024, ENG-001.
        """
        from mainspring.app.keep.restore import restore_backup

        return restore_backup(Path(path), Path(archive), actor=actor, digest=digest)

    @staticmethod
    def in_memory(definitions: Iterable[object], *, env: str = "dev") -> "OpenWorkspace":
        """A workspace of these declarations with nothing on disk; sources are pushed to with `ingest`."""
        from mainspring.app.workspace import memory_workspace

        return memory_workspace(definitions, env)
