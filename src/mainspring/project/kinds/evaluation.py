"""What the kinds of assets work with while a plan is applied: ports, and what the run has made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.elements.stored import render_stored
from mainspring.flow.step import StepOutcome
from mainspring.gates.verdict import Verdict
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.log import LogWriter
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.signer import Signer, Verifier
from mainspring.ports.state import Change, StateStore
from mainspring.ports.tables import TableWriter
from mainspring.project.kinds.asset import Asset
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.environment import Build, build_key
from mainspring.registry.errors import BuildMissing
from mainspring.registry.read_environment import read_build
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model

__all__ = [
    "Evaluation",
    "Runtime",
    "StageProgressCallback",
    "TemporaryStores",
    "Trainer",
]

StageProgressCallback = Callable[[str, int, int], None]
"""Called with the asset, and how many rows of how many are done."""


class TemporaryStores(NamedTuple):
    """Empty stores for one check, gone when it is."""

    log: LogWriter
    online: OnlineWriter


class Trainer(Protocol):
    """Fits a model on the rows of a training set.  Raises: a TrainingError TRA-001 to TRA-024,
    TaskFailed ENG-006, TaskOverdue ENG-007.
    """

    def __call__(
        self, model: Model, card: TrainingSetCard, *, fingerprint: Digest, code: Digest
    ) -> TrainedModel:
        """The fitted, exported and checked model."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Runtime:
    """The ports that plans are made and applied with, and who applies them for which project.

    Args:
        clock: the time of the world, for records.
        data_clock: the time of the data, at which features are read; the same, unless an
            environment looks at history.
        signer: signs verdicts; `releaser`: where environments move to.
        trainer: fits a model, in a process of its own where there is a disk.
        temporary_stores: makes empty stores for a check.
    """

    project: ProjectName
    actor: Actor
    state: StateStore
    log: LogWriter
    tables: TableWriter
    online: OnlineWriter
    objects: ObjectWriter
    trainer: Trainer
    temporary_stores: Callable[[], TemporaryStores]
    scorers: ScorerLoader
    signer: Signer
    releaser: Signer
    verifier: Verifier
    clock: Clock
    data_clock: Clock
    ids: Ids


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """One run of a plan: what stages are performed with, and what they have made so far.

    Args:
        assets: the declared assets, whose fingerprints are those that the plan names; empty for a
            plan that builds nothing.
        root: the folder that files of sources are relative to.
        schemas: the columns of each source.
        partitions: into how many parts the online state of a view is divided.
        history_bytes: the memory that an answer from history gives to facts; None: half of the
            machine's.
        builds: the build of every asset that this run made or found, by asset; filled as it goes.
        verdicts: those of this run, as they are reached.
    """

    runtime: Runtime
    environment: str
    reason: str
    assets: Mapping[str, Asset]
    root: str
    schemas: Mapping[str, Schema]
    partitions: int
    progress: StageProgressCallback
    builds: dict[str, Build]
    history_bytes: int | None = None
    verdicts: list[Verdict] = field(default_factory=list)

    def build_of(self, asset: str, fingerprint: Digest) -> Build:
        """The build of an asset that this run made or found; of a stage that an earlier run
        finished, what that run put on record.

        Raises: BuildMissing REG-009.
        """
        if asset not in self.builds:
            found = read_build(self.runtime.state, asset, fingerprint)
            if found is None:
                raise BuildMissing(asset=asset)
            self.builds[asset] = found
        return self.builds[asset]

    def record(
        self,
        stage: StageRecord,
        digest: Digest,
        *,
        rows: int,
        inputs: Mapping[str, int],
        facts: Mapping[str, EventValue],
        cpu_s: float = 0.0,
    ) -> StepOutcome:
        """Put the build on record; the artifacts that it names are written already."""
        state, at = self.runtime.state, self.runtime.clock.now()
        build = Build(
            asset=stage.asset,
            fingerprint=stage.fingerprint,
            digest=digest,
            made_at=at,
            inputs=dict(inputs),
            rows=rows,
            facts=dict(facts),
        )
        event = Event(
            kind="build.made",
            project=self.runtime.project,
            actor=self.runtime.actor,
            at=at,
            subject=stage.asset,
            environment=self.environment,
            facts={"digest": digest, "fingerprint": stage.fingerprint, "rows": rows, **facts},
        )
        key = build_key(stage.asset, stage.fingerprint)
        state.commit([Change("build", key, render_stored(build))], [event])
        self.builds[stage.asset] = build
        return StepOutcome(facts=dict(facts), rows=rows, cpu_s=cpu_s)
