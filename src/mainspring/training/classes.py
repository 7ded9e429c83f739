"""Labels that name one of several classes, and the probabilities of a model that tells them apart.

The classes are those of the fitted rows, sorted; a fit is given their places, which every
estimator takes, and a registered version has their names.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.classes import places_of, probabilities_of
from mainspring.datasets.encoding import Encoding
from mainspring.training.errors import NoProbabilities, OtherClasses
from mainspring.training.predictive_power import LabelledRows, PredictivePower, predictive_power
from mainspring.training.spec import Model

__all__ = ["classes_of", "power_of_classes", "require_classes", "share_of_each"]

_MEASURED_CLASSES = 8
_SHOWN_CLASSES = 5


def classes_of(labels: pl.Series) -> tuple[str, ...]:
    """The classes that these labels name, sorted; none where they are numbers or booleans."""
    return tuple(sorted(labels.drop_nulls().unique())) if labels.dtype == pl.String else ()


def share_of_each(labels: pl.Series, classes: Sequence[str]) -> dict[str, float]:
    """The share of the rows that has each class."""
    counts = np.bincount(places_of(labels, classes), minlength=len(classes))
    return {name: float(count) / len(labels) for name, count in zip(classes, counts, strict=True)}


def require_classes(
    model: Model,
    estimator: object,
    scores: NDArray[np.float64],
    *,
    output: str,
    classes: Sequence[str],
) -> NDArray[np.float64]:
    """The scores as a probability for each class, (rows, classes).

    Args:
        output: what the export says that a score means.

    Raises: NoProbabilities TRA-025 for a model that predicts values; OtherClasses TRA-026 for
        another number of probabilities than there are classes.
    """
    if output == "value":
        raise NoProbabilities(
            model=model.name,
            estimator=type(estimator).__name__,
            classes=", ".join(classes[:_SHOWN_CLASSES])
            + ("…" if len(classes) > _SHOWN_CLASSES else ""),
            at=model.declared_at,
        )
    found = probabilities_of(scores)
    if found.shape[1] != len(classes):
        raise OtherClasses(
            model=model.name, scores=found.shape[1], classes=len(classes), at=model.declared_at
        )
    return found


def power_of_classes(
    encoding: Encoding, fitted: LabelledRows, tested: LabelledRows
) -> PredictivePower:
    """What features tell of the most frequent classes: the highest AUC of one against the rest.

    Cost: that of `predictive_power` for each of eight classes at most; a copy of the label tells
        the frequent ones, too.
    """
    places, counts = np.unique(fitted.labels, return_counts=True)
    frequent = places[np.argsort(-counts, kind="stable")][:_MEASURED_CLASSES]
    found = [
        predictive_power(
            encoding,
            *(_one_against_the_rest(each, place) for each in (fitted, tested)),
            is_classified=True,
        )
        for place in frequent.tolist()
    ]
    return PredictivePower(
        _highest([each.single for each in found]), _highest([each.pairs for each in found])
    )


def _one_against_the_rest(rows: LabelledRows, place: float) -> LabelledRows:
    return rows._replace(labels=(rows.labels == place).astype(np.float64))


def _highest(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name the highest that is known; NaN where none is."""
    highest: dict[str, float] = {}
    for name, power in (item for each in found for item in each.items()):
        known = highest.get(name, np.nan)
        highest[name] = power if np.isnan(known) or power > known else known
    return highest
