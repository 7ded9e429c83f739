"""Backup, restore and garbage collection of a workspace, composed from its engines."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from mainspring.app.actor import actor_or_user
from mainspring.app.engines import OpenLog, OpenState, open_log, open_state, open_tables
from mainspring.elements.events import ProjectName
from mainspring.engines.local.clock import SystemClock
from mainspring.engines.local.folders import LocalFolders, SecretFiles
from mainspring.engines.local.signer import Ed25519Verifier
from mainspring.maintenance.backup import BackupReport, write_backup
from mainspring.maintenance.collect import GarbageCollector
from mainspring.maintenance.manifest import SECRETS
from mainspring.maintenance.ports import FolderEngines, MaintenancePorts
from mainspring.maintenance.restore import BackupProof, RestoreReport, restore_backup
from mainspring.ports.signer import PublicKey
from mainspring.project.config.config import STATE_FOLDER
from mainspring.project.config.engines import EngineChoices
from mainspring.project.config.read import read_config
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.load import LoadableProject
from mainspring.project.plan.read import read_origins
from mainspring.sources.topic import log_of_stream
from mainspring.sources.uploads.folder import UploadFolder
from mainspring.sources.watch import unwatched

__all__ = ["back_up_workspace", "garbage_collector_of", "restore_workspace"]

_EMBEDDED = EngineChoices()
"""What the parts of a backup are files of, whatever the project is configured to use."""


def back_up_workspace(
    runtime: Runtime, folder: Path | None, target: Path, *, secrets: bool
) -> BackupReport:
    """Write a backup of the workspace whose state lies in a folder (None: in memory).  Raises: as
    `write_backup`.
    """
    return write_backup(
        target,
        ports=_ports_of(runtime),
        engines=_folder_engines(),
        signer=runtime.signer,
        secrets=SecretFiles(folder, SECRETS) if secrets and folder else None,
    )


def restore_workspace(
    path: Path, archive: Path, *, actor: str, digest: str, trust: Sequence[str]
) -> RestoreReport:
    """Restore a backup for the project at a folder or file, whose testers may have signed it.
    Raises: as `restore_backup`.
    """
    config = read_config(path)
    testers = [key for env in config.environments.values() for key in env.trust.get("tester", ())]
    return restore_backup(
        (path if path.is_dir() else path.parent).resolve() / STATE_FOLDER,
        archive,
        project=ProjectName(config.name),
        engines=_folder_engines(),
        clock=SystemClock(),
        actor=actor_or_user(actor),
        proof=BackupProof(
            verifier=Ed25519Verifier(),
            trusted=(*testers, *map(PublicKey, trust)),
            digest=digest,
        ),
    )


def garbage_collector_of(
    runtime: Runtime, files: LoadableProject, folder: Path | None
) -> GarbageCollector:
    """What collects the garbage of all environments of a project; it is loaded only where a source
    is to be removed.
    """
    config = files.config

    def declared() -> Mapping[str, str]:
        project = files.load().with_origins(read_origins(runtime.state))
        sources = project.declarations.sources
        return {source.name: log_of_stream(source.stream) for source in sources}

    return GarbageCollector(
        ports=_ports_of(runtime),
        environments={name: env.partitions for name, env in config.environments.items()},
        folder=folder,
        folders=LocalFolders(),
        uploads=UploadFolder.of_workspace(folder, clock=runtime.clock) if folder else None,
        declared=declared,
    )


def _ports_of(runtime: Runtime) -> MaintenancePorts:
    return MaintenancePorts(
        project=runtime.project,
        actor=runtime.actor,
        state=runtime.state,
        log=unwatched(runtime.log),
        tables=runtime.tables,
        online=runtime.online,
        objects=runtime.objects,
        clock=runtime.clock,
        data_clock=runtime.data_clock,
    )


def _folder_engines() -> FolderEngines:
    return FolderEngines(
        folders=LocalFolders(),
        open_state=_open_state,
        open_log=_open_log,
        open_tables=lambda folder: open_tables(_EMBEDDED.tables, folder),
    )


def _open_state(folder: Path, project: ProjectName) -> closing[OpenState]:
    return closing(open_state(_EMBEDDED.state, folder, project=project))


def _open_log(folder: Path) -> closing[OpenLog]:
    return closing(open_log(_EMBEDDED.log, folder, project=""))
