"""Which of a model's raw scores an explanation is of: the only one, or that of the class that was
predicted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.serving.errors import NotExplainable
from mainspring.serving.explain import Contributions
from mainspring.stats.classes import most_probable

__all__ = ["ExplainedScore", "explained_score"]

Floats = NDArray[np.float64]
_CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class ExplainedScore:
    """What was added to one raw score of each row.

    Args:
        found: as the model was explained.
        base, raw, by_feature: base and what the features have added are raw.

    Shapes: all (rows,).
    """

    found: Contributions
    base: Floats
    raw: Floats
    by_feature: Mapping[str, Floats]


def explained_score(
    found: Contributions, probabilities: Floats | None, *, version: str
) -> ExplainedScore:
    """The contributions to the score that was answered.

    The raw score of a predicted class is what its probability is made of, by a softmax over all
    classes: what a feature adds to it makes the class more probable while the others stay.  Of two
    classes many models have one raw score, that of the second; the first one's is its opposite.

    Args:
        probabilities: of the classes; None for a model of one score.

    Shapes: probabilities (rows, classes).
    Raises: NotExplainable SRV-089 for several outputs that are no classes, and where a score on the
        way from the background to a row is no finite number.
    """
    parts = (found.base, found.raw, *found.by_feature.values())
    if not all(np.isfinite(each).all() for each in parts):
        reason = "it has no finite score where features are missing, or values are so large"
        raise NotExplainable(version=version, reason=reason)
    outputs = found.base.size
    if probabilities is None:
        if outputs != 1:
            raise NotExplainable(version=version, reason="it has several outputs")
        return _of_outputs(found, np.zeros(len(found.raw), dtype=np.int64))
    places, classes = most_probable(probabilities), probabilities.shape[1]
    if outputs == classes:
        return _of_outputs(found, places)
    if outputs == 1 and classes == 2:
        return _of_two(found, places, probabilities[:, 1], version=version)
    reason = f"it has {outputs} raw scores for {classes} classes"
    raise NotExplainable(version=version, reason=reason)


def _of_outputs(found: Contributions, places: NDArray[np.int64]) -> ExplainedScore:
    rows = np.arange(len(places))
    by_feature = {name: each[rows, places] for name, each in found.by_feature.items()}
    return ExplainedScore(found, found.base[places], found.raw[rows, places], by_feature)


def _of_two(
    found: Contributions, places: NDArray[np.int64], second: Floats, *, version: str
) -> ExplainedScore:
    """Args: second: the probability of the second class."""
    of_second = _of_outputs(found, np.zeros_like(places))
    with np.errstate(over="ignore"):
        odds = 1.0 / (1.0 + np.exp(-of_second.raw))
    if np.allclose(of_second.raw, second, rtol=0, atol=_CLOSE):
        # The raw score is the probability itself, as of a forest.
        whole = 1.0
    elif np.allclose(odds, second, rtol=0, atol=_CLOSE):
        whole = 0.0
    else:
        reason = "what makes a probability of its raw score is not known"
        raise NotExplainable(version=version, reason=reason)
    is_first = places == 0
    return ExplainedScore(
        found,
        np.where(is_first, whole - of_second.base, of_second.base),
        np.where(is_first, whole - of_second.raw, of_second.raw),
        {
            # No negative zero, which is no other number and reads like one.
            name: np.where(is_first, 0.0 - each, each)
            for name, each in of_second.by_feature.items()
        },
    )
