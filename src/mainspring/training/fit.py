"""Fit a model, export it, and check that the export predicts what the model predicts.

The export is what is judged and served, so test predictions and metrics are computed with it and
not with the estimator.
"""

import math
import random
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.card import TrainingSetCard
from mainspring.datasets.classes import places_of
from mainspring.datasets.encoding import (
    Encoding,
    encode_frame,
    learn_encoding,
    render_encoding,
)
from mainspring.datasets.predictions import Predictions, class_scores, render_predictions
from mainspring.elements.errors import Location, MainspringError
from mainspring.elements.identity import Digest
from mainspring.ports.models import ExportedModel, ScorerLoader
from mainspring.ports.objects import ObjectWriter
from mainspring.registry.version import ExportCheck
from mainspring.stats.export_parity import compare_export
from mainspring.stats.metrics import METRICS, METRICS_OF_CLASSES
from mainspring.training.classes import (
    classes_of,
    power_of_classes,
    require_classes,
    share_of_each,
)
from mainspring.training.environment import observe_environment
from mainspring.training.errors import (
    DegenerateScore,
    EstimatorRaised,
    ExportDiffers,
    FitFailed,
    FitReturnedNothing,
    LabelsNotProbable,
    NoRows,
    NotAProbability,
    OneClass,
    SeveralScores,
    ValueForBoolean,
)
from mainspring.training.native import native_scores
from mainspring.training.outcome import TrainedModel
from mainspring.training.predictive_power import LabelledRows, PredictivePower, predictive_power
from mainspring.training.remarks import remarks_on
from mainspring.training.run import RunRecord, TrainData, TrainingRun
from mainspring.training.spec import Model

__all__ = ["EXPORT_TOLERANCE", "Exporter", "TrainingBackend", "fit_and_export"]

EXPORT_TOLERANCE = 1e-9
"""How much an exported score may differ from the native one.  Exports are in double precision, so
only the last bits of a link function may differ.
"""

_CLASSIFIED = ("accuracy", "brier", "log_loss", "roc_auc")
_ESTIMATED = ("mae", "rmse")
_PACKAGE = str(Path(__file__).resolve().parent.parent)

Floats = NDArray[np.float64]


class Exporter(Protocol):
    """Turns a fitted estimator into canonical bytes.  Errors: ENG-1xx and ENG-2xx when it cannot be
    written exactly.
    """

    def __call__(self, estimator: object, n_features: int, /) -> ExportedModel:
        """The estimator as a model of so many columns."""
        ...


@dataclass(frozen=True)
class TrainingBackend:
    """What a fit works with: the object store, the exporter, and the loader of exported models."""

    objects: ObjectWriter
    export: Exporter
    scorers: ScorerLoader


