"""A strict and bounded reader of ONNX protobufs, which needs no other package.

A scan is worth as much as its reader agrees with the one that runs the model.  Protobuf merges what
is written twice, passes over what it does not know and builds an object of a hundred bytes from
two: a file could show one graph to a scan and another to the runtime, or fill the memory before
anything is judged.  Here a field that is unknown, of another type, or singular and written twice is
a fault, so that every reader sees the same model; and the work is counted while it is done.
NumberRun stay bytes of the file until they are asked for.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["MalformedProtobuf", "Message", "NumberRun", "read_message"]

_VARINT, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_MAX_FIELDS = 2_000_000
_MAX_DEPTH = 16
_MAX_INT = 1 << 63
_CONTINUED = bytes(range(0x80, 0x100))

# What a message may contain, by the numbers of onnx.proto; `*` may be repeated; `text` is UTF-8,
# `blob` anything, `opaque` is not looked into.  Left out, and so refused: annotations for several
# devices, and segments of tensors.
_SCHEMA_TEXT = """
ModelProto: 1 int ir_version, 8 *OperatorSetIdProto opset_import, 2 text producer_name,
  3 text producer_version, 4 text domain, 5 int model_version, 6 text doc_string,
  7 GraphProto graph, 14 *opaque metadata_props, 20 *opaque training_info, 25 *opaque functions
OperatorSetIdProto: 1 text domain, 2 int version
GraphProto: 1 *NodeProto node, 2 text name, 5 *TensorProto initializer,
  15 *SparseTensorProto sparse_initializer, 10 text doc_string, 11 *ValueInfoProto input,
  12 *ValueInfoProto output, 13 *ValueInfoProto value_info, 14 *opaque quantization_annotation,
  16 *opaque metadata_props
NodeProto: 1 *text input, 2 *text output, 3 text name, 4 text op_type, 7 text domain,
  8 text overload, 5 *AttributeProto attribute, 6 text doc_string, 9 *opaque metadata_props
AttributeProto: 1 text name, 21 text ref_attr_name, 13 text doc_string, 20 int type, 2 float f,
  3 int i, 4 blob s, 5 TensorProto t, 6 GraphProto g, 22 SparseTensorProto sparse_tensor,
  14 opaque tp, 7 *float floats, 8 *int ints, 9 *blob strings, 10 *TensorProto tensors,
  11 *GraphProto graphs, 23 *SparseTensorProto sparse_tensors, 15 *opaque type_protos
TensorProto: 1 *int dims, 2 int data_type, 4 *float float_data, 5 *int int32_data,
  6 *blob string_data, 7 *int int64_data, 8 text name, 12 text doc_string, 9 blob raw_data,
  13 *StringStringEntryProto external_data, 14 int data_location, 10 *double double_data,
  11 *int uint64_data, 16 *opaque metadata_props
SparseTensorProto: 1 TensorProto values, 2 TensorProto indices, 3 *int dims
StringStringEntryProto: 1 text key, 2 text value
ValueInfoProto: 1 text name, 2 TypeProto type, 3 text doc_string, 4 *opaque metadata_props
TypeProto: 1 TypedTensor tensor_type, 4 opaque sequence_type, 5 opaque map_type,
  9 opaque optional_type, 8 opaque sparse_tensor_type, 7 opaque opaque_type, 6 text denotation
