"""The composition root: objects are made from configuration here and nowhere else.

A workspace is one project in one environment.  On disk its state lies in `.mainspring/` beside the
project; in memory nothing is written anywhere.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mainspring.app.actor import actor_or_user
from mainspring.app.engines import log_store, open_compute, open_state, open_stores
from mainspring.app.models.exporters import export_model
from mainspring.app.models.scorers import OnnxScorerLoader
from mainspring.app.models.trainer import ProcessTrainer
from mainspring.app.planning import has_state, state_folder
from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.events import ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.time import parse_instant
from mainspring.engines.local.clock import OffsetClock, RandomIds, SystemClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.sequences import FileSequences
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.tables import MemoryTables
from mainspring.engines.local.unopened import open_or_defer
from mainspring.gates.release.memory import SequenceMemory
from mainspring.maintenance.upgrade import upgrade_workspace
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey, Signer
from mainspring.project.kinds.evaluation import Runtime, TemporaryStores
from mainspring.project.loader.load import LoadableProject, UnloadedProject, load_definitions
from mainspring.project.loader.trusted import TrustedSettings
from mainspring.sources.watch import LogWatch, WatchedLog
from mainspring.training.fit import TrainingBackend
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model
from mainspring.training.train import train_in_memory

__all__ = [
    "ComposedWorkspace",
    "OffsetClock",
    "approver_signer",
    "compose_in_memory",
    "compose_on_disk",
    "public_keys",
    "releaser_signer",
]


class ComposedWorkspace(NamedTuple):
    """A project with the engines of one environment; `folder` is None in memory, and `memory` where
    what was seen is kept no longer than the process lives.
    """

    project: LoadableProject
    runtime: Runtime
    folder: Path | None
    memory: SequenceMemory | None = None


def compose_on_disk(
    path: Path, env: str, *, actor: str = "", as_of: str = "", trust: Path | None = None
) -> ComposedWorkspace:
    """The project at a folder or file, and its engines.

    What it declares is loaded when it is first asked for, so that what was applied can be served
    and looked at also where the project's files do not load any more.

    Args:
        actor: who acts, NotAnActor ACC-030 for what names nobody; default: the user of this
            process.
        as_of: where the clock of the data starts; default: what the environment's configuration
            says, else now.
        trust: a file of settings in place of the project's `project.toml`; then nothing that the
            project declares is imported.

    Raises: TrustUnusable ENG-033 for a file that others may write;
        ProjectErrors PRJ-020 with every mistake in `project.toml`,
        UnknownEnvironment ACC-004 for an unknown environment, StoreUnreachable
        ENG-012, ProductMissing ENG-013 or SecretMissing ENG-014 for an engine that cannot be
        opened, NewerFormat REG-005 for a workspace that a later release has upgraded.  Where
        nothing was ever applied: ProjectErrors PRJ-020 with every mistake in the project,
        NothingDeclared PRJ-022 where it declares nothing.
    """
    project: LoadableProject = (
        TrustedSettings.read(trust, name=path.resolve().name)
        if trust
        else UnloadedProject.open(path)
    )
    config = project.config.environment(env)
    if not has_state(path):
        # Nothing is there yet but what is declared: its mistakes are told now, before a state
        # folder is made in a place that may be no project at all.
        project = project.load()
    folder = state_folder(path)
    clock, stores = SystemClock(), open_stores(config.engines, folder, project=project.config.name)
    moment, name = as_of or config.as_of, ProjectName(project.config.name)
    who = actor_or_user(actor)
    state = open_state(config.engines.state, folder, project=name, clock=clock)
    signer = open_or_defer(lambda: FileSigner.load_or_create(folder / "keys" / "tester"))
    upgrade_workspace(state, project=name, actor=who, at=clock.now())
    watch = LogWatch(stores.log, state, log_store(config.engines))
    watch.bind()
    runtime = Runtime(
        project=name,
        actor=who,
        state=state,
        log=WatchedLog(stores.log, watch),
        tables=stores.tables,
        online=stores.online,
        objects=stores.objects,
        trainer=ProcessTrainer(
            path.resolve(),
            stores.objects,
            folder=folder,
            compute=open_compute(config.engines.compute),
        ),
        scorers=OnnxScorerLoader(),
        signer=signer,
        releaser=releaser_signer(folder, signer),
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=OffsetClock(clock, parse_instant(moment)) if moment else clock,
        ids=RandomIds(clock),
        temporary_stores=_temporary_stores,
    )
    memory = FileSequences(trust.with_name(f"{trust.name}.seen")) if trust else None
    return ComposedWorkspace(project, runtime, folder, memory)


def compose_in_memory(
    definitions: Iterable[object], env: str, *, clock: Clock | None = None
) -> ComposedWorkspace:
    """These declarations, with engines that write nothing to disk.

    Args:
        clock: of world and data; default: the machine's.
    """
    project = load_definitions(definitions)
    config = project.config.environment(env)
    clock, objects, log = clock or SystemClock(), MemoryObjects(), SqliteLog(None)
    signer = FileSigner.in_memory()
    state = open_state(config.engines.state, None, project=project.config.name, clock=clock)
    watch = LogWatch(log, state, "memory")
    # Before anything is logged: a state that knows of no log is taken for one that was lost.
    watch.bind()
    runtime = Runtime(
        project=ProjectName(project.config.name),
        actor=actor_or_user(""),
        state=state,
        log=WatchedLog(log, watch),
        tables=MemoryTables(),
        online=SqliteOnline(None),
        objects=objects,
        trainer=partial(_train_here, objects=objects),
        scorers=OnnxScorerLoader(),
        signer=signer,
        releaser=signer,
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=clock,
        ids=RandomIds(clock),
        temporary_stores=_temporary_stores,
    )
    return ComposedWorkspace(project, runtime, None)


def approver_signer(folder: Path | None) -> FileSigner:
    """The key that approvals are signed with; made on first use.  Raises: KeyUnusable ENG-008."""
    if folder is None:
        return FileSigner.in_memory()
    return FileSigner.load_or_create(folder / "keys" / "approver")


def releaser_signer(folder: Path, tester: FileSigner) -> FileSigner:
    """The key that releases and policies are signed with: one of its own where there is one, else
    that of the tester, since on one machine one key plays every role.  Raises: KeyUnusable ENG-008.
    """
    own = folder / "keys" / "releaser"
    return open_or_defer(lambda: FileSigner.load_or_create(own)) if own.exists() else tester


def public_keys(folder: Path | None, tester: Signer, releaser: Signer) -> dict[str, PublicKey]:
    """The public half of each key of a state folder, by role."""
    approver = folder / "keys" / "approver" if folder else None
    keys = {"tester": tester.public_key}
    if approver and approver.exists():
        keys["approver"] = FileSigner.load_or_create(approver).public_key
    if releaser.public_key != tester.public_key:
        keys["releaser"] = releaser.public_key
    return keys


def _temporary_stores() -> TemporaryStores:
    return TemporaryStores(SqliteLog(None), SqliteOnline(None))


def _train_here(
    model: Model,
    card: TrainingSetCard,
    *,
    fingerprint: Digest,
    code: Digest,
    objects: MemoryObjects,
) -> TrainedModel:
    backend = TrainingBackend(objects=objects, export=export_model, scorers=OnnxScorerLoader())
    return train_in_memory(
        model,
        parse_training_rows(objects.read(card.digest)),
        card,
        backend=backend,
        fingerprint=fingerprint,
        code=code,
    )
