"""Measures the figures of docs/leakage.md: a model without leakage beside models with it, on their
own test rows and on the features that they would get in production.

Declarations, features, joins and fits are those of the projects; only storage is in memory.
"Served" means the features of the honest project, which are what an endpoint reads one hour before
departure; `parity` compares a sample of them with the online path, byte by byte.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.build import BuiltTrainingSet, CompiledTrainingSet, build_training_set
from mainspring.datasets.definition import compile_training_set_definition
from mainspring.datasets.encoding import encode_frame, learn_encoding
from mainspring.elements.time import DAY, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.history.reader import HistoryReader
from mainspring.features.online.parity import ParityReport, check_parity, sample_instants
from mainspring.gates.check.no_leakage import check_no_leakage
from mainspring.gates.spec import no_leakage
from mainspring.project.kinds.definition import training_set_definition_of
from mainspring.project.loader.load import load_project
from mainspring.sources.facts import read_source_rows
from mainspring.sources.ingest import CompiledSource, SourceWriter
from mainspring.sources.spec import Source
from mainspring.stats.log_loss import log_loss
from mainspring.stats.roc_auc import roc_auc
from mainspring.training.run import TrainData, TrainingRun
from mainspring.training.spec import Model

__all__ = ["Figures", "TrainedProject", "train_project"]


class _Estimator(Protocol):
    def predict_proba(self, rows: NDArray[np.float64], /) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Figures:
    """How a model does on the flights of October to December that landed."""

    roc_auc: float
    log_loss: float

    def __str__(self) -> str:
        return f"{self.roc_auc:.3f} / {self.log_loss:.3f}"


@dataclass(frozen=True, eq=False)
class TrainedProject:
    """A project's training set, and its model fitted on it."""

    root: Path
    compiled: CompiledTrainingSet
    built: BuiltTrainingSet
    score: "Scorer"
    log: SqliteLog = field(repr=False)
    _served: dict[Path, Figures] = field(default_factory=dict, repr=False)

    @cached_property
    def tested(self) -> pl.DataFrame:
        """The rows that the model is judged on."""
        return self.built.frame.filter(pl.col("_split") == "test")

    def offline(self) -> Figures:
        """Judged on rows of its own training set, as everybody does."""
        return self.served(self)

    def served(self, honest: "TrainedProject") -> Figures:
        """Judged on the features that it would be given in earnest: those of the honest project,
        one hour before departure.
        """
        if honest.root not in self._served:
            self._served[honest.root] = self._judged_on(honest.tested)
        return self._served[honest.root]

    def _judged_on(self, rows: pl.DataFrame) -> Figures:
        labels, scores = rows["_label"].cast(pl.Float64).to_numpy(), self.score(rows)
        return Figures(roc_auc(labels, scores), log_loss(labels, scores))

    def verdict(self) -> str:
        """What the gate `no_leakage` says."""
        places = {
            view.view.name: f"{Path(view.view.declared_at.path).name}:{view.view.declared_at.line}"
            for view in self.compiled.views
        }
        return check_no_leakage(no_leakage(), self.built.card, {}, places).summary

    def parity(self, *, instants: int = 3, rows: int = 100) -> ParityReport:
        """A sample of the test rows read by the online path, and compared with the training
        set.
        """
        chosen = sample_instants(
            self.tested["_prediction_time"].to_list(), instants=instants, seed=0
        )
        samples = [
            self.tested.filter(pl.col("_prediction_time") >= instant).head(rows)
            for instant in chosen
        ]
        reports = [
            check_parity(self.compiled.views, sample, log=self.log, online=SqliteOnline(None))
            for sample in samples
        ]
        return ParityReport(
            *(
                sum(getattr(report, name) for report in reports)
                for name in ("rows", "values", "differing")
            )
        )


class Scorer:
    """The project's model, fitted by the project's own function on the rows for it."""

    def __init__(self, model: Model, built: BuiltTrainingSet) -> None:
        fitted = built.frame.filter(pl.col("_split") == "fit")
        self._encoding = learn_encoding(fitted, built.card.feature_names)
        labels = fitted["_label"].cast(pl.Int64).to_numpy()
        train = TrainData.encoded(encode_frame(fitted, self._encoding), labels, self._encoding)
        self._estimator = cast("_Estimator", model.fit(train, TrainingRun(seed=model.seed)))

    def __call__(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """The probability of being late, for each row."""
        return self._estimator.predict_proba(encode_frame(rows, self._encoding))[:, 1]


def train_project(root: Path, *, share: TrainedProject | None = None) -> TrainedProject:
    """Build the training set of the project at a folder and fit its model.  Cost: about 25 s of one
    core and 2.6 GB.

    Args:
        share: a project whose sources are the same, so that its log is used again.
    """
    project = load_project(root)
    model = project.declarations.models[0]
    compiled = compile_training_set_definition(
        training_set_definition_of(model.training_set, project.schemas, project.graph.assets)
    )
    log = share.log if share else SqliteLog(None)
    if share is None:
        clock = FrozenClock(parse_instant("2014-01-01") + 30 * DAY)
        for source in compiled.sources:
            assert source.path is not None
            SourceWriter(
                CompiledSource(source, project.schemas[source.name]),
                log=log,
                clock=clock,
                objects=MemoryObjects(),
            ).write_file(root / source.path, history=True)

    def facts_of(source: Source) -> pl.DataFrame:
        return read_source_rows(source, log=log)

    built = build_training_set(compiled, HistoryReader.over(facts_of), inputs={})
    return TrainedProject(root, compiled, built, Scorer(model, built), log)
