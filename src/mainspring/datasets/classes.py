"""Several classes: what a label has to be to name one, and how the scores of a model are read."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.spec import Label
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.schema import DType, Schema

__all__ = ["names_classes", "places_of", "probabilities_of"]


def names_classes(label: Label, schema: Schema) -> bool:
    """Whether a label is a text, which names one of several classes.

    Args:
        schema: of the label's source.
    """
    return not type_faults(label.value, schema) and infer_type(label.value, schema) is DType.STRING


def places_of(labels: pl.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """The place of each label among the classes, (rows,); -1 of one that is not among them.

    >>> places_of(pl.Series(["b", "a", "z"]), ["a", "b"]).tolist()
    [1, 0, -1]
    """
    numbers = range(len(classes))
    found = labels.replace_strict(list(classes), numbers, default=-1, return_dtype=pl.Int64)
    return found.to_numpy()


def probabilities_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as a probability for each class: a model of two gives that of the second alone.

    Shapes: (rows,) or (rows, classes) to (rows, classes).

    >>> probabilities_of(np.array([0.25, 1.0])).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    if scores.ndim == 1:
        return np.stack([1.0 - scores, scores], axis=1)
    return scores
