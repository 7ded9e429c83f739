"""An answer of the protocol: arrays to (headers, body)."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.ports.http import Reply
from mainspring.ports.tensors import Array
from mainspring.serving.protocol.binary import JSON_LENGTH_HEADER, bytes_of_array
from mainspring.serving.protocol.errors import OutputNotSayable
from mainspring.serving.protocol.model import ProtocolModel
from mainspring.serving.protocol.request import InferCall, RequestedOutput

__all__ = ["InferResponse", "OutputTensor", "encode_response"]


class OutputTensor(msgspec.Struct, omit_defaults=True):
    """A tensor of an answer."""

    name: str
    shape: Sequence[int]
    datatype: str
    parameters: dict[str, int] | None = None
    data: list[object] | None = None


class InferResponse(msgspec.Struct, omit_defaults=True):
    """An answer; `id` is the request's."""

    model_name: str
    model_version: str
    id: str = ""
    outputs: list[OutputTensor] = []


_ENCODER = msgspec.json.Encoder()


def encode_response(model: ProtocolModel, request: InferCall, arrays: Sequence[Array]) -> Reply:
    """The answer to a request.

    Args:
        arrays: one for each output that the request asks for, in its order.

    Raises: OutputNotSayable SRV-093 where an output asked for as JSON has no such form.
    Cost: 2 µs for one number, 60 µs for 1,000.
    """
    tensors, chunks = [], []
    for output, array in zip(request.outputs, arrays, strict=True):
        datatype = model.outputs[output.name].datatype
        if output.is_binary:
            chunks.append(bytes_of_array(array, datatype))
            size = {"binary_data_size": len(chunks[-1])}
            tensors.append(OutputTensor(output.name, array.shape, datatype, size))
        else:
            data = _plain(output, array, datatype)
            tensors.append(OutputTensor(output.name, array.shape, datatype, None, data))
    head = _ENCODER.encode(InferResponse(model.name, model.version, request.id, tensors))
    if not chunks:
        return Reply(200, head)
    headers: Mapping[str, str] = {JSON_LENGTH_HEADER: str(len(head))}
    return Reply(200, b"".join((head, *chunks)), "application/octet-stream", headers)


def _plain(output: RequestedOutput, array: Array, datatype: str) -> list[object]:
    """The values in row-major order, as JSON has them."""
    if datatype == "FP16":
        raise OutputNotSayable(tensor=output.name, reason="FP16 is binary data only")
    values: list[object] = array.ravel().tolist()
    if datatype in ("FP32", "FP64") and not np.isfinite(cast("NDArray[np.float64]", array)).all():
        raise OutputNotSayable(tensor=output.name, reason="a value is NaN or infinite")
    return values
