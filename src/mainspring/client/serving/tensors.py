"""Tensors of the Open Inference Protocol, from and to arrays of NumPy.

Source: Open Inference Protocol, `inference_rest.md` and the binary tensor data extension.
"""

import struct
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from mainspring.client.serving.answers import Array, Inference

__all__ = ["LENGTH_HEADER", "Tensors", "parse_inference", "render_inference"]

LENGTH_HEADER = "Inference-Header-Content-Length"
Tensors = Mapping[str, Array]

_DATATYPES = {
    "BOOL": np.dtype("?"),
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
_NAMES = {kind: name for name, kind in _DATATYPES.items()}


class _Parameters(msgspec.Struct, frozen=True):
    binary_data_size: int | None = None


class _Output(msgspec.Struct, kw_only=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[object] = []
    parameters: _Parameters = _Parameters()


class _Answer(msgspec.Struct, kw_only=True):
    model_name: str
    model_version: str = ""
    id: str = ""
    outputs: list[_Output]


def render_inference(
    inputs: Tensors, *, outputs: Sequence[str] = (), request: str = "", is_binary: bool
) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a request.

    Args:
        inputs: by name; texts as arrays of `str`, `bytes` or `object`.
        outputs: that are asked for; none: all.
        request: an id that the answer repeats.

    Raises: ValueError for an array that no datatype holds.
    """
    told, tail = [], b""
    for name, array in inputs.items():
        datatype = _datatype_of(name, array)
        tensor: dict[str, object] = {
            "name": name,
            "shape": list(array.shape),
            "datatype": datatype,
        }
        # JSON has no words for half floats in the protocol.
        if is_binary or datatype == "FP16":
            payload = _bytes_of(array, datatype)
            tensor["parameters"] = {"binary_data_size": len(payload)}
            tail += payload
        else:
            tensor["data"] = _values_of(array)
        told.append(tensor)
    document: dict[str, object] = {"inputs": told}
    if request:
        document["id"] = request
    if outputs:
        document["outputs"] = [{"name": name} for name in outputs]
    if is_binary:
        document["parameters"] = {"binary_data_output": True}
    head = msgspec.json.encode(document)
    if not tail and not is_binary:
        return head, {"Content-Type": "application/json"}
    media = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(head))}
    return head + tail, media


def parse_inference(body: bytes, headers: Mapping[str, str]) -> Inference:
    """The tensors of an answer.  Raises: ValueError for what is none.

    Args:
        headers: by name in any case.
    """
    told = headers.get(LENGTH_HEADER.lower()) or headers.get(LENGTH_HEADER)
    length = int(told) if told else len(body)
    answer = msgspec.json.decode(body[:length], type=_Answer)
    place, found = length, dict[str, Array]()
    for output in answer.outputs:
        size = output.parameters.binary_data_size
        if size is None:
            found[output.name] = _array_of(output)
            continue
        if place + size > len(body):
            raise ValueError(f"output {output.name!r} is cut off")
        found[output.name] = _array_of_bytes(output, body[place : place + size])
        place += size
    return Inference(answer.model_name, answer.model_version, found, answer.id)


def _datatype_of(name: str, array: Array) -> str:
    if array.dtype.kind in "OSU":
        return "BYTES"
    datatype = _NAMES.get(array.dtype.newbyteorder("<"))
    if datatype is None:
        raise ValueError(f"input {name!r}: no datatype of the protocol holds {array.dtype}")
    return datatype


def _encoded(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _bytes_of(array: Array, datatype: str) -> bytes:
    if datatype != "BYTES":
        return array.astype(_DATATYPES[datatype], copy=False).tobytes()
    texts = [_encoded(value) for value in array.ravel().tolist()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _values_of(array: Array) -> list[object]:
    values: list[object] = array.ravel().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def _array_of(output: _Output) -> Array:
    if output.datatype == "BYTES":
        return np.array(output.data, dtype=object).reshape(output.shape)
    kind = _kind_of(output)
    if kind.kind == "f":
        # Null stands for a missing value, texts for numbers that JSON lacks.
        numbers = [np.nan if value is None else value for value in output.data]
        return np.array(numbers, dtype=np.float64).astype(kind).reshape(output.shape)
    return np.array(output.data, dtype=kind).reshape(output.shape)


def _array_of_bytes(output: _Output, data: bytes) -> Array:
    if output.datatype != "BYTES":
        return np.frombuffer(data, dtype=_kind_of(output)).reshape(output.shape)
    texts, place = list[bytes](), 0
    while place < len(data):
        try:
            [length] = struct.unpack_from("<I", data, place)
        except struct.error as error:
            raise ValueError(f"output {output.name!r} is cut off") from error
        texts.append(data[place + 4 : place + 4 + length])
        place += 4 + length
    return np.array(texts, dtype=object).reshape(output.shape)


def _kind_of(output: _Output) -> "np.dtype[np.generic[object]]":
    if output.datatype not in _DATATYPES:
        raise ValueError(f"output {output.name!r} has the datatype {output.datatype!r}")
    return _DATATYPES[output.datatype]
