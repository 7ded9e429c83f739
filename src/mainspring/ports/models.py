"""Ports of exported models: their bytes, and the scorers that run them."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ExportedModel", "Scorer", "ScorerLoader"]


class ExportedModel(NamedTuple):
    """A model as canonical bytes: equal fits give equal bytes.

    Args:
        format: `onnx`.
        payload: the model.
        output: what a score means: `probability` (of the positive class), `probabilities` or
            `value`.
    """

    format: str
    payload: bytes
    output: str


class Scorer(Protocol):
    """Scores rows with one model.

    Guarantees: a row's score does not depend on the rows beside it, to the bit; safe to call from
        several threads.
    Errors: ENG-201 when the matrix has another width than the model.
    """

    @property
    def feature_count(self) -> int:
        """The number of columns of its input matrix; -1 for any."""
        ...

    @property
    def datatype(self) -> str:
        """What it computes with, FP64 or FP32: the matrix is rounded to it."""
        ...

    def predict(self, matrix: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Scores: `(rows,)` for one output, `(rows, classes)` for several.  NaN stands for a
        missing value.
        """
        ...


class ScorerLoader(Protocol):
    """Opens models."""

    def open(self, model: ExportedModel) -> Scorer:
        """A scorer of the model.  Errors: ENG-202 when the bytes are not a model of this
        format.
        """
        ...