@dataclass(frozen=True)
class _Judged:
    """The exported model on the test rows.

    Args:
        matrix: the test rows as the model is fed them.
        labels: of several classes the place of each, -1 of one that the fitted rows do not have.
        is_classified: whether the label is yes or no.

    Shapes: scores (rows,), or (rows, classes).
    """

    matrix: Floats
    scores: Floats
    labels: Floats
    check: ExportCheck
    is_classified: bool

    @property
    def has_classes(self) -> bool:
        """Whether the label is yes or no, or one of several classes."""
        return self.is_classified or self.scores.ndim > 1

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics that suit the label, and can be computed from these rows: there is no ROC AUC
        of one class.
        """
        names: Sequence[str] = _CLASSIFIED if self.is_classified else _ESTIMATED
        if self.scores.ndim > 1:
            names = METRICS_OF_CLASSES
        return _finite({name: METRICS[name](self.labels, self.scores) for name in names})


def fit_and_export(
    model: Model,
    frame: pl.DataFrame,
    card: TrainingSetCard,
    *,
    backend: TrainingBackend,
    fingerprint: Digest,
    code: Digest,
) -> TrainedModel:
    """Fit on the rows marked `fit`, compute metrics on those marked `test`, and store everything.

    Args:
        frame: the rows that `card` describes; rows without a label are left out whatever their
            mark.

    Raises: a TrainingError TRA-001 to TRA-007 or TRA-020 to TRA-026, UnencodableFeature DAT-020,
        InexactFeature DAT-021, and what the exporter refuses.
    """
    fitted, tested = _labelled(frame, "fit"), _labelled(frame, "test")
    _require(model, fitted, tested)
    encoding = learn_encoding(fitted, card.feature_names, sizes=card.sizes)
    classes = classes_of(fitted["_label"])
    train = TrainData.encoded(
        encode_frame(fitted, encoding), _labels(fitted, classes), encoding, classes
    )
    run = TrainingRun(seed=model.seed)
    estimator = _fit(model, train, run)
    exported = backend.export(estimator, len(encoding.columns))
    labels = pl.concat([fitted["_label"], tested["_label"]])
    _require_probabilities(model, estimator, exported, label=labels)
    judged = _judged(
        model,
        estimator,
        exported,
        backend.scorers,
        tested=tested,
        encoding=encoding,
        classes=classes,
    )
    rates = share_of_each(fitted["_label"], classes) if classes else {}
    predictions = _predictions(tested, judged.scores, request=card.request, classes=classes)
    power = _power(encoding, train, LabelledRows(judged.matrix, judged.labels), judged)
    record = run.record()
    return TrainedModel(
        model=model.name,
        fingerprint=fingerprint,
        code=code,
        artifact=backend.objects.write(exported.payload),
        format=exported.format,
        output=exported.output,
        encoding=backend.objects.write(render_encoding(encoding)),
        training_set=card.digest,
        predictions=backend.objects.write(render_predictions(predictions)),
        environment=observe_environment(model.fit),
        seed=model.seed,
        params=record.params,
        metrics=judged.metrics,
        base_rate=max(rates.values()) if rates else float(train.y.mean()),
        classes=rates,
        fitted=fitted.height,
        tested=tested.height,
        feature_auc=_finite(power.single) if judged.has_classes else {},
        feature_r2={} if judged.has_classes else _finite(power.single),
        pair_power=_finite(power.pairs),
        logged=record.metrics,
        artifacts=_store(record, backend.objects),
        export=judged.check,
        remarks=remarks_on(estimator, encoding),
    )


def _power(
    encoding: Encoding, train: TrainData, tested: LabelledRows, judged: _Judged
) -> PredictivePower:
    fitted = LabelledRows(train.X, train.y.astype(np.float64))
    if train.classes:
        return power_of_classes(encoding, fitted, tested)
    return predictive_power(encoding, fitted, tested, is_classified=judged.is_classified)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _labelled(frame: pl.DataFrame, split: str) -> pl.DataFrame:
    return frame.filter((pl.col("_split") == split) & pl.col("_label").is_not_null())


def _labels(frame: pl.DataFrame, classes: tuple[str, ...]) -> NDArray[np.int64] | Floats:
    """Booleans as 0 and 1, classes as their places, numbers as they are."""
    label = frame["_label"]
    if classes:
        return places_of(label, classes)
    return (
        label.cast(pl.Int64).to_numpy()
        if label.dtype == pl.Boolean
        else label.cast(pl.Float64).to_numpy()
    )


def _require(model: Model, fitted: pl.DataFrame, tested: pl.DataFrame) -> None:
    """Refuse rows that a model cannot be trained or tested on, before the fit starts."""
    for rows, purpose in ((fitted, "fit"), (tested, "test")):
        if rows.is_empty():
            raise NoRows(
                model=model.name,
                purpose=purpose,
                training_set=model.training_set.name,
                at=model.declared_at,
            )
    if fitted["_label"].n_unique() == 1:
        raise OneClass(
            model=model.name,
            rows=fitted.height,
            label=str(fitted["_label"][0]),
            at=model.declared_at,
        )


def _fit(model: Model, train: TrainData, run: TrainingRun) -> object:
    """Run the user's function; whatever it raises is reported with the user's line."""
    try:
        with _seeded(model.seed):
            estimator = model.fit(train, run)
    except MainspringError:
        raise
    # The edge to the user's code: it may raise anything, and all of it is a failed fit.
    except Exception as error:
        raise FitFailed(
            model=model.name,
            error=type(error).__name__,
            detail=str(error),
            transcript=_tail(error),
            at=_users_line(error) or model.declared_at,
        ) from error
    if estimator is None:
        raise FitReturnedNothing(model=model.name, at=model.declared_at)
    return estimator


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators start from the seed and are put back: estimators without a random state
    of their own draw from them.
    """
    kept, kept_by_numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_by_numpy)


