"""Answers as records.  Fields that a newer server adds are passed over."""

from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "FeatureRow",
    "FeedbackAnswer",
    "Inference",
    "PredictedRows",
    "PredictionAnswer",
    "PredictionReasons",
    "ReadFeatures",
    "RefusedFeedback",
    "Replay",
]

Array: TypeAlias = "NDArray[np.generic[object]]"
FeatureValue = bool | int | float | str | list[bool | int | float | str] | None
FeatureRow = dict[str, FeatureValue]


class PredictionReasons(msgspec.Struct, frozen=True, kw_only=True):
    """What each feature has added to a raw score.

    Args:
        method: `tree_shap`, `linear` or `permutation`; `exact`: whether it is more than a sample.
        scale: of the numbers: `score`, `log_odds`, or `raw` for another.
        background: the rows that a feature which is not known is averaged over.
        base: what is answered on average there; base and contributions add up to raw.
        contributions: by feature, the largest in size first.
        explained_class: of a model of several classes the predicted one, whose raw score this is.
    """

    method: str
    exact: bool
    scale: str
    background: str
    base: float
    raw: float
    contributions: dict[str, float]
    explained_class: str = ""


class PredictionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answered row.

    Args:
        id: for `replay`, and for labels.
        version: digest of the model version that answered; `revision`: of the endpoint.
        at: the instant that features were read at, microseconds since 1970, UTC.
        missing: the features that the model was not given.
        logged: whether the prediction can be replayed.
        queued: whether it is to be logged soon, where the endpoint logs asynchronously.
        explanation: where it was asked for.
        predicted_class, scores: of a model of several classes the most probable one, and the
            probability of each.
    """

    id: str
    score: float
    version: str = ""
    at: int = 0
    revision: str = ""
    missing: list[str] = []
    logged: bool = True
    queued: bool = False
    explanation: PredictionReasons | None = None
    predicted_class: str = ""
    scores: dict[str, float] = {}


class RefusedFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """A row of feedback that belongs to no label: its place from 0, why, and what to send."""

    row: int
    code: str
    detail: str
    remedy: str = ""


class FeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of labels that were sent back, by how many.

    Args:
        duplicates: that the label's source has already.
        quarantined: how many the source refused, by reason.
        ignored: columns that the source does not have.
        refused: the rows that were not written.
    """

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    quarantined: dict[str, int] = {}
    ignored: list[str] = []
    refused: list[RefusedFeedback] = []


class PredictedRows(msgspec.Struct):
    """A prediction for each row."""

    predictions: list[PredictionAnswer]


class ReadFeatures(msgspec.Struct):
    """The features of each row."""

    rows: list[FeatureRow]


class _Recomputed(msgspec.Struct, frozen=True, kw_only=True):
    prediction: str
    outcome: str
    recorded: float | None
    score: float | None
    reason: str = ""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction, recomputed, and where it came from."""

    replay: _Recomputed
    version: str
    requested_by: str
    requested_at: str
    environment: str
    trained_on: str
    features: dict[str, FeatureValue]
    lines: tuple[str, ...] = ()

    @property
    def is_identical(self) -> bool:
        """Whether it was recomputed to the same bytes."""
        return self.replay.outcome == "identical"


class Inference(NamedTuple):
    """Tensors that a model gave.

    Args:
        outputs: by name.
        id: of the request.
    """

    model: str
    version: str
    outputs: dict[str, Array]
    id: str = ""
