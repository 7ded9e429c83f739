"""What each call sends, how its answer is read, and whether it may be sent again unanswered.

Reads, replays and tensors change nothing, so they are sent again after a lost answer.  A prediction
is logged before it is answered: a lost answer may have left a record that nobody knows the id of,
and a second call leaves another one.  It is sent again where it surely was not begun (the
connection was refused, or the answer is 429 or 503), and after a lost answer only where its caller
says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from mainspring.client.serving.answers import (
    FeatureRow,
    FeedbackAnswer,
    Inference,
    PredictedRows,
    PredictionAnswer,
    ReadFeatures,
    Replay,
)
from mainspring.client.serving.tensors import Tensors, parse_inference, render_inference
from mainspring.elements.plain_json import encode_json

__all__ = [
    "ServerAnswer",
    "ServerCall",
    "document_call",
    "features_call",
    "feedback_call",
    "infer_call",
    "predict_call",
    "ready_call",
    "replay_call",
]

Row = Mapping[str, object]
Result = TypeVar("Result")
_JSON = {"Content-Type": "application/json"}


class ServerAnswer(NamedTuple):
    """An answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ServerCall(NamedTuple, Generic[Result]):
    """A call of a server.

    Args:
        parse: reads an answer; ValueError or what msgspec raises for what is none.
        may_repeat: it changes nothing that a second one would change again.
        answers: the statuses that are answers, beside 200 to 299.
    """

    method: str
    path: str
    parse: Callable[[ServerAnswer], Result]
    body: bytes = b""
    headers: Mapping[str, str] = _JSON
    may_repeat: bool = True
    answers: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The call, for messages."""
        return f"{self.method} {self.path}"


def predict_call(
    endpoint: str, rows: Row | Sequence[Row], *, repeat_lost: bool, explain: bool = False
) -> ServerCall[list[PredictionAnswer]]:
    """A prediction for each row."""
    given = [rows] if isinstance(rows, Mapping) else list(rows)
    # An older server refuses fields that it does not know.
    asked: dict[str, object] = {"explain": True} if explain else {}
    return ServerCall(
        "POST",
        f"/v1/endpoints/{_segment(endpoint)}/predict",
        lambda answer: msgspec.json.decode(answer.body, type=PredictedRows).predictions,
        encode_json({"rows": [dict(row) for row in given], **asked}),
        may_repeat=repeat_lost,
    )


def features_call(
    features: str | Sequence[str], rows: Row | Sequence[Row], at: str | int | None
) -> ServerCall[list[FeatureRow]]:
    """The features of each row, from online state."""
    given = [rows] if isinstance(rows, Mapping) else list(rows)
    names = features if isinstance(features, str) else list(features)
    body: dict[str, object] = {"features": names, "rows": [dict(row) for row in given]}
    if at is not None:
        body["at"] = at
    return ServerCall(
        "POST",
        "/v1/features/online",
        lambda answer: msgspec.json.decode(answer.body, type=ReadFeatures).rows,
        encode_json(body),
    )


def feedback_call(
    rows: Row | Sequence[Row], *, endpoint: str, replace: bool
) -> ServerCall[FeedbackAnswer]:
    """Labels of predictions.  The same ones twice are duplicates, so they may be sent again."""
    given = [rows] if isinstance(rows, Mapping) else list(rows)
    body: dict[str, object] = {"rows": [dict(row) for row in given]}
    if endpoint:
        body["endpoint"] = endpoint
    if replace:
        body["op"] = "replace"
    return ServerCall(
        "POST",
        "/v1/feedback",
        lambda answer: msgspec.json.decode(answer.body, type=FeedbackAnswer),
        encode_json(body),
    )


def replay_call(prediction: str) -> ServerCall[Replay]:
    """A prediction, recomputed."""
    return ServerCall(
        "GET",
        f"/v1/predictions/{_segment(prediction)}/replay",
        lambda answer: msgspec.json.decode(answer.body, type=Replay),
    )


def infer_call(
    model: str, inputs: Tensors, *, outputs: Sequence[str], version: str, is_binary: bool
) -> ServerCall[Inference]:
    """What a model makes of tensors."""
    body, headers = render_inference(inputs, outputs=outputs, is_binary=is_binary)
    at = f"/versions/{_segment(version)}" if version else ""
    return ServerCall(
        "POST",
        f"/v2/models/{_segment(model)}{at}/infer",
        lambda answer: parse_inference(answer.body, answer.headers),
        body,
        headers,
    )


def ready_call() -> ServerCall[bool]:
    """Whether the server answers for all that it holds."""
    return ServerCall(
        "GET", "/v2/health/ready", lambda answer: answer.status == 200, answers=(503,)
    )


def document_call() -> ServerCall[dict[str, object]]:
    """The OpenAPI document."""
    return ServerCall(
        "GET", "/openapi.json", lambda answer: msgspec.json.decode(answer.body, type=dict)
    )


def _segment(name: str) -> str:
    return quote(name, safe="")
