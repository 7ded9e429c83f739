"""Ports of exported models: their bytes, and the scorers that run them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainspring.ports.placement import ON_CPU, Placed, Placement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "EXPORTABLE",
    "ExportableClasses",
    "ExportedModel",
    "Scorer",
    "ScorerLoader",
    "exportable_in_words",
]


class ExportableClasses(NamedTuple):
    """The classes of a library that can be exported exactly.

    Args:
        title: the library, as people call it.
        predictors: alone, or at the end of a Pipeline.
        transformers: before that, in a Pipeline.
    """

    title: str
    predictors: tuple[str, ...]
    transformers: tuple[str, ...] = ()


EXPORTABLE: Mapping[str, ExportableClasses] = {
    "lightgbm": ExportableClasses(
        "LightGBM", ("Booster", "LGBMClassifier", "LGBMRanker", "LGBMRegressor")
    ),
    "sklearn": ExportableClasses(
        "scikit-learn",
        ("ElasticNet", "Lasso", "LinearRegression", "LogisticRegression", "Ridge"),
        ("ColumnTransformer", "OneHotEncoder", "SimpleImputer", "StandardScaler"),
    ),
}
"""By the package that the classes are imported from.  What has a method `to_onnx()` exports itself,
whatever its class.
"""


def exportable_in_words() -> str:
    """What can be exported, for messages."""
    said = [f"{library.title} ({', '.join(library.predictors)})" for library in EXPORTABLE.values()]
    before = ", ".join(EXPORTABLE["sklearn"].transformers)
    return f"{', '.join(said)}, also in a Pipeline behind {before}; any object with to_onnx()"


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
    Errors: ENG-201 when the matrix has another width than the model, SRV-048 when the deadline of
        the request came before the scores.
    """

    @property
    def feature_count(self) -> int:
        """The number of columns of its input matrix; -1 for any."""
        ...

    @property
    def datatype(self) -> str:
        """What it computes with, FP64 or FP32: the matrix is rounded to it."""
        ...

    @property
    def score_shape(self) -> tuple[int, ...]:
        """Of what `predict` gives, -1 for the rows: `(-1,)`, or `(-1, classes)`."""
        ...

    @property
    def placed(self) -> Placed:
        """Where it computes."""
        ...

    def predict(self, matrix: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Scores: `(rows,)` for one output, `(rows, classes)` for several.  NaN stands for a
        missing value.
        """
        ...


class ScorerLoader(Protocol):
    """Opens models."""

    def open(self, model: ExportedModel, place: Placement = ON_CPU) -> Scorer:
        """A scorer of the model, at its place or the declared fallback.  Errors: ENG-202 when the
        bytes are not a model of this format, ENG-205 when they hold what no model needs; SRV-120 to
        SRV-122 when it cannot compute there and no fallback is declared.
        """
        ...
