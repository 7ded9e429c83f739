"""Binary data of tensors: little-endian values in row-major order, behind the JSON of a request.

Source: Open Inference Protocol, binary tensor data extension (`extension_binary_data.md`).
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.ports.tensors import Array
from mainspring.serving.errors import WrongTensor
from mainspring.serving.protocol.datatypes import DATATYPES, EXACT_TO, WHOLE
from mainspring.serving.protocol.errors import WrongField

__all__ = ["JSON_LENGTH_HEADER", "SplitBody", "array_of_bytes", "bytes_of_array", "split_body"]

JSON_LENGTH_HEADER: Final = "Inference-Header-Content-Length"
"""Says how many bytes of a body are JSON; the rest is binary data."""

_LENGTH = struct.Struct("<I")


class SplitBody(NamedTuple):
    """A body in its two parts.

    Args:
        json: empty in the raw form, where the body is the data of the one input.
    """

    json: bytes
    binary: memoryview
    is_raw: bool


def split_body(body: bytes, headers: Mapping[str, str]) -> SplitBody:
    """The parts of a body.  Raises: WrongField SRV-090 for a length that is none or too large."""
    told = headers.get("inference-header-content-length")
    if told is None:
        return SplitBody(body, memoryview(b""), is_raw=False)
    if not (told.isascii() and told.isdigit()) or len(told) > 19 or int(told) > len(body):
        reason = f"{told!r} is no number of bytes of a body of {len(body)}"
        raise WrongField(field=JSON_LENGTH_HEADER, reason=reason)
    length = int(told)
    return SplitBody(body[:length], memoryview(body)[length:], is_raw=length == 0)


def array_of_bytes(
    name: str, data: memoryview, shape: Sequence[int], *, datatype: str, takes: str
) -> Array:
    """The values of binary data as an array of the shape, of the datatype that the model takes.

    Raises: WrongTensor SRV-007 for another number of bytes, or what is no value of the datatype.
    Cost: nothing is copied where both datatypes are one.
    """
    if datatype == "BYTES":
        return _texts(name, data, math.prod(shape)).reshape(shape)
    kind = DATATYPES[datatype]
    if len(data) != math.prod(shape) * kind.item_bytes:
        raise WrongTensor(
            tensor=name,
            reason=f"{len(data)} bytes do not fill shape {[*shape]} of {datatype}",
        )
    if datatype == "BOOL" and max(data, default=0) > 1:
        raise WrongTensor(tensor=name, reason="a byte of BOOL is neither 0 nor 1")
    found = np.frombuffer(data, dtype=kind.dtype).reshape(shape)
    return found if takes == datatype else _taken(name, found, datatype, takes)


def _taken(name: str, found: Array, datatype: str, takes: str) -> Array:
    """The numbers in the model's datatype; those that it does not have are refused."""
    wanted = DATATYPES[takes].dtype
    if datatype in WHOLE:
        limit = EXACT_TO[takes]
        if DATATYPES[datatype].item_bytes > 2:
            least, most = int(found.min()), int(found.max())
            if least < -limit or most > limit:
                reason = f"the model takes {takes}, which has whole numbers up to {limit}"
                raise WrongTensor(tensor=name, reason=reason)
        return found.astype(wanted)
    # A NaN that signals, which bytes may hold, is a NaN like others.
    with np.errstate(all="ignore"):
        if takes != "FP32":
            return found.astype(wanted)
        narrow, wide = found.astype(wanted), found.astype(np.float64)
    if (np.isinf(narrow) != np.isinf(wide)).any() or ((narrow == 0) != (wide == 0)).any():
        raise WrongTensor(tensor=name, reason=f"the model takes {takes}, and a value is none")
    return narrow


def _texts(name: str, data: memoryview, count: int) -> NDArray[np.object_]:
    """Texts, each behind its length in four bytes."""
    place, end = 0, len(data)
    if count * _LENGTH.size > end:
        raise WrongTensor(tensor=name, reason=f"{end} bytes are too few for {count} values")
    found = np.empty(count, dtype=object)
    for number in range(count):
        if end - place < _LENGTH.size:
            raise WrongTensor(tensor=name, reason=f"the bytes end before value {number}")
        (size,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        if size > end - place:
            reason = f"value {number} says {size} bytes, and {end - place} are left"
            raise WrongTensor(tensor=name, reason=reason)
        try:
            found[number] = str(data[place : place + size], "utf-8")
        except UnicodeDecodeError as error:
            raise WrongTensor(tensor=name, reason=f"value {number} is no UTF-8 text") from error
        place += size
    if place != end:
        raise WrongTensor(tensor=name, reason=f"{end - place} bytes are left over")
    return found


def bytes_of_array(array: Array, datatype: str) -> bytes:
    """The binary data of an array.

    >>> bytes_of_array(np.array(["ab"], dtype=object), "BYTES")
    b'\\x02\\x00\\x00\\x00ab'
    """
    if datatype == "BYTES":
        parts = [str(text).encode("utf-8", "surrogateescape") for text in array.ravel().tolist()]
        return b"".join(part for text in parts for part in (_LENGTH.pack(len(text)), text))
    return np.ascontiguousarray(array, dtype=DATATYPES[datatype].dtype).tobytes()
