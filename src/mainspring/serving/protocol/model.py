"""A model as the protocol sees it: a name, a version, and what its tensors may be sent as."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.ports.limits import MAX_ROWS
from mainspring.ports.models import Scorer
from mainspring.ports.tensors import Array, TensorModel, TensorSpec
from mainspring.serving.finite import require_finite
from mainspring.serving.protocol.datatypes import NUMERIC

__all__ = [
    "INPUT",
    "OUTPUT",
    "AnswerCheck",
    "InputRule",
    "ProtocolModel",
    "matrix_model",
    "tensor_model",
]

INPUT, OUTPUT = "features", "score"


class InputRule(NamedTuple):
    """How an input may be sent.

    Args:
        datatypes: that it may have; values are converted to the model's where both have them.
        columns: names of the last dimension's places, for errors; empty where they have none.
    """

    spec: TensorSpec
    datatypes: frozenset[str]
    columns: Sequence[str] = ()

    def place_of(self, shape: Sequence[int]) -> Callable[[int], str]:
        """Says where the value with a number stands in a tensor of this shape."""

        def place(number: int) -> str:
            if len(shape) == 2:
                row, column = divmod(number, shape[1])
                return f"row {row}, column {self.columns[column] if self.columns else column!r}"
            indexes = np.unravel_index(number, shape) if len(shape) > 1 else (number,)
            return f"value {[*map(int, indexes)]}"

        return place


AnswerCheck = Callable[
    [Mapping[str, Array], Sequence[Array]],
    None,
]
"""Raises for answers that the model should not give, told the inputs."""


def _accept(_inputs: Mapping[str, Array], _answers: Sequence[Array]) -> None:
    """Any answer."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ProtocolModel:
    """A version of a model, ready to answer.

    Args:
        version: as metadata and answers name it.
        columns: the names of the columns of its one input; empty where it has no such thing.
        classes: the names of the columns of its one output; empty where they have none.
        max_rows: of a request; None for a model that does not answer row by row.
    """

    name: str
    version: str
    model: TensorModel
    inputs: Mapping[str, InputRule]
    outputs: Mapping[str, TensorSpec]
    columns: Sequence[str] = ()
    classes: Sequence[str] = ()
    check: AnswerCheck = _accept
    max_rows: int | None = MAX_ROWS


def tensor_model(name: str, version: str, model: TensorModel) -> ProtocolModel:
    """A model by its own signature; each tensor is sent as the datatype that it says."""
    return ProtocolModel(
        name=name,
        version=version,
        model=model,
        inputs={spec.name: InputRule(spec, frozenset({spec.datatype})) for spec in model.inputs},
        outputs={spec.name: spec for spec in model.outputs},
        max_rows=MAX_ROWS if model.is_rowwise else None,
    )


def matrix_model(
    name: str,
    version: str,
    scorer: Scorer,
    columns: Sequence[str],
    *,
    classes: Sequence[str] = (),
) -> ProtocolModel:
    """A scorer as the protocol sees it: one matrix, of any datatype of numbers, and its scores."""
    model = _MatrixModel(scorer, columns)
    [takes], [gives] = model.inputs, model.outputs
    return ProtocolModel(
        name=name,
        version=version,
        model=model,
        columns=columns,
        classes=classes,
        inputs={takes.name: InputRule(takes, NUMERIC, columns)},
        outputs={gives.name: gives},
        check=model.require_finite,
    )


class _MatrixModel:
    """A scorer of matrices as a model with one input and one output.

    Args:
        columns: the names of the columns of the matrix; empty where it takes any number of them.
    """

    platform, is_rowwise = "onnx", True

    def __init__(self, scorer: Scorer, columns: Sequence[str]) -> None:
        self._scorer, self._columns, self.placed = scorer, columns, scorer.placed
        self.inputs = (TensorSpec(INPUT, scorer.datatype, (-1, len(columns) or -1)),)
        self.outputs = (TensorSpec(OUTPUT, "FP64", scorer.score_shape),)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        matrix = _as_doubles(inputs[INPUT])
        return [self._scorer.predict(matrix)] * len(outputs)

    def require_finite(self, inputs: Mapping[str, Array], answers: Sequence[Array]) -> None:
        matrix = _as_doubles(inputs[INPUT])
        columns: Sequence[object] = self._columns or range(matrix.shape[1])

        def missing_in(rows: Sequence[int]) -> list[object]:
            lacking = np.isnan(matrix[rows]).any(axis=0)
            return [columns[place] for place in np.flatnonzero(lacking).tolist()]

        for scores in answers:
            require_finite(scores.astype(np.float64, copy=False), missing_in)


def _as_doubles(matrix: Array) -> NDArray[np.float64]:
    if matrix.dtype == np.float64:
        return matrix.astype(np.float64, copy=False)
    # A NaN that signals, which binary data may hold, is a missing value like others.
    with np.errstate(invalid="ignore"):
        return matrix.astype(np.float64)
