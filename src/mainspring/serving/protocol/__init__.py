"""Open Inference Protocol v2 over REST: the model itself, tensors in and tensors out, no features
looked up and nothing logged.

A request is decoded from (headers, body) to arrays, run, and encoded again; the parts know no HTTP
server.  It owns the protocol's datatypes, its JSON and binary data, the index of models, and
statistics.  Which models there are is the repository's, one for environments and one for files;
health is each server's own.

Source: Open Inference Protocol, `specification/protocol/inference_rest.md`, and its extensions.
"""

from mainspring.serving.protocol.api import ProtocolApi
from mainspring.serving.protocol.metadata import ModelMetadata
from mainspring.serving.protocol.model import ProtocolModel, matrix_model, tensor_model
from mainspring.serving.protocol.repository import (
    REVISION_HEADER,
    ModelRepository,
    RepositoryEntry,
)
from mainspring.serving.protocol.request import InferRequest
from mainspring.serving.protocol.response import InferResponse

__all__ = [
    "REVISION_HEADER",
    "InferRequest",
    "InferResponse",
    "ModelMetadata",
    "ModelRepository",
    "ProtocolApi",
    "ProtocolModel",
    "RepositoryEntry",
    "matrix_model",
    "tensor_model",
]
