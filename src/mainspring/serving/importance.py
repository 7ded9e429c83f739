"""What the scores of a model come from: how much each feature adds, over many rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.serving.explain import Explainer

__all__ = ["GlobalImportance", "global_importance"]

Floats = NDArray[np.float64]


class GlobalImportance(NamedTuple):
    """The mean size of each feature's contribution.

    Args:
        method: as of `Explanation`; `exact`: as of the contributions.
        rows: over so many.
        sizes: by feature, the largest first, on the scale of the raw score.
    """

    method: str
    exact: bool
    rows: int
    sizes: dict[str, float]


def global_importance(explainer: Explainer, matrix: Floats) -> GlobalImportance:
    """The mean size of contributions over these rows; of several outputs the sum.

    Shapes: matrix (rows, columns of the encoding), at least one row.
    Cost: as of an explanation, for each row.
    """
    found = explainer.explain(matrix)
    sizes = {
        name: float(np.abs(each).sum(axis=1).mean()) for name, each in found.by_feature.items()
    }
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return GlobalImportance(found.method, found.exact, len(matrix), dict(ordered))
