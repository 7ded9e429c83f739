"""Answers as records.  Fields that a newer server adds are passed over."""

from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "FeatureRow",
    "Inference",
    "PredictedRows",
    "PredictionAnswer",
    "ReadFeatures",
    "Replay",
]

Array: TypeAlias = "NDArray[np.generic[object]]"
FeatureValue = bool | int | float | str | list[bool | int | float | str] | None
FeatureRow = dict[str, FeatureValue]


class PredictionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answered row.

    Args:
        id: for `replay`, and for labels.
        version: digest of the model version that answered; `revision`: of the endpoint.
        at: the instant that features were read at, microseconds since 1970, UTC.
        missing: the features that the model was not given.
        logged: whether the prediction can be replayed.
        scores: by label, where the model has several.
    """

    id: str
    score: float | None = None
    version: str = ""
    at: int = 0
    revision: str = ""
    missing: list[str] = []
    logged: bool = True
    scores: dict[str, float] = {}


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
