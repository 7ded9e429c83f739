"""What the routes of an environment take and give, as the records that they read and write."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from mainspring.features.api import HistoricalBody, OnlineBody
from mainspring.features.physical import Value
from mainspring.govern.status import StatusReport
from mainspring.interface.openapi.operation import ApiOperation, Header, Operations
from mainspring.interface.openapi.protocol import BYTES, PROTOCOL_OPERATIONS
from mainspring.project.api import RollbackBody
from mainspring.serving.body import PredictBody
from mainspring.serving.feedback import FeedbackBody, FeedbackReport
from mainspring.serving.predict import Prediction
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.sources.bodies.read import PushedOperation
from mainspring.sources.uploads.upload import DeclaredFile, FinishedUpload

__all__ = ["OPERATIONS", "PredictAnswer"]


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


_UPLOAD: Mapping[int, type | None] = MappingProxyType({200: UploadAnswer, 201: UploadAnswer})
_PUSHED = (
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
)


OPERATIONS: Operations = MappingProxyType(
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
            forms=(BYTES,),
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
        **PROTOCOL_OPERATIONS,
    }
)
"""By method and path.  A route that is not here is in the document all the same, with less said."""
