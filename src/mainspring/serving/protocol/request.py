"""A request of the protocol: (headers, body) to arrays that fit the model, or the field that is
wrong.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from mainspring.ports.body import require_bounded_json
from mainspring.ports.errors import BadRequest
from mainspring.ports.tensors import Array
from mainspring.serving.errors import TooManyRows, WrongTensor
from mainspring.serving.protocol.binary import (
    JSON_LENGTH_HEADER,
    SplitBody,
    array_of_bytes,
    split_body,
)
from mainspring.serving.protocol.datatypes import DATATYPES
from mainspring.serving.protocol.errors import WrongField
from mainspring.serving.protocol.json_values import array_of_json
from mainspring.serving.protocol.model import InputRule, ProtocolModel

__all__ = [
    "InferCall",
    "InferRequest",
    "InputTensor",
    "OutputRequest",
    "RequestedOutput",
    "decode_request",
]

_SMALL_BYTES = 64 * 1024
_MAX_DIMENSION = 2**40
_NOT_HERE = ("sequence_id", "sequence_start", "sequence_end")


class InputTensor(msgspec.Struct, forbid_unknown_fields=True):
    """A tensor of a request as it is written."""

    name: str
    shape: list[int]
    datatype: str
    data: list[object] | None = None
    parameters: dict[str, object] | None = None


class OutputRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An output that is asked for, as it is written."""

    name: str
    parameters: dict[str, object] | None = None


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of `POST /v2/models/{name}/infer`; KServe's client says the model once more."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, object] | None = None
    outputs: list[OutputRequest] | None = None
    model_name: str | None = None
    model_version: str | None = None


_DECODER = msgspec.json.Decoder(InferRequest)


class RequestedOutput(NamedTuple):
    """An output that is asked for, and whether as binary data."""

    name: str
    is_binary: bool


class InferCall(NamedTuple):
    """A request, ready to be computed.

    Args:
        rows: the size of the first dimension of its first input.
    """

    id: str
    inputs: Mapping[str, Array]
    outputs: Sequence[RequestedOutput]
    rows: int


def decode_request(body: bytes, headers: Mapping[str, str], model: ProtocolModel) -> InferCall:
    """The request in a body, which is not packed any more.

    Raises: BadRequest SRV-004 for what is no such JSON, BodyTooComplex SRV-044, TooManyRows
        SRV-006, WrongTensor SRV-007 for a tensor that does not fit, WrongField SRV-090 for any
        other field.
    Cost: 6 µs for a row of 30 numbers in JSON, 4 µs in binary data.
    """
    parts = split_body(body, headers)
    if parts.is_raw:
        return _raw_call(parts.binary, model)
    request = _parsed(parts.json)
    _check_names(request, model)
    is_binary = _request_parameters(request.parameters)
    inputs: dict[str, Array] = {}
    used = 0
    for tensor in request.inputs:
        rule = _rule(tensor, model, inputs)
        inputs[tensor.name], size = _array(tensor, rule, parts, used)
        used += size
    if missing := model.inputs.keys() - inputs.keys():
        raise WrongTensor(tensor=min(missing), reason=_missing_text(request, model))
    if used != len(parts.binary):
        reason = f"{len(parts.binary) - used} bytes behind the JSON belong to no tensor"
        raise WrongField(field="binary_data_size", reason=reason)
    return _call(request.id or "", inputs, _outputs(request, model, is_binary), model)


def _call(
    request_id: str,
    inputs: Mapping[str, Array],
    outputs: Sequence[RequestedOutput],
    model: ProtocolModel,
) -> InferCall:
    shape = next(iter(inputs.values())).shape if inputs else ()
    rows = shape[0] if shape else 1
    if model.max_rows is not None and rows > model.max_rows:
        raise TooManyRows(rows=rows, limit=model.max_rows)
    return InferCall(request_id, inputs, outputs, rows)


def _parsed(payload: bytes) -> InferRequest:
    # A small one has few values, and the decoder, the shapes and plain parameters bound its depth;
    # to count would cost nested data more than to decode it.
    if len(payload) > _SMALL_BYTES:
        require_bounded_json(payload)
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(reason=str(error)) from error


