"""The protocol of the training worker: a task as JSON on standard input, a result as JSON on
standard output.
"""

import msgspec

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.errors import Location, MainspringError, TrainingError
from mainspring.elements.identity import Digest, canonical_json
from mainspring.training import errors
from mainspring.training.outcome import TrainedModel

__all__ = [
    "TrainFailure",
    "TrainResult",
    "TrainTask",
    "parse_train_result",
    "parse_train_task",
    "render_train_result",
    "render_train_task",
    "train_failure_of",
]


class TrainTask(msgspec.Struct, frozen=True, kw_only=True):
    """The model to fit, its rows, and where the results go.

    Args:
        project: the project's folder or file.
        model: the model's name in it.
        objects: the folder of the object store, which holds the rows that `card` describes.
        fingerprint: of the model's definition; `code`: of its code; both are copied to the result.
    """

    project: str
    model: str
    objects: str
    card: TrainingSetCard
    fingerprint: Digest
    code: Digest


class TrainFailure(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """Why there is no model: the code and fields of an error, and the user's line if known."""

    code: str
    message: str
    fields: dict[str, str | int | float]
    path: str = ""
    line: int = 0

    def error(self, model: str) -> TrainingError:
        """The error itself; one of another package becomes WorkerFailed TRA-008 with its code."""
        at = Location(self.path, self.line) if self.path else None
        for name in errors.__all__:
            kind: type[TrainingError] = getattr(errors, name)
            if kind.code == self.code:
                return kind(**self.fields, at=at)
        return errors.WorkerFailed(model=model, reason=f"{self.code} {self.message}", at=at)


class Trained(msgspec.Struct, frozen=True, kw_only=True, tag="trained"):
    """The result of a successful fit."""

    model: TrainedModel


TrainResult = Trained | TrainFailure
# MessagePack and not JSON: what a fit logs may be NaN or infinite.
_ENCODER: msgspec.msgpack.Encoder = msgspec.msgpack.Encoder()
_ANSWER: msgspec.msgpack.Decoder[TrainResult] = msgspec.msgpack.Decoder(TrainResult)


def train_failure_of(error: MainspringError) -> TrainFailure:
    """The failure for an error."""
    fields = {
        name: value
        for name, value in error.details().items()
        if isinstance(value, str | int | float)
    }
    return TrainFailure(
        code=error.code,
        message=error.message,
        fields=fields,
        path=error.at.path if error.at else "",
        line=error.at.line if error.at else 0,
    )


def render_train_task(order: TrainTask) -> bytes:
    """The task as JSON."""
    return canonical_json(order)


def parse_train_task(payload: bytes) -> TrainTask:
    """The task that `render_train_task` wrote."""
    return msgspec.json.decode(payload, type=TrainTask)


def render_train_result(outcome: TrainedModel | TrainFailure) -> bytes:
    """The result as MessagePack."""
    result = outcome if isinstance(outcome, TrainFailure) else Trained(model=outcome)
    return _ENCODER.encode(result)


def parse_train_result(payload: bytes, *, model: str) -> TrainedModel:
    """The model in a result.  Raises: the TrainingError in it."""
    answer = _ANSWER.decode(payload)
    match answer:
        case Trained(model=trained):
            return trained
        case TrainFailure():
            raise answer.error(model)