def _users_line(error: Exception) -> Location | None:
    """The innermost line that is neither ours nor of an installed package."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f
        for f in frames
        if not f.filename.startswith((_PACKAGE, "<")) and "-packages" not in f.filename
    ]
    return Location(own[-1].filename, own[-1].lineno or 0) if own else None


def _tail(error: Exception, lines: int = 12) -> str:
    text = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return "\n".join(text[-lines:])


def _require_probabilities(
    model: Model, estimator: object, exported: ExportedModel, *, label: pl.Series
) -> None:
    if label.dtype == pl.String:
        return
    if exported.output == "value" and label.dtype == pl.Boolean:
        raise ValueForBoolean(
            model=model.name, estimator=type(estimator).__name__, at=model.declared_at
        )
    numbers = label.cast(pl.Float64).to_numpy()
    lowest, highest = float(numbers.min()), float(numbers.max())
    if exported.output == "probability" and not 0.0 <= lowest <= highest <= 1.0:
        raise LabelsNotProbable(
            model=model.name, lowest=lowest, highest=highest, at=model.declared_at
        )


def _native_scores(
    model: Model,
    estimator: object,
    exported: ExportedModel,
    *,
    matrix: Floats,
    encoding: Encoding,
) -> Floats:
    try:
        return native_scores(model.name, estimator, matrix=matrix, output=exported.output)
    except MainspringError:
        raise
    # As in the fit: another library's code, which may raise anything.
    except Exception as error:
        names = [
            name
            for place, name in enumerate(encoding.column_names)
            if np.isnan(matrix[:, place]).any()
        ]
        raise EstimatorRaised(
            model=model.name,
            error=type(error).__name__,
            detail=str(error).partition("\n")[0],
            missing=", ".join(names) or "none",
            at=model.declared_at,
        ) from error


def _checked(model: Model, scores: Floats, native: Floats) -> ExportCheck:
    """Compare the export with the native model."""
    parity = compare_export(native, scores, tolerance=EXPORT_TOLERANCE)
    if not parity.is_equal:
        raise ExportDiffers(
            model=model.name,
            rows=parity.rows,
            differing=parity.rows_differing,
            largest=parity.largest_difference,
            tolerance=EXPORT_TOLERANCE,
            at=model.declared_at,
        )
    return ExportCheck(parity.rows, parity.rows_differing, parity.largest_difference)


def _judged(
    model: Model,
    estimator: object,
    exported: ExportedModel,
    scorers: ScorerLoader,
    *,
    tested: pl.DataFrame,
    encoding: Encoding,
    classes: tuple[str, ...],
) -> _Judged:
    """Score the test rows, and check that the scores are the native model's, and plausible."""
    matrix = encode_frame(tested, encoding)
    scores = scorers.open(exported).predict(matrix)
    native = _native_scores(model, estimator, exported, matrix=matrix, encoding=encoding)
    check = _checked(model, scores, native)
    if classes:
        scores = require_classes(model, estimator, scores, output=exported.output, classes=classes)
    _require_plausible(model, scores, output=exported.output, has_classes=bool(classes))
    labels = _labels(tested, classes).astype(np.float64)
    return _Judged(matrix, scores, labels, check, tested["_label"].dtype == pl.Boolean)


def _require_plausible(model: Model, scores: Floats, *, output: str, has_classes: bool) -> None:
    if scores.ndim != 1 and not has_classes:
        raise SeveralScores(model=model.name, scores=scores.shape[1], at=model.declared_at)
    finding = _degeneracy(scores)
    if finding:
        raise DegenerateScore(
            model=model.name, rows=len(scores), finding=finding, at=model.declared_at
        )
    if output != "value" and not 0.0 <= scores.min() <= scores.max() <= 1.0:
        raise NotAProbability(
            model=model.name,
            rows=len(scores),
            lowest=float(scores.min()),
            highest=float(scores.max()),
            at=model.declared_at,
        )


def _degeneracy(scores: Floats) -> str:
    """What is wrong with the scores, or nothing."""
    if not np.isfinite(scores).all():
        return f"{int((~np.isfinite(scores)).sum())} scores that are not finite numbers"
    if len(scores) > 1 and (scores == scores[0]).all():
        return f"the same score {np.max(scores[0]):g}"
    return ""


def _predictions(
    tested: pl.DataFrame, scores: Floats, *, request: tuple[str, ...], classes: tuple[str, ...]
) -> Predictions:
    columns = tested.select(
        "_id",
        pl.col("_prediction_time").cast(pl.Int64),
        pl.col("_label").cast(pl.String if classes else pl.Float64),
        *request,
    )
    return Predictions(columns.insert_column(3, class_scores(scores, classes)))


def _store(record: RunRecord, objects: ObjectWriter) -> dict[str, Digest]:
    return {name: objects.write(payload) for name, payload in sorted(record.artifacts.items())}
