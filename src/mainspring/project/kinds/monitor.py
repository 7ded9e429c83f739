"""Monitors: what live data is compared with, made from what a model was trained on."""

from collections.abc import Iterator

import polars as pl

from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.definition import (
    compile_training_set_definition,
    parse_training_set_definition,
)
from mainspring.datasets.encoding import encode_frame, parse_encoding
from mainspring.datasets.predictions import parse_predictions
from mainspring.elements.errors import DeclarationError
from mainspring.flow.step import StepOutcome
from mainspring.monitoring.baseline import HoldoutPredictions, make_baseline, render_baseline
from mainspring.monitoring.ingested import rows_ever
from mainspring.monitoring.spec import Monitor
from mainspring.project.faults.serving import monitor_faults
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.read import read_version

__all__ = ["BuildBaseline", "MonitorKind"]


class BuildBaseline(StageRecord, frozen=True, kw_only=True, tag="build_baseline"):
    """Summarise what a monitored model was trained on, to compare live data with."""

    model: str


class MonitorKind(Kind[Monitor]):
    """Monitors.  Their build is a baseline."""

    name, declares, stages = "monitor", Monitor, (BuildBaseline,)

    def own(self, declaration: Declaration) -> Monitor:
        """The declaration, as a monitor."""
        assert isinstance(declaration, Monitor)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its model."""
        return (self.own(declaration).model,)

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """A sensitivity that can never or always be exceeded, a model of another project."""
        yield from monitor_faults(self.own(declaration), scope.root, scope.schemas)

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """One baseline."""
        if inputs.is_rebuilt:
            yield BuildBaseline(
                **inputs.build_fields(asset, reason=reason),
                model=asset.parents[0],
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Summarise features, labels and scores of the model's training set."""
        assert isinstance(stage, BuildBaseline)
        objects, state = evaluation.runtime.objects, evaluation.runtime.state
        model = evaluation.build_of(stage.model, stage.parents[stage.model])
        version = read_version(state, model.digest)
        rows = parse_training_rows(objects.read(version.training_set))
        fitted = rows.filter(pl.col("_split") == "fit")
        encoding = parse_encoding(objects.read(version.encoding))
        judged = parse_predictions(objects.read(version.predictions))
        definition = parse_training_set_definition(objects.read(version.definition))
        baseline = make_baseline(
            encode_frame(fitted, encoding),
            encoding.column_names,
            times=fitted["_prediction_time"].to_numpy(),
            labels=fitted["_label"].cast(pl.Float64).to_numpy(),
            holdout=HoldoutPredictions(
                judged.scores, judged.labels, judged.frame["_prediction_time"].to_numpy()
            ),
            ingested={
                source.name: rows_ever(evaluation.runtime.log, source.stream)
                for source in compile_training_set_definition(definition).sources
            },
        )
        return evaluation.record(
            stage,
            objects.write(render_baseline(baseline)),
            rows=fitted.height,
            inputs={},
            facts={"columns": len(baseline.features), "model": version.digest},
        )

    def rows_read(self, stage: StageRecord, outcome: StepOutcome, evaluation: Evaluation) -> int:
        """The rows of the model's training set."""
        del stage, evaluation
        return outcome.rows
