"""Restore a backup into a project that has no state: every digest is checked first, and the state
appears whole or not at all.
"""

import getpass
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.events import Actor, Event, EventValue
from mainspring.elements.identity import Digest, digest_of
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.local.clock import SystemClock
from mainspring.engines.local.durable import appearing, copy_private, digest_of_file, iter_files
from mainspring.engines.local.state import SqliteState
from mainspring.maintenance.backup import refuse_occupied, translate_file_errors
from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign
from mainspring.maintenance.manifest import (
    FORMAT,
    MANIFEST,
    STATE,
    TABLES,
    BackupCut,
    BackupManifest,
    format_of_manifest,
    iter_archive_faults,
    parse_backup_manifest,
)
from mainspring.project.config.config import STATE_FOLDER
from mainspring.project.loader.discover import read_config

__all__ = ["RestoreReport", "restore_backup"]

_ROWS_AT_ONCE = 262_144
_FAULTS_TOLD = 5


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
    project: Path, archive: Path, *, actor: str = "", digest: str = ""
) -> RestoreReport:
    """Put the state of a backup in place for the project at a folder or file.

    Args:
        actor: who restores; default: the user of this process.
        digest: what `backup` said its digest is; given, a backup that was exchanged as a whole is
            refused as well.

    Raises: FLO-022 for a damaged backup, FLO-023 for one of something else, FLO-024 where the
        project has state already, ENG-001.
    """
    manifest, found = _checked_manifest(archive, digest)
    name = read_config(project).name
    if manifest.project != name:
        raise ArchiveForeign(
            path=str(archive),
            reason=f"it is of the project {manifest.project}, and this one is {name}",
        )
    folder = (project if project.is_dir() else project.parent).resolve() / STATE_FOLDER
    refuse_occupied(folder)
    _check_digests(manifest, archive)
    with translate_file_errors("the restored state", folder), appearing(folder) as root:
        _fill(root, manifest, archive)
        _record(
            root,
            manifest,
            archive,
            actor=Actor(actor or f"person:{getpass.getuser()}"),
            digest=found,
        )
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


def _checked_manifest(archive: Path, digest: str) -> tuple[BackupManifest, Digest]:
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
    sizes = {
        name: -1 if path.is_symlink() or not path.is_file() else path.stat().st_size
        for name, path in iter_files(archive)
        if name != MANIFEST
    }
    _refuse(archive, list(iter_archive_faults(manifest, sizes)))
    return manifest, found


def _check_digests(manifest: BackupManifest, archive: Path) -> None:
    _refuse(
        archive,
        [
            f"{file.path} has other bytes"
            for file in manifest.files
            if digest_of_file(archive / file.path) != file.digest
        ],
    )


def _refuse(archive: Path, faults: list[str]) -> None:
    if faults:
        more = f", and {len(faults) - _FAULTS_TOLD} more" if len(faults) > _FAULTS_TOLD else ""
        raise ArchiveDamaged(path=str(archive), what=", ".join(faults[:_FAULTS_TOLD]) + more)


def _fill(root: Path, manifest: BackupManifest, archive: Path) -> None:
    """Copy every file with its digest checked again, and bring trimmed records into their
    tables.
    """
    carried = frozenset(manifest.trimmed.values())
    for file in manifest.files:
        target = root / file.path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.path not in carried and copy_private(archive / file.path, target) != file.digest:
            raise ArchiveDamaged(
                path=str(archive), what=f"{file.path} changed while it was restored"
            )
    tables = DeltaTables(root / TABLES)
    for topic, path in manifest.trimmed.items():
        for frame in _iter_frames(archive / path):
            first, last = int(frame["_offset"][0]), int(frame["_offset"][-1])
            tables.append(topic, frame, expected=first, position=last + 1)


def _record(
    root: Path, manifest: BackupManifest, archive: Path, *, actor: Actor, digest: Digest
) -> None:
    """Say in the restored journal what was done."""
    at, facts = SystemClock().now(), dict[str, EventValue](digest=digest, made_by=manifest.made_by)
    state = SqliteState(root / STATE, manifest.project)
    try:
        state.commit(
            [],
            [
                Event(
                    kind="backup.restored",
                    project=manifest.project,
                    actor=actor,
                    at=at,
                    subject=str(archive),
                    facts=facts,
                )
            ],
        )
    finally:
        state.close()


def _iter_frames(path: Path) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(path)
    for at in range(0, scan.select(pl.len()).collect().item(), _ROWS_AT_ONCE):
        yield scan.slice(at, _ROWS_AT_ONCE).collect()
