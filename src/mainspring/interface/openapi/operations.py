"""What routes take and give, as the records that they read and write."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from mainspring.features.api import HistoricalBody, OnlineBody
from mainspring.features.physical import Value
from mainspring.govern.status import StatusReport
from mainspring.project.api import RollbackBody
from mainspring.serving.body import PredictBody
from mainspring.serving.feedback import FeedbackBody, FeedbackReport
from mainspring.serving.predict import Prediction
from mainspring.serving.protocol import InferRequest, InferResponse, ModelMetadata
from mainspring.serving.protocol.api import IndexBody, LoadBody
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.sources.bodies.read import PushedOperation
from mainspring.sources.uploads.upload import DeclaredFile, FinishedUpload

__all__ = ["OPERATIONS", "ApiOperation", "Header", "PredictAnswer", "Problem", "operation_of"]


class Problem(msgspec.Struct, kw_only=True):
    """A problem document, RFC 9457: what every route answers that refuses, paths that no route has
    among them.

    Args:
        code: which `mainspring explain` explains.
        remedy: what to do about it.
        id: of the fault in the server's log, where it is none of the caller.
        error: code and detail again, for clients of the Open Inference Protocol.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    id: str = ""
    error: str = ""


class PredictAnswer(msgspec.Struct, kw_only=True):
    """A prediction for each row, in their order."""

    predictions: list[Prediction]


class FeaturesAnswer(msgspec.Struct, kw_only=True):
    """The features of each row by name; with `reasons`, why a value is what it is."""

    rows: list[dict[str, Value]]
    reasons: dict[str, list[object]] = {}


class PushedRowsBody(msgspec.Struct, kw_only=True):
    """The body of a push as JSON."""

    rows: list[dict[str, object]]
    op: PushedOperation = ""


class PushAnswer(msgspec.Struct, kw_only=True):
    """What became of rows that were pushed, by how many; `quarantined` by reason."""

    accepted: int
    duplicates: int
    revised: int
    deleted: int
    unknown: int
    quarantined: dict[str, int]
    first_offset: int
    next_offset: int
    ignored: list[str] = []


class UploadAnswer(msgspec.Struct, kw_only=True):
    """How far an upload is, and what came of it."""

    upload: str
    offset: int
    size_bytes: int
    is_finished: bool
    report: FinishedUpload | None


class Moved(msgspec.Struct, kw_only=True):
    """The version that an environment has now."""

    environment: str
    version: int


class ServerMetadata(msgspec.Struct, kw_only=True):
    """The server as the Open Inference Protocol describes it."""

    name: str
    version: str
    extensions: list[str]


class Statistics(msgspec.Struct, kw_only=True):
    """What was answered since the server started, by model and version."""

    model_stats: list[dict[str, object]]


class IndexedModel(msgspec.Struct, kw_only=True):
    """A version that the server knows; `reason` where it is not ready."""

    name: str
    version: str = ""
    state: str
    reason: str = ""


class Readiness(msgspec.Struct, kw_only=True):
    """Whether answers can be given, and why not."""

    ready: bool
    reason: str = ""
    name: str = ""
    notes: list[str] = []


class Liveness(msgspec.Struct, kw_only=True):
    """That the process answers."""

    live: bool


class Header(NamedTuple):
    """A header or query parameter of a request.

    Args:
        place: `header` or `query`.
    """

    name: str
    says: str
    place: str = "header"
    is_required: bool = False


class ApiOperation(NamedTuple):
    """What one route takes and gives, beside what stands in its path.

    Args:
        name: by which clients call it.
        summary: where its handler's docstring has none.
        takes: the record of its JSON body; None where it takes none.
        forms: other media types that its body may have, of bytes.
        gives: the record of each status that is no refusal; None where it is no JSON.
        form: of the answer.
        headers: and query parameters that mean something.
        may_repeat: a `POST` that changes nothing, or nothing a second time, so clients may send it
            again after a lost answer.
    """

    name: str
    summary: str = ""
    takes: type | None = None
    forms: tuple[str, ...] = ()
    gives: Mapping[int, type | None] = MappingProxyType({200: None})
    form: str = "application/json"
    headers: tuple[Header, ...] = ()
    may_repeat: bool = False


_READY: Mapping[int, type | None] = MappingProxyType({200: Readiness, 503: Readiness})
_LIVE: Mapping[int, type | None] = MappingProxyType({200: Liveness})
_UPLOAD: Mapping[int, type | None] = MappingProxyType({200: UploadAnswer, 201: UploadAnswer})
_BYTES = "application/octet-stream"
_PUSHED = (
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
)


