"""Open Inference Protocol v2 over REST: the model itself, tensors in and tensors out, no features
looked up and nothing logged.

Source: Open Inference Protocol, `specification/protocol/inference_rest.md`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.ports.body import parse_body
from mainspring.ports.limits import MAX_JSON_VALUES, MAX_ROWS
from mainspring.ports.models import Scorer
from mainspring.serving.errors import TooManyRows, WrongTensor
from mainspring.serving.tensor import DATATYPES, matrix_of_values

__all__ = [
    "INPUT",
    "OUTPUT",
    "InferRequest",
    "InferResponse",
    "ModelMetadata",
    "ProtocolModel",
    "Tensor",
    "TensorMetadata",
    "infer_response",
    "matrix_of",
    "metadata_of",
]

INPUT, OUTPUT = "features", "score"


class ProtocolModel(NamedTuple):
    """A model as the Open Inference Protocol sees it.

    Args:
        label: of its version.
        columns: the names of its inputs, in order; empty where it takes any number of them.
    """

    name: str
    label: str
    columns: Sequence[str]
    scorer: Scorer


class Tensor(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A tensor as JSON: row-major data, flat or one list a row; null stands for a missing value in
    FP32 and FP64.
    """

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


def metadata_of(model: ProtocolModel) -> ModelMetadata:
    """What the model takes and gives."""
    takes = TensorMetadata(
        name=INPUT, datatype=model.scorer.datatype, shape=[-1, len(model.columns) or -1]
    )
    return ModelMetadata(
        name=model.name,
        versions=[model.label],
        platform="onnx",
        inputs=[takes],
        outputs=[TensorMetadata(name=OUTPUT, datatype="FP64", shape=[-1])],
        parameters={"features": list(model.columns)},
    )


def matrix_of(body: bytes, model: ProtocolModel) -> tuple[InferRequest, NDArray[np.float64]]:
    """The request and its (rows, columns) matrix; a missing value is NaN.

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
    return request, _matrix(request.inputs[0], model)


def _matrix(tensor: Tensor, model: ProtocolModel) -> NDArray[np.float64]:
    if tensor.datatype not in DATATYPES:
        raise WrongTensor(
            tensor=tensor.name,
            reason=f"datatype {tensor.datatype} is not one of {', '.join(DATATYPES)}",
        )
    width = len(model.columns)
    if len(tensor.shape) != 2 or tensor.shape[0] < 1 or tensor.shape[1] < 1:
        raise WrongTensor(
            tensor=tensor.name, reason=f"shape {tensor.shape} is not [rows, {width or 'columns'}]"
        )
    rows, given = tensor.shape
    if width not in (0, given):
        raise WrongTensor(tensor=tensor.name, reason=f"shape {tensor.shape} is not [rows, {width}]")
    if rows > MAX_ROWS:
        raise TooManyRows(rows=rows, limit=MAX_ROWS)
    if given > MAX_JSON_VALUES:
        raise WrongTensor(tensor=tensor.name, reason=f"no body has {given} values")
    return matrix_of_values(
        tensor.name,
        tensor.data,
        model.columns or range(given),
        rows=rows,
        datatype=tensor.datatype,
        takes=model.scorer.datatype,
    )


def infer_response(
    model: ProtocolModel, request: InferRequest, scores: NDArray[np.float64]
) -> InferResponse:
    """The answer to a request."""
    data: list[object] = list(scores.ravel().tolist())
    output = Tensor(name=OUTPUT, shape=list(scores.shape), datatype="FP64", data=data)
    return InferResponse(
        model_name=model.name, model_version=model.label, id=request.id, outputs=[output]
    )