TypedTensor: 1 int elem_type, 2 TensorShapeProto shape
TensorShapeProto: 1 *Dimension dim
Dimension: 1 int dim_value, 2 text dim_param, 3 text denotation
"""
_NUMBERS = {"int": _VARINT, "float": _FOUR_BYTES, "double": _EIGHT_BYTES}


class _Field(NamedTuple):
    name: str
    kind: str
    is_repeated: bool


class MalformedProtobuf(Exception):
    """The bytes are no ONNX protobuf, or one that two readers could read differently, or more work
    to read than is done.
    """


class NumberRun(NamedTuple):
    """NumberRun of one field that stand side by side.

    Args:
        written: their bytes, each with its tag unless they are packed.
        tag_bytes: the length of a tag; 0 when packed.
    """

    written: bytes
    tag_bytes: int
    kind: str

    def __len__(self) -> int:
        match self.kind:
            case "int":
                # Each number ends with its one byte below 128; a tag of two bytes has one as well.
                ends = len(self.written.translate(None, _CONTINUED))
                return ends // 2 if self.tag_bytes else ends
            case "float":
                return len(self.written) // (4 + self.tag_bytes)
            case _:
                return len(self.written) // (8 + self.tag_bytes)

    def integers(self) -> NDArray[np.int64]:
        """Them all, whole numbers only."""
        written = np.frombuffer(self.written, dtype=np.uint8)
        ends = np.flatnonzero(written < 0x80)
        if not len(ends):
            return np.empty(0, dtype=np.int64)
        starts = np.concatenate([np.zeros(1, dtype=ends.dtype), ends[:-1] + 1])
        # Each number has its tag before it, which ends with a byte below 128 too.
        places = slice(1, None, 2) if self.tag_bytes else slice(None)
        starts, sizes = starts[places], (ends - starts + 1)[places]
        found = np.zeros(len(starts), dtype=np.uint64)
        for group in range(int(sizes.max(initial=0))):
            longer = np.flatnonzero(sizes > group)
            bits = written[starts[longer] + group].astype(np.uint64) & np.uint64(0x7F)
            found[longer] |= bits << np.uint64(7 * group)
        return found.view(np.int64)

    def floats(self) -> NDArray[np.float64]:
        """Them all, floats and doubles only."""
        size, kind = (4, "<f4") if self.kind == "float" else (8, "<f8")
        rows = np.frombuffer(self.written, dtype=np.uint8).reshape(-1, self.tag_bytes + size)
        plain = np.ascontiguousarray(rows[:, self.tag_bytes :])
        return plain.view(kind).reshape(-1).astype(np.float64)


Wanted = TypeVar("Wanted", int, bytes, NumberRun, "Message")


class Message:
    """What one message contains, by the names of its fields."""

    __slots__ = ("_entries", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, list[int | bytes | NumberRun | Message]] = {}

    def add(self, name: str, entry: "int | bytes | NumberRun | Message") -> None:
        """One more entry of a field."""
        self._entries.setdefault(name, []).append(entry)

    def has(self, name: str) -> bool:
        """Whether the field is written."""
        return name in self._entries

    def messages(self, name: str) -> "list[Message]":
        """The messages of a field, in order."""
        return self._of(name, Message)

    def texts(self, name: str) -> list[bytes]:
        """The texts and blobs of a field, in order."""
        return self._of(name, bytes)

    def text(self, name: str) -> str:
        """The text of a field, empty when it is not there."""
        return next(iter(self.texts(name)), b"").decode()

    def integer(self, name: str, *, default: int = 0) -> int:
        """The whole number of a field that is not repeated."""
        return next(iter(self._of(name, int)), default)

    def integers(self, name: str) -> Iterator[int]:
        """The whole numbers of a repeated field, one by one."""
        for run in self._of(name, NumberRun):
            yield from run.integers().tolist()

    def integer_array(self, name: str) -> NDArray[np.int64]:
        """The whole numbers of a repeated field, (numbers,)."""
        runs = [run.integers() for run in self._of(name, NumberRun)]
        return np.concatenate([np.empty(0, dtype=np.int64), *runs])

    def float_array(self, name: str) -> NDArray[np.float64]:
        """The floats or doubles of a repeated field, (numbers,)."""
        runs = [run.floats() for run in self._of(name, NumberRun)]
        return np.concatenate([np.empty(0), *runs])

    def count(self, name: str) -> int:
        """How many numbers, texts or messages a repeated field has."""
        return sum(
            len(entry) if isinstance(entry, NumberRun) else 1
            for entry in self._entries.get(name, ())
        )

    def _of(self, name: str, wanted: type[Wanted]) -> list[Wanted]:
        return [entry for entry in self._entries.get(name, ()) if isinstance(entry, wanted)]


def read_message(payload: bytes, kind: str = "ModelProto") -> Message:
    """The message that the bytes hold.

    Raises: MalformedProtobuf.
    Cost: at most two million steps, and memory for as many entries; numbers and blobs are copied
        once, so twice the size of the file beside.
    """
    return _Reader(payload).message(kind, 0, len(payload), depth=0)


class _Reader:
    """Reads one file, and counts what it reads."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._left = payload, _MAX_FIELDS

    def message(self, kind: str, place: int, end: int, *, depth: int) -> Message:
        """The message between two places."""
        if depth > _MAX_DEPTH:
            raise MalformedProtobuf(f"messages are nested more than {_MAX_DEPTH} deep")
        found, fields = Message(kind), _schema()[kind]
        while place < end:
            place = self._field(found, fields, (place, end), depth=depth)
        return found

    def _field(
        self, found: Message, fields: dict[int, _Field], span: tuple[int, int], *, depth: int
    ) -> int:
        """Read one field, or a run of numbers of one field; the place behind it."""
        place, end = span
        self._left -= 1
        if self._left < 0:
            raise MalformedProtobuf(f"more than {_MAX_FIELDS} fields")
        tag, start = _varint(self._payload, place, end)
        field, wire = fields.get(tag >> 3), tag & 7
        if field is None:
            raise MalformedProtobuf(f"{found.kind} has no field {tag >> 3}")
        if not field.is_repeated and found.has(field.name):
            raise MalformedProtobuf(f"{found.kind}.{field.name} is written twice")
        if field.kind in _NUMBERS:
            return self._number(found, field, wire, (place, start, end))
        if wire != _DELIMITED:
            raise MalformedProtobuf(f"{found.kind}.{field.name} is of another type")
        start, stop = self._delimited(start, end)
        if field.kind in ("text", "blob", "opaque"):
            written = self._payload[start:stop]
            if field.kind == "text" and not _is_utf8(written):
                raise MalformedProtobuf(f"{found.kind}.{field.name} is no text")
            found.add(field.name, written)
        else:
            found.add(field.name, self.message(field.kind, start, stop, depth=depth + 1))
        return stop

    def _number(self, found: Message, field: _Field, wire: int, span: tuple[int, int, int]) -> int:
        place, start, end = span
        if wire == _DELIMITED and field.is_repeated:
            start, stop = self._delimited(start, end)
            if not _packed(field.kind).fullmatch(self._payload, start, stop):
                raise MalformedProtobuf(f"{found.kind}.{field.name} is cut off")
            found.add(field.name, NumberRun(self._payload[start:stop], 0, field.kind))
            return stop
        if wire != _NUMBERS[field.kind]:
            raise MalformedProtobuf(f"{found.kind}.{field.name} is of another type")
        run = _tagged(self._payload[place:start], field.kind).match(self._payload, place, end)
        if run is None:
            raise MalformedProtobuf(f"{found.kind}.{field.name} is cut off")
        if field.is_repeated:
            found.add(field.name, NumberRun(run.group(), start - place, field.kind))
            return run.end()
        if field.kind == "int":
            value, stop = _varint(self._payload, start, end)
            found.add(field.name, _signed(value))
            return stop
        stop = start + (4 if field.kind == "float" else 8)
        found.add(field.name, self._payload[start:stop])
        return stop

    def _delimited(self, start: int, end: int) -> tuple[int, int]:
        size, start = _varint(self._payload, start, end)
        if size > end - start:
            raise MalformedProtobuf("the bytes end too early")
        return start, start + size


