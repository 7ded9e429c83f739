"""Restore a backup into a project that has no state: its signature and every digest are checked
first, and the state appears whole or not at all.

What was copied is restored by putting it in place: the files of a backup are those of the embedded
engines (`ports.backup`).  Tables are materialized from the log, but for the records that it does
not hold any more, which are appended to them first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.plain_file import read_plain
from mainspring.maintenance.backup import refuse_occupied, translate_file_errors
from mainspring.maintenance.errors import ArchiveDamaged, ArchiveForeign, ArchiveUnproven
from mainspring.maintenance.manifest import (
    FORMAT,
    MANIFEST,
    UNSIGNED_FORMAT,
    BackupCut,
    BackupManifest,
    format_of_manifest,
    iter_archive_faults,
    parse_backup_manifest,
)
from mainspring.maintenance.ports import FolderEngines
from mainspring.maintenance.signature import (
    SIGNATURE,
    parse_backup_signature,
    signature_fits,
)
from mainspring.ports.backup import FolderReader
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey, Verifier

__all__ = ["BackupProof", "RestoreReport", "restore_backup"]

_ROWS_AT_ONCE = 262_144
_FAULTS_SHOWN = 5
_CARRIED = ".carried"
"""Where records that a backup carries for tables lie until they are in them."""
_LARGEST_MANIFEST_BYTES = 1 << 30
_LARGEST_SIGNATURE_BYTES = 1 << 12


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored.

    Args:
        signed_by: the key whose signature was checked; empty for a backup of release 0.1, which has
            none.
        made_at, made_by: when the backup was written, and by whom.
        secrets: whether private keys and the owner's token came with it; without them new ones are
            made when they are needed.
        damaged: objects that were damaged already when the backup was written.
    """

    project: str
    folder: str
    digest: Digest
    signed_by: str
    made_at: int
    made_by: str
    cut: BackupCut
    files: int
    secrets: bool
    damaged: tuple[Digest, ...]


@dataclass(frozen=True, kw_only=True)
class BackupProof:
    """What a backup is believed by.

    Args:
        verifier: checks its signature.
        trusted: the keys that may have signed it.
        digest: what `backup` said its digest is; empty where nobody noted it.  Given, it stands for
            a trusted key, and a backup that was exchanged as a whole is refused.
    """

    verifier: Verifier
    trusted: Sequence[PublicKey] = ()
    digest: str = ""


def restore_backup(
    folder: Path,
    archive: Path,
    *,
    project: ProjectName,
    engines: FolderEngines,
    clock: Clock,
    actor: Actor,
    proof: BackupProof,
) -> RestoreReport:
    """Put the state of a backup in place, into a folder where nothing is.

    Args:
        project: the one that the backup must be of.
        engines: what the restored state is opened with.
        actor: who restores.

    Raises: ArchiveDamaged FLO-022 for a damaged backup, ArchiveForeign FLO-023 for one of something
        else, ArchiveUnproven FLO-030 for one that nobody trusted signed, PlaceTaken FLO-024
        where the project has state already, StoreFailed ENG-001.
    """
    folders = engines.folders
    manifest, found, signed_by = _read_manifest(archive, proof)
    if manifest.project != project:
        raise ArchiveForeign(
            path=str(archive),
            reason=f"it is of the project {manifest.project}, and this one is {project}",
        )
    _require_proof(archive, signed_by, proof)
    refuse_occupied(folder)
    _check_names(manifest, archive, folders)
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
        signed_by=signed_by,
        made_at=manifest.made_at,
        made_by=manifest.made_by,
        cut=manifest.cut,
        files=len(manifest.files),
        secrets=manifest.secrets,
        damaged=manifest.damaged,
    )


def _read_manifest(archive: Path, proof: BackupProof) -> tuple[BackupManifest, Digest, str]:
    """The manifest, its digest, and the key that signed it; empty for one of release 0.1."""
    try:
        payload = read_plain(archive / MANIFEST, most=_LARGEST_MANIFEST_BYTES)
    except OSError as error:
        raise ArchiveForeign(path=str(archive), reason=f"it has no {MANIFEST}: {error}") from error
    found = digest_of(payload)
    if proof.digest and proof.digest != found:
        raise ArchiveDamaged(path=str(archive), what=f"its digest is {found}, not {proof.digest}")
    try:
        written = format_of_manifest(payload)
        is_known = written in (FORMAT, UNSIGNED_FORMAT)
        manifest = parse_backup_manifest(payload) if is_known else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ArchiveDamaged(
            path=str(archive), what=f"{MANIFEST} cannot be read: {error}"
        ) from error
    if manifest is None:
        raise ArchiveForeign(
            path=str(archive),
            reason=f"its format is {written[:40]}; this release reads {FORMAT}",
        )
    signed_by = "" if written == UNSIGNED_FORMAT else _signer_of(archive, payload, proof.verifier)
    return manifest, found, signed_by


def _signer_of(archive: Path, manifest: bytes, verifier: Verifier) -> str:
    """The key whose signature over the manifest is right."""
    try:
        payload = read_plain(archive / SIGNATURE, most=_LARGEST_SIGNATURE_BYTES)
        signature = parse_backup_signature(payload)
    except (OSError, ValueError, RecursionError) as error:
        raise ArchiveDamaged(
            path=str(archive), what=f"its {SIGNATURE} cannot be read: {error}"
        ) from error
    if not signature_fits(manifest, signature, verifier, keys=[signature.public_key]):
        raise ArchiveDamaged(
            path=str(archive), what=f"its {SIGNATURE} is not of this {MANIFEST}: one was changed"
        )
    return signature.public_key


def _require_proof(archive: Path, signed_by: str, proof: BackupProof) -> None:
    # A digest that fits was checked already: it names every byte, as a signature does.
    if proof.digest or signed_by in proof.trusted:
        return
    raise ArchiveUnproven(
        path=str(archive),
        reason=f"it is signed by {signed_by}, which nobody said to trust"
        if signed_by
        else "it has no signature, for release 0.1 made it",
        key=signed_by or "KEY",
    )


def _check_names(manifest: BackupManifest, archive: Path, folders: FolderReader) -> None:
    sizes = {
        name: size
        for name, size in folders.sizes(archive).items()
        if name not in (MANIFEST, SIGNATURE)
    }
    _refuse(archive, list(iter_archive_faults(manifest, sizes)))


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
        target = root / _CARRIED / file.path if file.path in carried else root / file.path
        if engines.folders.copy_file(archive / file.path, target) != file.digest:
            raise ArchiveDamaged(
                path=str(archive), what=f"{file.path} changed while it was restored"
            )
    tables = engines.open_tables(root)
    for topic, path in manifest.trimmed.items():
        for frame in _iter_frames(root / _CARRIED / path, archive):
            first, last = int(frame["_offset"][0]), int(frame["_offset"][-1])
            tables.append(topic, frame, expected=first, position=last + 1)
    if carried:
        engines.folders.remove(root / _CARRIED)


def _iter_frames(path: Path, archive: Path) -> Iterator[pl.DataFrame]:
    try:
        scan = pl.scan_parquet(path)
        for at in range(0, scan.select(pl.len()).collect().item(), _ROWS_AT_ONCE):
            yield scan.slice(at, _ROWS_AT_ONCE).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ArchiveDamaged(
            path=str(archive), what=f"{path.name} cannot be read: {error}"
        ) from error
