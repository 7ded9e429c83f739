"""Write a backup: one consistent whole of state, log and objects, while everybody goes on working.

It appears under its name whole or not at all.  Killed half way it leaves a folder beside it that
the next backup to the same place removes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.identity import Digest, digest_of
from mainspring.maintenance.errors import NotEmbedded, PlaceTaken
from mainspring.maintenance.lease import maintenance_lease
from mainspring.maintenance.manifest import (
    FORMAT,
    MANIFEST,
    TABLES,
    ArchivedFile,
    BackupCut,
    BackupManifest,
    render_backup_manifest,
)
from mainspring.maintenance.ports import FolderEngines, MaintenancePorts
from mainspring.maintenance.signature import SIGNATURE, sign_manifest
from mainspring.ports.backup import BackupSource
from mainspring.ports.errors import StoreDamaged, StoreFailed
from mainspring.ports.signer import PublicKey, Signer
from mainspring.ports.tables import TableReader
from mainspring.sources.read import reading_table

__all__ = ["BackupReport", "refuse_occupied", "translate_file_errors", "write_backup"]


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was written.

    Args:
        digest: of the manifest, which names every file by its digest: kept elsewhere, it shows that
            nobody exchanged the whole.
        signed_by: the key that signed the manifest.
    """

    path: str
    digest: Digest
    files: int
    size_bytes: int
    signed_by: PublicKey
    cut: BackupCut
    secrets: bool
    damaged: tuple[Digest, ...]


def write_backup(
    target: Path,
    *,
    ports: MaintenancePorts,
    engines: FolderEngines,
    signer: Signer,
    secrets: BackupSource | None = None,
) -> BackupReport:
    """Write a backup of a workspace to a place where nothing is.

    Args:
        engines: what the copies are read with.
        signer: signs what was written, as a whole.
        secrets: private keys and the owner's token, where they are to be in it, too; whoever has
            such a backup can sign and ask in their name.

    Raises: PlaceTaken FLO-024 when something is there, NotEmbedded FLO-025 for what cannot be
        copied, LeaseHeld FLO-001 while `gc` or another backup is at work, StoreFailed ENG-001,
        KeyUnusable ENG-008.
    Cost: one pass over all bytes; nobody waits for it.
    """
    sources = _Sources(
        state=_source("state", ports.state),
        log=_source("log", ports.log),
        objects=_source("objects", ports.objects),
        secrets=secrets,
        tables=ports.tables,
    )
    target, signed_by = target.absolute(), signer.public_key
    refuse_occupied(target)
    with (
        maintenance_lease(ports.state, ports.actor),
        translate_file_errors("the backup", target),
        engines.folders.appearing(target) as root,
    ):
        manifest = _write_parts(root, sources, ports=ports, engines=engines)
        payload = render_backup_manifest(manifest)
        engines.folders.write_file(root / MANIFEST, payload)
        engines.folders.write_file(root / SIGNATURE, sign_manifest(payload, signer))
    report = _report(target, manifest, signed_by)
    ports.record(
        "backup.made",
        str(target),
        {
            "digest": report.digest,
            "journal": manifest.cut.journal,
            "secrets": manifest.secrets,
        },
    )
    return report


def refuse_occupied(place: Path) -> None:
    """Raise FLO-024 where something is that is no empty folder."""
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise PlaceTaken(path=str(place))


@contextmanager
def translate_file_errors(store: str, place: Path) -> Iterator[None]:
    """Raise FLO-024 or ENG-001 in place of the operating system's errors."""
    try:
        yield
    except FileExistsError as error:
        raise PlaceTaken(path=str(place)) from error
    except OSError as error:
        raise StoreFailed(store=store, operation="write", reason=str(error)) from error


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sources:
    """What a backup is made from."""

    state: BackupSource
    log: BackupSource
    objects: BackupSource
    secrets: BackupSource | None
    tables: TableReader


def _source(part: str, engine: object) -> BackupSource:
    """The engine, if it can copy itself."""
    if not isinstance(engine, BackupSource):
        raise NotEmbedded(part=part, product=type(engine).__name__)
    if not engine.backup_parts():
        raise NotEmbedded(part=part, product="memory")
    return engine


def _write_parts(
    root: Path, sources: _Sources, *, ports: MaintenancePorts, engines: FolderEngines
) -> BackupManifest:
    """Copy every part in the order that makes them one whole; what was written."""
    # What refers is copied before what it refers to, for each part only grows meanwhile (the lease
    # keeps `gc` away): a prediction names a version in the state, a build in the state names
    # offsets of facts, and all of them name objects.
    copied = [
        sources.log.copy_part("predictions", root),
        sources.state.copy_part("state", root),
        sources.log.copy_part("facts", root),
        sources.objects.copy_part("objects", root),
    ]
    cut = _read_cut(root, ports=ports, engines=engines)
    trimmed = _copy_trimmed(root, cut, sources.tables)
    if sources.secrets is not None:
        copied.append(sources.secrets.copy_part("secrets", root))
    # Digested only now: to read where the copies stand, they were opened.
    names = sorted([*(name for part in copied for name in part.files), *trimmed.values()])
    return BackupManifest(
        format=FORMAT,
        product=version("mainspring"),
        project=ports.project,
        made_at=ports.clock.now(),
        made_by=ports.actor,
        cut=cut,
        secrets=sources.secrets is not None,
        damaged=tuple(digest for part in copied for digest in part.damaged),
        trimmed=trimmed,
        files=tuple(
            ArchivedFile(
                path=name,
                size_bytes=(root / name).stat().st_size,
                digest=engines.folders.digest(root / name),
            )
            for name in names
        ),
    )


def _read_cut(root: Path, *, ports: MaintenancePorts, engines: FolderEngines) -> BackupCut:
    """Where the copies stand, read from the copies themselves."""
    with engines.open_state(root, ports.project) as state, engines.open_log(root) as log:
        heads = {topic: log.head(topic) for topic in log.topics()}
        kept_from = {topic: first for topic in heads if (first := log.first(topic))}
        return BackupCut(journal=state.journal_head(), heads=heads, kept_from=kept_from)


def _copy_trimmed(root: Path, cut: BackupCut, tables: TableReader) -> dict[str, str]:
    """The records of each table that the log does not hold any more, by topic the file: they never
    change, so they are of any moment.
    """
    trimmed: dict[str, str] = {}
    for topic, first in cut.kept_from.items():
        scan = tables.scan(topic)
        if scan is None:
            continue
        (root / TABLES).mkdir(mode=0o700, exist_ok=True)
        path = root / TABLES / f"{len(trimmed)}.parquet"
        with reading_table(topic):
            scan.filter(pl.col("_offset") < first).sort("_offset").sink_parquet(path)
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        if rows != first:
            raise StoreDamaged(
                store=f"table {topic}",
                reason=f"it holds {rows} of the {first} records that the log does not keep any "
                f"more",
            )
        trimmed[topic] = path.relative_to(root).as_posix()
    return trimmed


def _report(target: Path, manifest: BackupManifest, signed_by: PublicKey) -> BackupReport:
    return BackupReport(
        path=str(target),
        digest=digest_of(render_backup_manifest(manifest)),
        files=len(manifest.files),
        size_bytes=sum(file.size_bytes for file in manifest.files),
        signed_by=signed_by,
        cut=manifest.cut,
        secrets=manifest.secrets,
        damaged=manifest.damaged,
    )
