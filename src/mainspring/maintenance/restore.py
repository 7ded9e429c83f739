"""Restore a backup into a project that has no state: every digest is checked first, and the state
appears whole or not at all.

What was copied is restored by putting it in place: the files of a backup are those of the embedded
engines (`ports.backup`).  Tables are materialized from the log, but for the records that it does
not hold any more, which are appended to them first.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, digest_of
from mainspring.maintenance.backup import refuse_occupied, translate_file_errors
from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign
from mainspring.maintenance.manifest import (
    FORMAT,
    MANIFEST,
    BackupCut,
    BackupManifest,
    format_of_manifest,
    iter_archive_faults,
    parse_backup_manifest,
)
from mainspring.maintenance.ports import FolderEngines
from mainspring.ports.backup import FolderReader
from mainspring.ports.clock import Clock

__all__ = ["RestoreReport", "restore_backup"]

_ROWS_AT_ONCE = 262_144
_FAULTS_SHOWN = 5


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored.

    Args:
        made_at, made_by: when the backup was written, and by whom.
        secrets: whether private keys and the owner's token came with it; without them new ones are
            made when they are needed.
        damaged: objects that were damaged already when the backup was written.
    """

    project: str
    folder: str
    digest: Digest
    made_at: int
    made_by: str
    cut: BackupCut
    files: int
    secrets: bool
    damaged: tuple[Digest, ...]


def restore_backup(
    folder: Path,
    archive: Path,
    *,
    project: ProjectName,
    engines: FolderEngines,
    clock: Clock,
    actor: Actor,
    digest: str = "",
) -> RestoreReport:
    """Put the state of a backup in place, into a folder where nothing is.

    Args:
        project: the one that the backup must be of.
        engines: what the restored state is opened with.
        actor: who restores.
        digest: what `backup` said its digest is; given, a backup that was exchanged as a whole is
            refused as well.

    Raises: ArchiveDamaged FLO-022 for a damaged backup, ArchiveForeign FLO-023 for one of something
        else, PlaceTaken FLO-024 where the project has state already, StoreFailed ENG-001.
    """
    folders = engines.folders
    manifest, found = _checked_manifest(archive, digest, folders)
    if manifest.project != project:
        raise ArchiveForeign(
            path=str(archive),
            reason=f"it is of the project {manifest.project}, and this one is {project}",
        )
    refuse_occupied(folder)
    _check_digests(manifest, archive, folders)
    with translate_file_errors("the restored state", folder), folders.appearing(folder) as root:
        _fill(root, manifest, archive, engines=engines)
        event = Event(
            kind="backup.restored",
            project=manifest.project,
            actor=actor,
            at=clock.now(),
            subject=str(archive),
            facts={"digest": found, "made_by": manifest.made_by},
        )
        with engines.open_state(root, manifest.project) as state:
            state.commit([], [event])
    return RestoreReport(
        project=manifest.project,
        folder=str(folder),
        digest=found,
        made_at=manifest.made_at,
        made_by=manifest.made_by,
        cut=manifest.cut,
        files=len(manifest.files),
        secrets=manifest.secrets,
        damaged=manifest.damaged,
    )


def _checked_manifest(
    archive: Path, digest: str, folders: FolderReader
) -> tuple[BackupManifest, Digest]:
    """The manifest and its digest, once the names and sizes of all files are as it says."""
    try:
        payload = (archive / MANIFEST).read_bytes()
    except OSError as error:
        raise ArchiveForeign(
            path=str(archive), reason=f"it has no {MANIFEST}, which is written last"
        ) from error
    found = digest_of(payload)
    if digest and digest != found:
        raise ArchiveDamaged(path=str(archive), what=f"its digest is {found}, not {digest}")
    try:
        written = format_of_manifest(payload)
        manifest = parse_backup_manifest(payload) if written == FORMAT else None
    except msgspec.MsgspecError as error:
        raise ArchiveDamaged(
            path=str(archive), what=f"{MANIFEST} cannot be read: {error}"
        ) from error
    if manifest is None:
        raise ArchiveForeign(
            path=str(archive), reason=f"its format is {written}, and this release reads {FORMAT}"
        )
    sizes = {name: size for name, size in folders.sizes(archive).items() if name != MANIFEST}
    _refuse(archive, list(iter_archive_faults(manifest, sizes)))
    return manifest, found


def _check_digests(manifest: BackupManifest, archive: Path, folders: FolderReader) -> None:
    _refuse(
        archive,
        [
            f"{file.path} has other bytes"
            for file in manifest.files
            if folders.digest(archive / file.path) != file.digest
        ],
    )


def _refuse(archive: Path, faults: list[str]) -> None:
    if faults:
        more = f", and {len(faults) - _FAULTS_SHOWN} more" if len(faults) > _FAULTS_SHOWN else ""
        raise ArchiveDamaged(path=str(archive), what=", ".join(faults[:_FAULTS_SHOWN]) + more)


def _fill(root: Path, manifest: BackupManifest, archive: Path, *, engines: FolderEngines) -> None:
    """Copy every file with its digest checked again, and bring trimmed records into their
    tables.
    """
    carried = frozenset(manifest.trimmed.values())
    for file in manifest.files:
        if file.path in carried:
            continue
        if engines.folders.copy_file(archive / file.path, root / file.path) != file.digest:
            raise ArchiveDamaged(
                path=str(archive), what=f"{file.path} changed while it was restored"
            )
    tables = engines.open_tables(root)
    for topic, path in manifest.trimmed.items():
        for frame in _iter_frames(archive / path):
            first, last = int(frame["_offset"][0]), int(frame["_offset"][-1])
            tables.append(topic, frame, expected=first, position=last + 1)


def _iter_frames(path: Path) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(path)
    for at in range(0, scan.select(pl.len()).collect().item(), _ROWS_AT_ONCE):
        yield scan.slice(at, _ROWS_AT_ONCE).collect()
