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

from mainspring.elements.events import Event, EventValue
from mainspring.elements.identity import Digest, digest_of
from mainspring.engines.local.durable import (
    appearing,
    copy_private,
    digest_of_file,
    iter_files,
    write_durably,
)
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.sqlite import copy_database
from mainspring.engines.local.state import SqliteState, copy_state
from mainspring.maintenance.errors import NotEmbedded, PlaceTaken
from mainspring.maintenance.lease import maintenance_lease
from mainspring.maintenance.manifest import (
    FORMAT,
    INFERENCE_LOG,
    LOG,
    MANIFEST,
    OBJECTS,
    SECRETS,
    STATE,
    TABLES,
    ArchivedFile,
    BackupCut,
    BackupManifest,
    render_backup_manifest,
)
from mainspring.ports.errors import ObjectDamaged, StoreDamaged, StoreFailed
from mainspring.project.kinds.evaluation import Runtime

__all__ = ["BackupReport", "refuse_occupied", "translate_file_errors", "write_backup"]


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was written.

    Args:
        digest: of the manifest, which names every file by its digest: kept elsewhere, it shows that
            nobody exchanged the whole.
    """

    path: str
    digest: Digest
    files: int
    size_bytes: int
    cut: BackupCut
    secrets: bool
    damaged: tuple[Digest, ...]


def write_backup(
    folder: Path | None, target: Path, *, tools: Runtime, secrets: bool = False
) -> BackupReport:
    """Write a backup of the workspace in a folder to a place where nothing is.

    Args:
        secrets: carry private keys and the owner's token, too; whoever has such a backup can sign
            and ask in their name.

    Raises: FLO-024 when something is there, FLO-025 for what does not lie in the folder, FLO-001
        while `gc` or another backup is at work, ENG-001.
    Cost: one pass over all bytes; nobody waits for it.
    """
    source = _embedded(folder, tools)
    target = target.absolute()
    refuse_occupied(target)
    with (
        maintenance_lease(tools),
        translate_file_errors("the backup", target),
        appearing(target) as root,
    ):
        manifest = _Writing(source, root, tools).write(secrets=secrets)
    report = _report(target, manifest)
    facts: dict[str, EventValue] = {
        "digest": report.digest,
        "journal": manifest.cut.journal,
        "secrets": secrets,
    }
    at = tools.clock.now()
    tools.state.commit(
        [],
        [
            Event(
                kind="backup.made",
                project=tools.project,
                actor=tools.actor,
                at=at,
                subject=str(target),
                facts=facts,
            )
        ],
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


@dataclass(frozen=True, eq=False)
class _Writing:
    """A backup on its way, in a folder of its own."""

    folder: Path
    root: Path
    tools: Runtime

    def write(self, *, secrets: bool) -> BackupManifest:
        """Copy every part in the order that makes them one whole, and write the manifest last."""
        copy_database(self.folder / INFERENCE_LOG, self.root / INFERENCE_LOG)
        copy_state(self.folder / STATE, self.root / STATE)
        copy_database(self.folder / LOG, self.root / LOG)
        damaged = self._copy_objects()
        cut = self._cut()
        trimmed = self._copy_trimmed(cut)
        if secrets:
            self._copy_secrets()
        manifest = BackupManifest(
            format=FORMAT,
            product=version("mainspring"),
            project=self.tools.project,
            made_at=self.tools.clock.now(),
            made_by=self.tools.actor,
            cut=cut,
            secrets=secrets,
            damaged=damaged,
            trimmed=trimmed,
            files=tuple(
                ArchivedFile(path=name, size_bytes=path.stat().st_size, digest=digest_of_file(path))
                for name, path in iter_files(self.root)
            ),
        )
        write_durably(self.root / MANIFEST, render_backup_manifest(manifest))
        return manifest

    def _copy_objects(self) -> tuple[Digest, ...]:
        """Every object with its digest checked; those that are damaged already, which are left
        out.
        """
        copies, damaged = FileObjects(self.root / OBJECTS), list[Digest]()
        for digest in sorted(self.tools.objects.iter_digests()):
            try:
                copies.write(self.tools.objects.read(digest))
            except ObjectDamaged:
                damaged.append(digest)
        return tuple(damaged)

    def _cut(self) -> BackupCut:
        """Where the copies stand, read from the copies themselves."""
        state, log = SqliteState(self.root / STATE, self.tools.project), SqliteLog(self.root / LOG)
        try:
            heads = {topic: log.head(topic) for topic in log.topics()}
            kept_from = {topic: first for topic in heads if (first := log.first(topic))}
            return BackupCut(journal=state.journal_head(), heads=heads, kept_from=kept_from)
        finally:
            state.close()
            log.close()

    def _copy_trimmed(self, cut: BackupCut) -> dict[str, str]:
        """The records of each table that the log does not keep any more: they never change, so they
        are of any moment.
        """
        trimmed: dict[str, str] = {}
        for topic, first in cut.kept_from.items():
            scan = self.tools.tables.scan(topic)
            if scan is None:
                continue
            (self.root / TABLES).mkdir(mode=0o700, exist_ok=True)
            path = self.root / TABLES / f"{len(trimmed)}.parquet"
            scan.filter(pl.col("_offset") < first).sort("_offset").sink_parquet(path)
            rows = pl.scan_parquet(path).select(pl.len()).collect().item()
            if rows != first:
                raise StoreDamaged(
                    store=f"table {topic}",
                    reason=f"it holds {rows} of the {first} records that the log does not keep "
                    f"any more",
                )
            trimmed[topic] = path.relative_to(self.root).as_posix()
        return trimmed

    def _copy_secrets(self) -> None:
        for part in SECRETS:
            source = self.folder / part
            files = (
                [path for _, path in iter_files(source)]
                if source.is_dir()
                else [source]
                if source.exists()
                else []
            )
            for path in files:
                copy = self.root / path.relative_to(self.folder)
                copy.parent.mkdir(mode=0o700, exist_ok=True)
                copy_private(path, copy)


def _embedded(folder: Path | None, tools: Runtime) -> Path:
    """The folder, if all that is copied from files lies in it."""
    for part, engine, wanted in (
        ("state", tools.state, SqliteState),
        ("log", tools.log, SqliteLog),
        ("objects", tools.objects, FileObjects),
    ):
        if folder is None or not isinstance(engine, wanted):
            raise NotEmbedded(
                part=part, product="memory" if folder is None else type(engine).__name__
            )
    assert folder is not None
    return folder


def _report(target: Path, manifest: BackupManifest) -> BackupReport:
    return BackupReport(
        path=str(target),
        digest=digest_of(render_backup_manifest(manifest)),
        files=len(manifest.files),
        size_bytes=sum(file.size_bytes for file in manifest.files),
        cut=manifest.cut,
        secrets=manifest.secrets,
        damaged=manifest.damaged,
    )
