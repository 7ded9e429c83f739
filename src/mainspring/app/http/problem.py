"""Errors as RFC 9457 problem details: one place that decides which code of ours is which status of
HTTP.
"""

import msgspec

from mainspring.elements.errors import (
    AccessError,
    DatasetError,
    EngineError,
    FeatureError,
    FlowError,
    MainspringError,
    ServingError,
    SourceError,
)
from mainspring.features.errors import HorizonPassed
from mainspring.ports.errors import MethodNotAllowed, UnknownRoute
from mainspring.ports.http import Call, Reply
from mainspring.serving.errors import (
    ModelRefused,
    NotServing,
    PredictionUnknown,
    ScoreNotFinite,
    TooManyRows,
    UnknownEndpoint,
)

__all__ = ["problem_reply", "status_of"]

_STATUS: tuple[tuple[type[MainspringError], int], ...] = (
    (UnknownRoute, 404),
    (MethodNotAllowed, 405),
    (UnknownEndpoint, 404),
    (PredictionUnknown, 404),
    (TooManyRows, 413),
    (ScoreNotFinite, 422),
    (NotServing, 503),
    (ModelRefused, 503),
    (ServingError, 400),
    (HorizonPassed, 503),
    (FeatureError, 422),
    (DatasetError, 422),
    (SourceError, 422),
    (FlowError, 409),
    (EngineError, 503),
)
_ACCESS = {"ACC-001": 401, "ACC-002": 401, "ACC-003": 403, "ACC-006": 404}


def status_of(error: MainspringError) -> int:
    """The HTTP status of an error; what is not the caller's fault is 500."""
    if isinstance(error, AccessError):
        return _ACCESS.get(error.code, 403)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem_reply(call: Call, error: MainspringError) -> Reply:
    """The problem document of an error of ours.  It says what is wrong and what to do, and nothing
    of our insides.  Clients of the Open Inference Protocol look for `error`, so on its routes the
    document has that as well.
    """
    status = status_of(error)
    body = {
        "type": f"urn:mainspring:error:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "remedy": error.remedy.format(**error.details()),
    }
    if call.route.startswith("/v2"):
        body["error"] = f"{error.code} {error.message}"
    return Reply(
        status, msgspec.json.encode(body), "application/problem+json", _headers(status, error)
    )


def _headers(status: int, error: MainspringError) -> dict[str, str]:
    """What HTTP asks of a reply with this status, beside its body."""
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return {"Allow": error.allowed} if isinstance(error, MethodNotAllowed) else {}
