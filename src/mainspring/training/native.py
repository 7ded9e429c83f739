"""The scores of the native model, by scikit-learn's interface, with the meaning that the export
declares.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mainspring.training.errors import NotScorable

__all__ = ["native_scores"]


@runtime_checkable
class _Classifier(Protocol):
    """An estimator that gives probabilities."""

    def predict_proba(self, matrix: NDArray[np.float64], /) -> object:
        """Probabilities, (rows, classes)."""
        ...


@runtime_checkable
class _Predictor(Protocol):
    """An estimator that gives values."""

    def predict(self, matrix: NDArray[np.float64], /) -> object:
        """Values, (rows,) or (rows, outputs)."""
        ...


def native_scores(
    model: str, estimator: object, *, matrix: NDArray[np.float64], output: str
) -> NDArray[np.float64]:
    """The scores of the fitted estimator: `(rows,)` for `probability` and `value`, `(rows,
    classes)` for `probabilities`.

    An estimator without `predict_proba`, such as LightGBM's own Booster, is taken to predict
    probabilities if its export declares so.

    Raises: NotScorable TRA-007.
    """
    if output.startswith("probabilit") and isinstance(estimator, _Classifier):
        probabilities = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
        return (
            np.ascontiguousarray(probabilities[:, 1]) if output == "probability" else probabilities
        )
    if isinstance(estimator, _Predictor):
        values = np.asarray(estimator.predict(matrix), dtype=np.float64)
        return values.reshape(-1) if output != "probabilities" else values
    raise NotScorable(model=model, estimator=type(estimator).__name__, method="predict")
