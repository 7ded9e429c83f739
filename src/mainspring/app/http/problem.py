"""Errors as RFC 9457 problem details: one place that decides which code of ours is which status of
HTTP.
"""

import logging
import math
from collections.abc import Mapping
from uuid import uuid4

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
    UnreadableInstant,
)
from mainspring.elements.let_go import let_go
from mainspring.elements.text import clipped
from mainspring.engines.http.errors import (
    BodyTooLarge,
    HeadTooLarge,
    InternalFault,
    RequestTooSlow,
    ServerBusy,
    TooManyConnections,
    UnknownHost,
)
from mainspring.features.errors import HorizonPassed, TooManyFeatureRows
from mainspring.ports.errors import (
    AnswerUnwanted,
    BodyTooComplex,
    DeadlinePassed,
    MethodNotAllowed,
    UnknownRoute,
)
from mainspring.ports.http import Call, Reply
from mainspring.ports.limits import MAX_SHOWN
from mainspring.ports.placement import NodesElsewhere, ProviderFailed, ProviderMissing
from mainspring.serving.admission.errors import ModelQueueFull, RateExceeded
from mainspring.serving.errors import (
    ModelRefused,
    NotServing,
    PredictionUnknown,
    ScoreNotFinite,
    TooManyRows,
    UnknownEndpoint,
)
from mainspring.serving.inference.errors import LogIncomplete, PredictionNotLogged
from mainspring.serving.protocol.errors import (
    EncodingNotKnown,
    ModelNotLoaded,
    ModelNotManaged,
    OutputNotSayable,
    UnknownModel,
)
from mainspring.sources.bodies import UnknownBodyForm
from mainspring.sources.errors import TooManyPushedRows
from mainspring.sources.uploads import UnknownUpload, UploadOutOfStep, UploadTooLarge

__all__ = ["problem_reply", "status_of"]

_LOG = logging.getLogger("mainspring.server")
_RETRY_S = "1"

_STATUS: tuple[tuple[type[MainspringError], int], ...] = (
    (UnknownRoute, 404),
    (MethodNotAllowed, 405),
    (HeadTooLarge, 431),
    (RequestTooSlow, 408),
    (TooManyConnections, 503),
    (BodyTooLarge, 413),
    (BodyTooComplex, 413),
    (ServerBusy, 503),
    (DeadlinePassed, 504),
    (AnswerUnwanted, 504),
    (UnknownHost, 421),
    (InternalFault, 500),
    (UnknownEndpoint, 404),
    (PredictionUnknown, 404),
    (PredictionNotLogged, 404),
    (LogIncomplete, 409),
    (UnknownModel, 404),
    (ModelNotLoaded, 503),
    (OutputNotSayable, 422),
    (ModelNotManaged, 409),
    (EncodingNotKnown, 415),
    (TooManyRows, 413),
    (TooManyPushedRows, 413),
    (UnknownBodyForm, 415),
    (UnknownUpload, 404),
    (UploadOutOfStep, 409),
    (UploadTooLarge, 413),
    (ScoreNotFinite, 422),
    (NotServing, 503),
    (ModelRefused, 503),
    (ModelQueueFull, 503),
    (RateExceeded, 429),
    (ProviderMissing, 503),
    (ProviderFailed, 503),
    (NodesElsewhere, 503),
    (ServingError, 400),
    (HorizonPassed, 503),
    (TooManyFeatureRows, 413),
    (UnreadableInstant, 422),
    (FeatureError, 422),
    (DatasetError, 422),
    (SourceError, 422),
    (FlowError, 409),
    (EngineError, 503),
)
# Clients of the Open Inference Protocol know 400 for whatever is wrong with a request.
_WRONG_INPUT = frozenset({413, 415})
_ACCESS = {"ACC-001": 401, "ACC-002": 401, "ACC-003": 403, "ACC-006": 404}


def status_of(error: MainspringError) -> int:
    """The HTTP status of an error; what is not the caller's fault is 500."""
    if isinstance(error, AccessError):
        return _ACCESS.get(error.code, 403)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem_reply(call: Call, error: Exception) -> Reply:
    """The problem document of an error.

    It says what is wrong and what to do, and nothing of our insides; of what the caller sent it
    repeats at most 200 characters a field.  What is not the caller's fault is logged, once, with
    its trace under the id that the document has.  Clients of the Open Inference Protocol look for
    `error`, so on its routes the document has that as well.  A refusal is let go of its trace: see
    `let_go`.
    """
    if isinstance(error, MainspringError) and status_of(error) != 500:
        let_go(error)
        return _document(call, error, {})
    name = uuid4().hex[:16]
    _LOG.error("%s: %s %s", name, call.method or "?", call.route or "?", exc_info=error)
    known = error if isinstance(error, MainspringError) else InternalFault(id=name)
    return _document(call, known, {"id": name})


def _document(call: Call, error: MainspringError, more: Mapping[str, str]) -> Reply:
    is_tensors = call.route.startswith("/v2") or _is_of_protocol(error)
    status = status_of(error)
    if is_tensors and status in _WRONG_INPUT:
        status = 400
    details = {name: _shown(value) for name, value in error.details().items()}
    message = error.template.format(**details)
    body = {
        "type": f"urn:mainspring:error:{error.code}",
        "title": error.title,
        "status": status,
        "detail": message,
        "code": error.code,
        "remedy": error.remedy.format(**details),
        **more,
    }
    if is_tensors:
        body["error"] = f"{error.code} {message}"
    return Reply(
        status,
        msgspec.json.encode(body),
        "application/problem+json",
        _headers(status, error),
        code=error.code,
    )


def _is_of_protocol(error: MainspringError) -> bool:
    """Whether a path that no route has is one of the Open Inference Protocol."""
    return isinstance(error, UnknownRoute) and error.path.startswith("/v2")


def _shown(value: object) -> object:
    """A field of an error, as far as a caller needs it."""
    return clipped(value, MAX_SHOWN) if isinstance(value, str) else value


def _headers(status: int, error: MainspringError) -> dict[str, str]:
    """What HTTP asks of a reply with this status, beside its body."""
    match status:
        case 401:
            return {"WWW-Authenticate": "Bearer"}
        case 405 if isinstance(error, MethodNotAllowed):
            return {"Allow": error.allowed}
        case 429 if isinstance(error, RateExceeded):
            return {"Retry-After": str(math.ceil(error.wait_s))}
        case 503:
            return {"Retry-After": _RETRY_S}
        case _:
            return {}