def _check_names(request: InferRequest, model: ProtocolModel) -> None:
    """Refuse a body that is for another model than the path."""
    if request.model_name not in (None, "", model.name):
        reason = f"{request.model_name!r} is not the model of the path, {model.name!r}"
        raise WrongField(field="model_name", reason=reason)
    if request.model_version not in (None, "", model.version):
        reason = f"{request.model_version!r} is not the version that answers, {model.version!r}"
        raise WrongField(field="model_version", reason=reason)


def _request_parameters(parameters: Mapping[str, object] | None) -> bool:
    """Whether outputs are binary data where they do not say."""
    if not parameters:
        return False
    for name, value in parameters.items():
        if name.startswith("triton_"):
            raise WrongField(field=f"parameters.{name}", reason="names in triton_ are not free")
        if name in _NOT_HERE and value:
            reason = "a model here answers each request by itself and knows no sequences"
            raise WrongField(field=f"parameters.{name}", reason=reason)
        _require_plain(f"parameters.{name}", value)
    return _flag(parameters, "binary_data_output", "parameters")


def _require_plain(field: str, value: object) -> None:
    if not isinstance(value, str | int | float | bool):
        raise WrongField(field=field, reason="a parameter is a text, a number or a truth value")


def _flag(parameters: Mapping[str, object] | None, name: str, where: str) -> bool:
    value = parameters.get(name, False) if parameters else False
    if not isinstance(value, bool):
        raise WrongField(field=f"{where}.{name}", reason="it is neither true nor false")
    return value


def _rule(tensor: InputTensor, model: ProtocolModel, before: Mapping[str, object]) -> InputRule:
    """How this input may be sent; its name, datatype and shape are looked at here."""
    rule = model.inputs.get(tensor.name)
    if rule is None:
        known = ", ".join(map(repr, model.inputs))
        raise WrongTensor(
            tensor=tensor.name, reason=f"the model has no such input; it takes {known}"
        )
    if tensor.name in before:
        raise WrongTensor(tensor=tensor.name, reason="it is given twice")
    if tensor.datatype not in rule.datatypes:
        said = "" if tensor.datatype in DATATYPES else ", which is no datatype of the protocol"
        raise WrongTensor(
            tensor=tensor.name,
            reason=f"datatype {tensor.datatype}{said}; the model takes {rule.spec.datatype}",
        )
    if not _fits(tensor.shape, rule.spec.shape):
        raise WrongTensor(
            tensor=tensor.name,
            reason=f"shape {tensor.shape} is not {[*rule.spec.shape]}, -1 being any number from 1",
        )
    return rule


def _fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    if len(shape) != len(wanted):
        return False
    for size, declared in zip(shape, wanted, strict=True):
        if size < 1 or size > _MAX_DIMENSION or (declared not in (-1, size)):
            return False
    return True


def _array(tensor: InputTensor, rule: InputRule, parts: SplitBody, used: int) -> tuple[Array, int]:
    """The values of a tensor, and how many bytes of binary data they took."""
    takes, size = rule.spec.datatype, _binary_size(tensor)
    if size is not None:
        if tensor.data is not None:
            reason = "it has both data and binary_data_size"
            raise WrongTensor(tensor=tensor.name, reason=reason)
        if size > len(parts.binary) - used:
            left = len(parts.binary) - used
            reason = f"binary_data_size is {size}, and {left} bytes of binary data are left"
            raise WrongTensor(tensor=tensor.name, reason=reason)
        data = parts.binary[used : used + size]
        found = array_of_bytes(
            tensor.name, data, tensor.shape, datatype=tensor.datatype, takes=takes
        )
        return found, size
    if tensor.data is None:
        raise WrongTensor(tensor=tensor.name, reason="it has neither data nor binary_data_size")
    if tensor.datatype == "FP16":
        reason = "FP16 is sent as binary data; JSON has no such number"
        raise WrongTensor(tensor=tensor.name, reason=reason)
    found = array_of_json(
        tensor.name,
        tensor.data,
        tensor.shape,
        datatype=tensor.datatype,
        takes=takes,
        place_of=rule.place_of(tensor.shape),
    )
    return found, 0


