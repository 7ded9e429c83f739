"""The composition root: objects are made from configuration here and nowhere else.

A workspace is one project in one environment.  On disk its state lies in `.mainspring/` beside the
project; in memory nothing is written anywhere.
"""

import getpass
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mainspring.app.engines import open_stores
from mainspring.app.models.exporters import export_model
from mainspring.app.models.scorers import OnnxScorerLoader
from mainspring.app.models.trainer import ProcessTrainer
from mainspring.app.planning import state_folder
from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros, parse_instant
from mainspring.engines.local.clock import RandomIds, SystemClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.tables import MemoryTables
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey, Signer
from mainspring.project.kinds.evaluation import Runtime, TemporaryStores
from mainspring.project.loader.load import Project, load_definitions, load_project
from mainspring.training.fit import TrainingBackend
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model
from mainspring.training.train import train_in_memory

__all__ = [
    "Composed",
    "OffsetClock",
    "approver_signer",
    "compose_in_memory",
    "compose_on_disk",
    "public_keys",
]


class OffsetClock:
    """A clock that was set to another time and runs on from there, for historical data."""

    def __init__(self, clock: Clock, starts_at: Micros) -> None:
        self._clock, self._offset = clock, starts_at - clock.now()

    def now(self) -> Micros:
        """The present instant there."""
        return self._clock.now() + self._offset


class Composed(NamedTuple):
    """A project with the engines of one environment; `folder` is None in memory."""

    project: Project
    tools: Runtime
    folder: Path | None


def compose_on_disk(path: Path, env: str, *, actor: str = "", as_of: str = "") -> Composed:
    """The project at a folder or file, and its engines.

    Args:
        actor: who acts; default: the user of this process.
        as_of: where the clock of the data starts; default: what the environment's configuration
            says, else now.

    Raises: ProjectErrors PRJ-020 with every mistake in the project, UnknownEnvironment ACC-004 for
        an unknown environment, StoreUnreachable ENG-012, ProductMissing ENG-013 or SecretMissing
        ENG-014 for an engine that cannot be opened.
    """
    project = load_project(path)
    config = project.config.environment(env)
    folder = state_folder(path)
    clock, stores = SystemClock(), open_stores(config.engines, folder, project=project.config.name)
    moment = as_of or config.as_of
    tools = Runtime(
        project=ProjectName(project.config.name),
        actor=Actor(actor or f"person:{getpass.getuser()}"),
        state=SqliteState(folder / "state.db", ProjectName(project.config.name), clock=clock),
        log=stores.log,
        tables=stores.tables,
        online=stores.online,
        objects=stores.objects,
        trainer=ProcessTrainer(path.resolve(), stores.objects, folder=folder),
        scorers=OnnxScorerLoader(),
        signer=FileSigner.load_or_create(folder / "keys" / "tester"),
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=OffsetClock(clock, parse_instant(moment)) if moment else clock,
        ids=RandomIds(clock),
        temporary_stores=_temporary_stores,
    )
    return Composed(project, tools, folder)


def compose_in_memory(
    definitions: Iterable[object], env: str, *, clock: Clock | None = None
) -> Composed:
    """These declarations, with engines that write nothing to disk.

    Args:
        clock: of world and data; default: the machine's.
    """
    project = load_definitions(definitions)
    project.config.environment(env)
    clock, objects = clock or SystemClock(), MemoryObjects()
    tools = Runtime(
        project=ProjectName(project.config.name),
        actor=Actor(f"person:{getpass.getuser()}"),
        state=SqliteState(None, ProjectName(project.config.name), clock=clock),
        log=SqliteLog(None),
        tables=MemoryTables(),
        online=SqliteOnline(None),
        objects=objects,
        trainer=partial(_train_here, objects=objects),
        scorers=OnnxScorerLoader(),
        signer=FileSigner.in_memory(),
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=clock,
        ids=RandomIds(clock),
        temporary_stores=_temporary_stores,
    )
    return Composed(project, tools, None)


def approver_signer(folder: Path | None) -> FileSigner:
    """The key that approvals are signed with; made on first use.  Raises: KeyUnusable ENG-008."""
    if folder is None:
        return FileSigner.in_memory()
    return FileSigner.load_or_create(folder / "keys" / "approver")


def public_keys(folder: Path | None, tester: Signer) -> dict[str, PublicKey]:
    """The public half of each key of a state folder, by role."""
    approver = folder / "keys" / "approver" if folder else None
    keys = {"tester": tester.public_key}
    if approver and approver.exists():
        keys["approver"] = FileSigner.load_or_create(approver).public_key
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
    tools = TrainingBackend(objects=objects, export=export_model, scorers=OnnxScorerLoader())
    return train_in_memory(
        model,
        parse_training_rows(objects.read(card.digest)),
        card,
        tools=tools,
        fingerprint=fingerprint,
        code=code,
    )
