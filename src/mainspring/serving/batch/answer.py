"""Answer a block of rows by columns: cast, features from history at each row's own time, encode,
score.

History and online state give the same bytes at the same (L, q), which is a law; here history is
read, because it answers every row at a time of its own, by columns, and its facts end at the L that
the job was pinned to.  So a batch that goes on after a kill gives the bytes that it would have
given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.classes import probabilities_of
from mainspring.datasets.encoding import Encoding, encode_frame
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType
from mainspring.elements.values.columns import read_column
from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.reader import HistoryReader
from mainspring.features.on_demand import compute_on_demand
from mainspring.features.requests import join_key_schema
from mainspring.serving.batch.cast import CastBlock, Faults
from mainspring.serving.batch.missing import missing_features
from mainspring.serving.explain import Explainer
from mainspring.serving.explained_score import ExplainedScore, explained_score
from mainspring.serving.predict import ServedModel

__all__ = ["AnsweredBlock", "answer_block", "features_of_block"]

_ROWS_OF_A_RUN = 8_192
"""What the model is given at once: more would leave the processor's cache, and gains nothing."""
_EXACT = 2**53
_MOST_OVERFLOWS = 1_000


@dataclass(frozen=True, eq=False)
class AnsweredBlock:
    """The good rows of a block, answered.

    Args:
        requests, features: the good rows alone, in order.
        rows: the place of each of them in the block.
        scores: (good rows, outputs) float64; `classes`: what each of them is of, empty for a model
            of one score.
        faults: the bad rows of the whole block.
        contributions: of the good rows, where they were asked for.

    Shapes: times (good rows,) int64 microseconds.
    """

    requests: pl.DataFrame
    features: pl.DataFrame
    times: pl.Series
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    faults: Faults
    contributions: ExplainedScore | None = None
    classes: tuple[str, ...] = ()

    @property
    def missing(self) -> pl.Series:
        """The features that each good row lacks, in words."""
        return missing_features(self.features)


def answer_block(
    model: ServedModel,
    cast: CastBlock,
    history: HistoryReader,
    *,
    explainer: Explainer | None = None,
) -> AnsweredBlock:
    """Answer what can be answered of a block.

    Args:
        explainer: says what each feature has added to the raw score.

    Raises: NotExplainable SRV-089.
    Cost: that of `HistoryReader.answer` for each view, and of the model; no Python for a row.
    """
    faults = cast.faults
    features = _features(model, cast, history)
    rows = np.flatnonzero(faults.good)
    features = features.filter(pl.Series(faults.good[features["_row"].to_numpy()]))
    matrix = encode_frame(features, model.encoding)
    scores = _scores(model, matrix)
    finite = np.isfinite(scores).all(axis=1)
    if not finite.all():
        lacking = missing_features(features)
        places = np.flatnonzero(~finite)
        said = {int(rows[place]): lacking[int(place)] or "nothing" for place in places}
        faults.add(
            [*said], lambda row: f"SRV-022 the model has no finite score; missing: {said[row]}"
        )
        rows, scores, matrix = rows[finite], scores[finite], matrix[finite]
        features = features.filter(pl.Series(finite))
    return AnsweredBlock(
        requests=cast.requests[rows],
        features=features.drop("_row"),
        times=cast.times[rows],
        rows=rows,
        scores=scores,
        faults=faults,
        contributions=_contributions(explainer, matrix, scores, model) if explainer else None,
        classes=model.classes,
    )


def _features(model: ServedModel, cast: CastBlock, history: HistoryReader) -> pl.DataFrame:
    """The features of every row that can have them, and `_row`, its place in the block."""
    for _ in range(_MOST_OVERFLOWS):
        rows = np.flatnonzero(cast.faults.good)
        try:
            found = features_of_block(model, cast.requests[rows], cast.times[rows], history)
        except FeatureOverflow as overflow:
            said = f"FEA-001 feature {overflow.feature} does not fit int64"
            cast.faults.add([int(rows[overflow.row])], said)
            continue
        found = found.with_columns(pl.Series("_row", rows, dtype=pl.Int64))
        return _with_exact(found, model.encoding, cast.faults)
    raise FeatureOverflow(feature=said, row=0)


def features_of_block(
    model: ServedModel, requests: pl.DataFrame, times: pl.Series, history: HistoryReader
) -> pl.DataFrame:
    """The features that the model is fed, for requests at these times.

    Shapes: (rows, features in the order of the encoding).
    Raises: FeatureOverflow FEA-001.
    """
    training_set = model.training_set
    keys = [
        read_column(requests[field.name], field).alias(field.name)
        for field in join_key_schema(training_set.views)
    ]
    spine = pl.DataFrame([*keys, times.alias("_prediction_time")])
    answers = [history.answer(view, spine) for view in training_set.views]
    if training_set.on_demand:
        schema = training_set.request_schema
        answers.append(compute_on_demand(training_set.on_demand, requests, schema))
    return pl.concat(answers, how="horizontal").select(model.encoding.names)


def _with_exact(features: pl.DataFrame, encoding: Encoding, faults: Faults) -> pl.DataFrame:
    """The features, of which a whole number that float64 cannot hold makes its row a bad one."""
    for name, dtype in _whole_numbers(encoding).items():
        column = features[name]
        physical = column.to_physical() if column.dtype.is_temporal() else column
        beyond = (physical.abs() > _EXACT).fill_null(False)
        if not beyond.any():
            continue
        rows = features["_row"].filter(beyond).to_list()
        faults.add(rows, f"DAT-021 feature {name!r} is beyond 2^53, so float64 cannot hold it")
        features = features.with_columns(
            pl.when(~beyond).then(column).cast(STORED[dtype]).alias(name)
        )
    return features


def _whole_numbers(encoding: Encoding) -> Mapping[str, DType]:
    wholes = (DType.INT64, DType.TIMESTAMP, DType.DURATION)
    return {each.name: each.dtype for each in encoding.features if each.dtype in wholes}


def _scores(model: ServedModel, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    classes = len(model.classes)
    runs = [_as_table(model.scorer.predict(run), classes) for run in _iter_runs(matrix)]
    return np.concatenate(runs) if runs else np.empty((0, classes or 1))


def _contributions(
    explainer: Explainer,
    matrix: NDArray[np.float64],
    scores: NDArray[np.float64],
    model: ServedModel,
) -> ExplainedScore:
    probabilities = scores if model.classes else None
    return explained_score(explainer.explain(matrix), probabilities, version=model.label)


def _iter_runs(matrix: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for first in range(0, len(matrix), _ROWS_OF_A_RUN):
        yield matrix[first : first + _ROWS_OF_A_RUN]


def _as_table(scores: NDArray[np.float64], classes: int) -> NDArray[np.float64]:
    if classes:
        return probabilities_of(scores)
    return scores if scores.ndim > 1 else scores[:, None]
