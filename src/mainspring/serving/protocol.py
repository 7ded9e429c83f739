"""Open Inference Protocol v2 over REST: the model itself, tensors in and tensors out, no features
looked up and nothing logged.

Source: Open Inference Protocol, `specification/protocol/inference_rest.md`.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.ports.http import parse_body
from mainspring.serving.body import MAX_ROWS
from mainspring.serving.errors import TooManyRows, WrongTensor

__all__ = [
    "INPUT",
    "OUTPUT",
    "InferRequest",
    "InferResponse",
    "ModelMetadata",
    "Tensor",
    "TensorMetadata",
    "infer_response",
    "matrix_of",
    "metadata_of",
]

INPUT, OUTPUT = "features", "score"
_DATATYPES = {"FP64", "FP32", "INT64", "INT32", "BOOL"}


class Tensor(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A tensor as JSON: row-major data, flat or nested; null stands for a missing value."""

    name: str
    shape: list[int]
    datatype: str
    data: list[object]
    parameters: dict[str, object] = {}


class _Requested(msgspec.Struct):
    name: str
    parameters: dict[str, object] = {}


class InferRequest(msgspec.Struct, kw_only=True):
    """The body of `POST /v2/models/{name}/infer`."""

    inputs: list[Tensor]
    id: str = ""
    parameters: dict[str, object] = {}
    outputs: list[_Requested] | None = None


class InferResponse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer; `id` is the request's."""

    model_name: str
    model_version: str
    id: str = ""
    outputs: list[Tensor]


class TensorMetadata(msgspec.Struct, kw_only=True):
    """A tensor that the model takes or gives; -1 in a shape stands for any number."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct, kw_only=True):
    """The answer of `GET /v2/models/{name}`; `parameters.features` names the columns of the input
    in order.
    """

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: dict[str, list[str]]


def metadata_of(name: str, version: str, features: Sequence[str]) -> ModelMetadata:
    """What the model takes and gives."""
    return ModelMetadata(
        name=name,
        versions=[version],
        platform="onnx",
        inputs=[TensorMetadata(name=INPUT, datatype="FP64", shape=[-1, len(features)])],
        outputs=[TensorMetadata(name=OUTPUT, datatype="FP64", shape=[-1])],
        parameters={"features": list(features)},
    )


def matrix_of(body: bytes, width: int) -> tuple[InferRequest, NDArray[np.float64]]:
    """The request and its (rows, width) matrix; a missing value is NaN.

    Raises: BadRequest SRV-004 when the body is not such a request, TooManyRows SRV-006 for too many
        rows, WrongTensor SRV-007 when a tensor does not fit.
    """
    request = parse_body(body, InferRequest)
    unknown = [output.name for output in request.outputs or () if output.name != OUTPUT]
    if unknown:
        raise WrongTensor(
            tensor=unknown[0], reason=f"the model has no such output; it has {OUTPUT!r}"
        )
    if len(request.inputs) != 1 or request.inputs[0].name != INPUT:
        names = ", ".join(repr(tensor.name) for tensor in request.inputs) or "none"
        raise WrongTensor(
            tensor=INPUT, reason=f"the model takes exactly this input, and the request has {names}"
        )
    return request, _matrix(request.inputs[0], width)


def _matrix(tensor: Tensor, width: int) -> NDArray[np.float64]:
    if tensor.datatype not in _DATATYPES:
        raise WrongTensor(
            tensor=tensor.name,
            reason=f"datatype {tensor.datatype} is not one of {', '.join(sorted(_DATATYPES))}",
        )
    if len(tensor.shape) != 2 or tensor.shape[1] != width or tensor.shape[0] < 1:
        raise WrongTensor(
            tensor=tensor.name,
            reason=f"shape {tensor.shape} is not [rows, {width}] with at least one row",
        )
    if tensor.shape[0] > MAX_ROWS:
        raise TooManyRows(rows=tensor.shape[0], limit=MAX_ROWS)
    flat = [
        number for item in tensor.data for number in (item if isinstance(item, list) else [item])
    ]
    if len(flat) != math.prod(tensor.shape):
        raise WrongTensor(
            tensor=tensor.name, reason=f"{len(flat)} values do not fill shape {tensor.shape}"
        )
    if not all(number is None or isinstance(number, int | float) for number in flat):
        raise WrongTensor(tensor=tensor.name, reason="a value is neither a number nor null")
    try:
        return np.array(
            [np.nan if number is None else number for number in flat], dtype=np.float64
        ).reshape(tensor.shape)
    except OverflowError as error:
        raise WrongTensor(
            tensor=tensor.name, reason="a whole number is too large for float64"
        ) from error


def infer_response(
    name: str, version: str, request: InferRequest, scores: NDArray[np.float64]
) -> InferResponse:
    """The answer to a request."""
    data: list[object] = list(scores.ravel().tolist())
    output = Tensor(name=OUTPUT, shape=list(scores.shape), datatype="FP64", data=data)
    return InferResponse(model_name=name, model_version=version, id=request.id, outputs=[output])
