"""Ask a model for scores where features are missing: a few test rows, from which features are taken
away that may be missing in production.
"""

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.encoding import EncodedFeature, encode_frame
from mainspring.features.history.gather import backfill_from
from mainspring.gates.check.finite_scores import MissingReport
from mainspring.gates.errors import UnknownFeature
from mainspring.serving.predict import ServedModel

__all__ = ["score_with_missing"]

_ROWS = 16
_NO_FACTS = pl.DataFrame(
    schema={
        "_id": pl.String,
        "_event_time": pl.Int64,
        "_visible_from": pl.Int64,
        "_visible_to": pl.Int64,
    }
)


def score_with_missing(
    model: ServedModel, rows: pl.DataFrame, *, required: Sequence[str]
) -> MissingReport:
    """How the model scores test rows without the features that may be missing.

    Args:
        rows: of the training set; those marked `test` are asked about, and what is null in any of
            them may be missing.
        required: features that are left in their place.

    Raises: UnknownFeature GAT-020 for a required one that the model does not have.
    Cost: a prediction of sixteen rows for each feature.
    """
    names = model.encoding.names
    for name in required:
        if name not in names:
            raise UnknownFeature(feature=name, known=", ".join(names))
    asked = rows.filter(pl.col("_split") == "test").head(_ROWS)
    matrix, unknown = encode_frame(asked, model.encoding), _of_unknown_keys(model, asked)
    columns = dict(_iter_columns(model.encoding.features))
    reasons = {
        feature.name: reason
        for feature in model.encoding.features
        if feature.name not in required
        and (reason := _reason(feature, rows[feature.name], unknown[:, columns[feature.name]]))
    }
    unscored = [name for name in reasons if not _is_scored(model, matrix, missing=[columns[name]])]
    for name in required:
        unknown[:, columns[name]] = matrix[:, columns[name]]
    scores_all_missing = _is_scored(model, unknown, missing=[columns[name] for name in reasons])
    return MissingReport(reasons, tuple(unscored), scores_all_missing)


def _of_unknown_keys(model: ServedModel, rows: pl.DataFrame) -> NDArray[np.float64]:
    """The rows as if nobody had ever heard of their keys."""
    views = model.training_set.views
    features = [backfill_from(view, lambda _: _NO_FACTS, rows) for view in views]
    own = [column for frame in features for column in frame.get_columns()]
    return encode_frame(rows.with_columns(own), model.encoding)


def _iter_columns(features: Sequence[EncodedFeature]) -> Iterator[tuple[str, list[int]]]:
    """Of each feature its columns of the matrix."""
    places = count()
    for feature in features:
        yield feature.name, [next(places) for _ in feature.elements]


def _reason(feature: EncodedFeature, trained: pl.Series, unknown: NDArray[np.float64]) -> str:
    """Why a feature may be missing; empty where only a request that lacks something lacks it."""
    if np.isnan(unknown).any():
        return "null for a key without facts"
    absent = trained.null_count()
    absent += int(trained.is_nan().sum()) if trained.dtype.is_float() else 0
    if absent:
        return f"missing in {absent:,} rows of the training set"
    return "a text that was never seen" if feature.vocabulary is not None else ""


def _is_scored(
    model: ServedModel, matrix: NDArray[np.float64], *, missing: Sequence[list[int]]
) -> bool:
    """Whether every row has a finite score without these columns."""
    probe = matrix.copy()
    for columns in missing:
        probe[:, columns] = np.nan
    return bool(np.isfinite(model.scorer.predict(probe)).all())
