"""What the routes take and give that every server has: those of the Open Inference Protocol,
health, metrics, and the document itself.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from mainspring.interface.openapi.operation import ApiOperation, Header, Operations
from mainspring.serving.protocol import InferRequest, InferResponse, ModelMetadata
from mainspring.serving.protocol.api import IndexBody, LoadBody

__all__ = ["BYTES", "PROTOCOL_OPERATIONS"]

BYTES = "application/octet-stream"


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


_READY: Mapping[int, type | None] = MappingProxyType({200: Readiness, 503: Readiness})
_LIVE: Mapping[int, type | None] = MappingProxyType({200: Liveness})


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
            forms=(BYTES,),
            gives={200: InferResponse},
            headers=(
                Header("Inference-Header-Content-Length", "bytes of JSON before binary data"),
            ),
            may_repeat=True,
        ),
    }


PROTOCOL_OPERATIONS: Operations = MappingProxyType(
    {
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