def _binary_size(tensor: InputTensor) -> int | None:
    """How many bytes of binary data a tensor has; None where its data is JSON."""
    if not tensor.parameters:
        return None
    for name, value in tensor.parameters.items():
        if name.startswith("shared_memory"):
            raise WrongTensor(tensor=tensor.name, reason=f"{name}: no memory is shared here")
        _require_plain(f"inputs.{tensor.name}.parameters.{name}", value)
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise WrongTensor(tensor=tensor.name, reason="binary_data_size is no number of bytes")
    return size


def _missing_text(request: InferRequest, model: ProtocolModel) -> str:
    given = ", ".join(repr(tensor.name) for tensor in request.inputs) or "none"
    return f"it is missing; the model takes {', '.join(map(repr, model.inputs))}, given: {given}"


def _outputs(request: InferRequest, model: ProtocolModel, is_binary: bool) -> list[RequestedOutput]:
    """What is asked for: everything, where nothing is named."""
    if not request.outputs:
        return [RequestedOutput(name, is_binary) for name in model.outputs]
    return list(_iter_outputs(request.outputs, model, is_binary))


def _iter_outputs(
    outputs: Sequence[OutputRequest], model: ProtocolModel, is_binary: bool
) -> Iterator[RequestedOutput]:
    before: set[str] = set()
    for output in outputs:
        where = f"outputs.{output.name}"
        if output.name not in model.outputs:
            reason = f"the model has no such output; it has {', '.join(map(repr, model.outputs))}"
            raise WrongField(field=where, reason=reason)
        if output.name in before:
            raise WrongField(field=where, reason="it is asked for twice")
        before.add(output.name)
        parameters = output.parameters or {}
        for name, value in parameters.items():
            if name.startswith("shared_memory") or (name == "classification" and value):
                reason = "neither shared memory nor labels of classes are given here"
                raise WrongField(field=f"{where}.parameters.{name}", reason=reason)
            _require_plain(f"{where}.parameters.{name}", value)
        if "binary_data" in parameters:
            yield RequestedOutput(output.name, _flag(parameters, "binary_data", where))
        else:
            yield RequestedOutput(output.name, is_binary)


def _raw_call(data: memoryview, model: ProtocolModel) -> InferCall:
    """The raw form: the body is the data of the one input, and its shape follows from its size."""
    if len(model.inputs) != 1:
        reason = f"a body without JSON is for models of one input; this has {len(model.inputs)}"
        raise WrongField(field=JSON_LENGTH_HEADER, reason=reason)
    [(name, rule)] = model.inputs.items()
    spec = rule.spec
    if spec.datatype == "BYTES":
        # The one text is the body, without a length before it.
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError as error:
            raise WrongTensor(tensor=name, reason="it is no UTF-8 text") from error
        array = np.array([text], dtype=object)
        if any(size not in (-1, 1) for size in spec.shape):
            raise WrongTensor(tensor=name, reason="a body without JSON is one text")
        found: Array = array.reshape((1,) * len(spec.shape))
    else:
        shape = _raw_shape(name, len(data), spec.shape, DATATYPES[spec.datatype].item_bytes)
        found = array_of_bytes(name, data, shape, datatype=spec.datatype, takes=spec.datatype)
    return _call("", {name: found}, [RequestedOutput(each, True) for each in model.outputs], model)


def _raw_shape(
    name: str, size_bytes: int, wanted: Sequence[int], item_bytes: int
) -> tuple[int, ...]:
    """The shape that so many bytes have; of two open dimensions the first is 1."""
    open_places = [place for place, size in enumerate(wanted) if size < 0]
    shape = list(wanted)
    if len(open_places) == 2 and open_places[0] == 0:
        shape[0] = 1
        open_places = open_places[1:]
    if len(open_places) > 1:
        raise WrongTensor(tensor=name, reason="its shape cannot be told from its bytes alone")
    each = math.prod(size for size in shape if size > 0) * item_bytes
    if open_places:
        shape[open_places[0]] = size_bytes // each
    if not size_bytes or math.prod(shape) * item_bytes != size_bytes:
        raise WrongTensor(tensor=name, reason=f"{size_bytes} bytes do not fill shape {[*wanted]}")
    return tuple(shape)
