"""What the verbs of a project work with: one of each port, chosen by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.log import LogWriter
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.signer import Signer, Verifier
from mainspring.ports.state import StateStore
from mainspring.ports.tables import TableWriter
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model

__all__ = ["Runtime", "TemporaryStores", "Trainer"]


class TemporaryStores(NamedTuple):
    """Empty stores for one check, gone when it is."""

    log: LogWriter
    online: OnlineWriter


class Trainer(Protocol):
    """Fits a model on the rows of a training set.  Raises: TRA-0xx, ENG-006, ENG-007."""

    def __call__(
        self, model: Model, card: TrainingSetCard, *, fingerprint: Digest, code: Digest
    ) -> TrainedModel:
        """The fitted, exported and checked model."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Runtime:
    """The ports, and who uses them for which project.

    Args:
        clock: the time of the world, for records.
        data_clock: the time of the data, at which features are read; the same, unless an
            environment looks at history.
        trainer: fits a model, in a process of its own where there is a disk.
        scratch: makes empty stores for a check.
    """

    project: ProjectName
    actor: Actor
    state: StateStore
    log: LogWriter
    tables: TableWriter
    online: OnlineWriter
    objects: ObjectWriter
    trainer: Trainer
    scratch: Callable[[], TemporaryStores]
    scorers: ScorerLoader
    signer: Signer
    verifier: Verifier
    clock: Clock
    data_clock: Clock
    ids: Ids
