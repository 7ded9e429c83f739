"""What a model answers to rows: one score each, and of several classes the probability of each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.classes import probabilities_of

__all__ = ["Scores", "most_probable_class", "scores_of"]


class Scores(NamedTuple):
    """The answers to rows.

    Args:
        values: one for each row, finite or not; of several classes the largest probability.
        probabilities: for each row one of each class; empty for a model of one score.
    """

    values: list[float]
    probabilities: list[list[float]]


def scores_of(found: NDArray[np.float64], classes: int) -> Scores:
    """What a scorer gave, as answers.

    Args:
        classes: how many the model tells apart; 0 for a model of one score.

    Shapes: (rows,), or (rows, classes).
    """
    if not classes:
        return Scores(found.tolist(), [])
    each = probabilities_of(found)
    # NaN is the largest of all here, so a row that has one is not answered.
    return Scores(each.max(axis=1).tolist(), each.tolist())


def most_probable_class(classes: Sequence[str], probabilities: Sequence[float]) -> str:
    """The most probable class, the first of equally probable ones.

    >>> most_probable_class(["a", "b", "c"], [0.2, 0.4, 0.4])
    'b'
    """
    return classes[probabilities.index(max(probabilities))]
