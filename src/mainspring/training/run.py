"""The arguments of a fit function: the training rows, and a run to log to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.encoding import Encoding

__all__ = ["MetricPoint", "RunParameter", "RunRecord", "TrainData", "TrainingRun"]

RunParameter = str | int | float | bool | None
"""A value that a run may log as a parameter."""


@dataclass(frozen=True)
class TrainData:
    """The training rows, without the test rows.

    Args:
        X: (rows, features) float64 in C order; NaN is missing.  A text is its code: its place in
            the sorted texts of the fitted rows.  Null, and a text that the fitted rows do not have,
            are NaN, in training, in tests and in service alike.
        y: (rows,) int64 in {0, 1} for a boolean label, and the place in `classes` for a text;
            float64 otherwise.
        feature_names: the names of the columns of X.
        categorical: the names of those that hold codes of texts.  Codes have no order: pass the
            columns to an estimator that knows categories, or one-hot encode them.
        classes: the classes that a text as label names, sorted; empty otherwise.
    """

    X: NDArray[np.float64]
    y: NDArray[np.int64] | NDArray[np.float64]
    feature_names: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @classmethod
    def encoded(
        cls,
        matrix: NDArray[np.float64],
        labels: NDArray[np.int64] | NDArray[np.float64],
        encoding: Encoding,
        classes: tuple[str, ...] = (),
    ) -> "TrainData":
        """The rows of a matrix that `encoding` made."""
        return cls(matrix, labels, encoding.column_names, encoding.categorical, classes)

    @property
    def categorical_indices(self) -> list[int]:
        """The indices of the categorical columns, as `categorical_feature` of LightGBM and the
        columns of scikit-learn's `ColumnTransformer` take them.
        """
        return [self.feature_names.index(name) for name in self.categorical]


class MetricPoint(msgspec.Struct, frozen=True):
    """One value of a metric at a step, such as a boosting round."""

    name: str
    value: float
    step: int = 0


class RunRecord(msgspec.Struct, frozen=True):
    """Everything that a run logged, in order."""

    params: dict[str, RunParameter]
    metrics: tuple[MetricPoint, ...]
    artifacts: dict[str, bytes]


class TrainingRun:
    """The run of one fit: its seed, and the log of its parameters, metrics and artifacts.  Stable.

    >>> run = TrainingRun(seed=7)
    >>> run.log_params({"trees": 120})
    >>> run.log_metric("train_loss", 0.4, step=1)
    >>> run.record().metrics
    (MetricPoint(name='train_loss', value=0.4, step=1),)
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self._params: dict[str, RunParameter] = {}
        self._metrics: list[MetricPoint] = []
        self._artifacts: dict[str, bytes] = {}

    def log_metric(self, name: str, value: float, step: int = 0) -> None:
        """Log a value of a metric; two values of the same name and step are both stored."""
        self._metrics.append(MetricPoint(name, float(value), step))

    def log_metrics(self, name: str, values: Sequence[float]) -> None:
        """Log a curve: one value a step, from step 0."""
        self._metrics.extend(
            MetricPoint(name, float(value), step) for step, value in enumerate(values)
        )

    def log_params(self, params: Mapping[str, RunParameter]) -> None:
        """Log parameters; a later value of a name replaces the earlier one."""
        self._params.update(params)

    def log_artifact(self, name: str, payload: bytes) -> None:
        """Log a file under a name."""
        self._artifacts[name] = bytes(payload)

    def record(self) -> RunRecord:
        """What was logged so far."""
        return RunRecord(dict(self._params), tuple(self._metrics), dict(self._artifacts))