def _of_models(path: str, of: str) -> dict[tuple[str, str], ApiOperation]:
    """The routes about a model, or about one version of it."""
    return {
        ("GET", path): ApiOperation(name=f"model_{of}metadata", gives={200: ModelMetadata}),
        ("GET", f"{path}/ready"): ApiOperation(name=f"model_{of}ready", gives=_READY),
        ("GET", f"{path}/stats"): ApiOperation(
            name=f"model_{of}statistics", gives={200: Statistics}
        ),
        ("POST", f"{path}/infer"): ApiOperation(
            name=f"{of}infer",
            takes=InferRequest,
            forms=(_BYTES,),
            gives={200: InferResponse},
            headers=(
                Header("Inference-Header-Content-Length", "bytes of JSON before binary data"),
            ),
            may_repeat=True,
        ),
    }


OPERATIONS: Mapping[tuple[str, str], ApiOperation] = MappingProxyType(
    {
        ("POST", "/v1/endpoints/{name}/predict"): ApiOperation(
            name="predict", takes=PredictBody, gives={200: PredictAnswer}
        ),
        ("GET", "/v1/predictions/{id}/replay"): ApiOperation(
            name="replay", gives={200: PredictionTrace}
        ),
        ("POST", "/v1/feedback"): ApiOperation(
            name="feedback",
            takes=FeedbackBody,
            gives={200: FeedbackReport},
            may_repeat=True,
        ),
        ("POST", "/v1/features/online"): ApiOperation(
            name="online_features",
            takes=OnlineBody,
            gives={200: FeaturesAnswer},
            may_repeat=True,
        ),
        ("POST", "/v1/features/historical"): ApiOperation(
            name="historical_features",
            takes=HistoricalBody,
            gives={200: FeaturesAnswer},
            may_repeat=True,
        ),
        ("POST", "/v1/sources/{name}/events"): ApiOperation(
            name="push",
            takes=PushedRowsBody,
            forms=_PUSHED,
            gives={200: PushAnswer},
            headers=(Header("op", "`replace` or `delete`, for bodies that are no JSON", "query"),),
        ),
        ("POST", "/v1/sources/{name}/files"): ApiOperation(
            name="begin_upload", takes=DeclaredFile, gives=_UPLOAD
        ),
        ("PUT", "/v1/sources/{name}/files/{upload}"): ApiOperation(
            name="upload_part",
            forms=(_BYTES,),
            gives={200: UploadAnswer},
            headers=(Header("Upload-Offset", "where the part begins", is_required=True),),
        ),
        ("GET", "/v1/sources/{name}/files/{upload}"): ApiOperation(
            name="upload", gives={200: UploadAnswer}
        ),
        ("GET", "/v1/status"): ApiOperation(name="status", gives={200: StatusReport}),
        ("POST", "/v1/environment/rollback"): ApiOperation(
            name="roll_back", takes=RollbackBody, gives={200: Moved}
        ),
        ("GET", "/metrics"): ApiOperation(
            name="metrics", summary="What the server counts, for Prometheus.", form="text/plain"
        ),
        ("GET", "/openapi.json"): ApiOperation(
            name="openapi",
            gives={200: dict},
            headers=(Header("If-None-Match", "the ETag of an earlier answer; 304 while it holds"),),
        ),
        ("GET", "/v2"): ApiOperation(name="server_metadata", gives={200: ServerMetadata}),
        **_of_models("/v2/models/{name}", ""),
        **_of_models("/v2/models/{name}/versions/{version}", "version_"),
        ("GET", "/v2/models/stats"): ApiOperation(name="statistics", gives={200: Statistics}),
        ("POST", "/v2/repository/index"): ApiOperation(
            name="model_index", takes=IndexBody, gives={200: list[IndexedModel]}
        ),
        ("POST", "/v2/repository/models/{name}/load"): ApiOperation(
            name="load_model", takes=LoadBody, gives={200: dict}
        ),
        ("POST", "/v2/repository/models/{name}/unload"): ApiOperation(
            name="unload_model", takes=LoadBody, gives={200: dict}
        ),
        ("GET", "/v2/health/ready"): ApiOperation(name="ready", gives=_READY),
        ("GET", "/v2/health/live"): ApiOperation(name="live", gives=_LIVE),
        ("GET", "/healthz"): ApiOperation(name="health", gives=_LIVE),
    }
)
"""By method and path.  A route that is not here is in the document all the same, with less said."""


def operation_of(method: str, path: str) -> ApiOperation:
    """What is known of a route.

    >>> operation_of("GET", "/v9/gates/{name}/verdicts").name
    'get_v9_gates_name_verdicts'
    """
    known = OPERATIONS.get((method, path))
    if known is not None:
        return known
    words = path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")
    return ApiOperation(name="_".join([method.lower(), *words]), gives={200: dict})