def _is_utf8(written: bytes) -> bool:
    try:
        written.decode()
    except UnicodeDecodeError:
        return False
    return True


def _varint(payload: bytes, place: int, end: int) -> tuple[int, int]:
    """A number in groups of seven bits, and the place behind it."""
    value = shift = 0
    while place < end and shift < 70:
        byte = payload[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2 * _MAX_INT - 1), place
        shift += 7
    raise MalformedProtobuf("the bytes end too early, or a number is too long")


def _signed(value: int) -> int:
    return value - 2 * _MAX_INT if value >= _MAX_INT else value


_ONE = {"int": rb"[\x80-\xff]{0,9}[\x00-\x7f]", "float": rb".{4}", "double": rb".{8}"}


@cache
def _packed(kind: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?:" + _ONE[kind] + rb")*+", re.DOTALL)


@cache
def _tagged(tag: bytes, kind: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?:" + re.escape(tag) + _ONE[kind] + rb")++", re.DOTALL)


@cache
def _schema() -> dict[str, dict[int, _Field]]:
    """The fields of each message by their numbers."""
    found: dict[str, dict[int, _Field]] = {}
    for text in re.split(r"\n(?=\S)", _SCHEMA_TEXT.strip()):
        kind, _, fields = text.partition(":")
        found[kind] = {
            int(number): _Field(name, declared.lstrip("*"), declared.startswith("*"))
            for number, declared, name in (field.split() for field in fields.split(","))
        }
    return found
