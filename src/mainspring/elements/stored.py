"""Records that outlive the process that wrote them: what stands in state, journal, objects or log,
and what is signed.

Each of them has a format, a number that stands in the record as `record_format` and is absent in
format 1, so that what release 0.1 wrote is read, digested and compared as it lies.  A release reads
every format up to its newest; a newer one it refuses, for it cannot know what it would overlook.

What is digested or signed is digested by the fields of its own format, which are written out in a
table and never derived from the class: a field that a class gains later is no part of what was
digested before.  A number beside each record was chosen over one for the whole workspace, because
records are copied between workspaces (backups, artifacts, envelopes) and must say it themselves.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Protocol, TypeVar

import msgspec

from mainspring.elements.errors import NewerFormat, RecordUnreadable
from mainspring.elements.identity import Digest, canonical_json

__all__ = [
    "BareValue",
    "FieldsByFormat",
    "FiledPayload",
    "StoredRecord",
    "content_of",
    "misfiled_document",
    "pack_stored",
    "parse_bare",
    "parse_document",
    "parse_stored",
    "render_bare",
    "render_stored",
    "unpack_stored",
]

FieldsByFormat = Mapping[int, tuple[str, ...]]
"""Of each format the stored keys that are digested or signed.  Each lists all of its keys, those
that it shares with others too, and from format 2 on `record_format` among them.
"""

BareValue = str | int | tuple["BareValue", ...] | Mapping[Digest, int]
"""A document that is no record: a name, a position, a few of them.  It has no place for a number,
so it is of format 1; the next format of such a document is a record.
"""


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is stored or signed; docs/decisions/0012 lists them all.

    Args:
        record_format: unset in format 1.  From format 2 on whoever makes a record sets it, and not
            a default: a default would be read into records of format 1.

    A class says of itself: `title`, what errors call it; `document`, the kind of document that it
    is, empty for what lies elsewhere; `newest_format`, the last that this release can read; and
    where it is digested or signed, `fields_by_format`: the stored keys of each format.  A field
    that is added later has the default `msgspec.UNSET`, or old records would be read as if they had
    said something.
    """

    title: ClassVar[str] = "a record"
    document: ClassVar[str] = ""
    newest_format: ClassVar[int] = 1
    fields_by_format: ClassVar[FieldsByFormat] = {}

    record_format: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def format_number(self) -> int:
        """The format that this record is of."""
        return 1 if isinstance(self.record_format, msgspec.UnsetType) else self.record_format

    def is_filed_under(self, key: str) -> bool:
        """Whether a document of this key may hold it.  A record that says itself what it is of
        compares that with the key; any other may lie under every key of its kind.
        """
        return bool(key)


class FiledPayload(Protocol):
    """A document of the state."""

    @property
    def key(self) -> str:
        """What it was read by."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...


_PACKER = msgspec.msgpack.Encoder()
_IN_STATE = "in the state database (state.db)"
_LONG_NUMBER, _LONG_NUMBER_OF_TEXT = re.compile(rb"[0-9]{19}"), re.compile("[0-9]{19}")
_MISFILED = "it is the record of another key, and was put under this one"
_LONGEST_KEY, _LONGEST_REASON = 120, 300
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, ValueError)

R = TypeVar("R", bound=StoredRecord)
V = TypeVar("V")


class _AnyFormat(msgspec.Struct, frozen=True):
    """What every format of every record has."""

    record_format: int = 1


def content_of(record: StoredRecord) -> dict[str, object]:
    """What of a record is digested: the fields of its format, by their stored keys."""
    return {key: getattr(record, name) for key, name in _fields(type(record), record.format_number)}


def render_stored(record: StoredRecord) -> bytes:
    """The record as canonical JSON; `parse_stored` is the inverse."""
    return canonical_json(record)


def parse_stored(payload: bytes | str, kind: type[R], *, key: str = "") -> R:
    """The record that `render_stored` wrote.

    Args:
        key: names the record in an error.

    Raises: NewerFormat REG-005; RecordUnreadable REG-020 for what is no such record.
    """
    try:
        record = msgspec.json.decode(payload, type=kind)
        if _has_long_number(payload):
            _refuse_numbers_out_of_range(record)
    except _UNREADABLE as error:
        # A newer format may lack what this one must have: then the number is the reason to tell.
        _refuse_newer(_number_in_json(payload), kind.title, kind.newest_format, key)
        raise _unreadable(error, kind.title, key, is_document=bool(kind.document)) from error
    return _known(record, key)


def parse_document(document: FiledPayload, kind: type[R]) -> R:
    """The record of a document, which is the one of the key that it was read by.

    A whole record under the key of another is as wrong as one that was cut: a build of one model
    would be taken for that of another.

    Raises: NewerFormat REG-005; RecordUnreadable REG-020 also for the record of another key.
    """
    record = parse_stored(document.payload, kind, key=document.key)
    if not record.is_filed_under(document.key):
        raise misfiled_document(document, kind)
    return record


def misfiled_document(document: FiledPayload, kind: type[R]) -> RecordUnreadable:
    """The error for a record that lies under the key of another."""
    return _unreadable(ValueError(_MISFILED), kind.title, document.key, is_document=True)


def pack_stored(record: StoredRecord) -> bytes:
    """The record as MessagePack, for records that there are many of; `unpack_stored` is the
    inverse.
    """
    return _PACKER.encode(record)


def unpack_stored(payload: bytes, kind: type[R]) -> R:
    """The record that `pack_stored` wrote.

    Raises: NewerFormat REG-005; RecordUnreadable REG-020 for what is no such record.
    """
    try:
        record = msgspec.msgpack.decode(payload, type=kind)
    except _UNREADABLE as error:
        _refuse_newer(_number_in_msgpack(payload), kind.title, kind.newest_format, "")
        raise _unreadable(error, kind.title, "", is_document=bool(kind.document)) from error
    return _known(record, "")


def render_bare(value: BareValue) -> bytes:
    """A document that is no record, as canonical JSON."""
    return canonical_json(value)


def parse_bare(payload: bytes, kind: type[V], *, title: str) -> V:
    """The value that `render_bare` wrote.

    Args:
        title: what an error calls it.

    Raises: NewerFormat REG-005 where a record has taken its place; RecordUnreadable REG-020.
    """
    try:
        value = msgspec.json.decode(payload, type=kind)
        if _has_long_number(payload):
            _refuse_numbers_out_of_range(value)
    except _UNREADABLE as error:
        _refuse_newer(_number_in_json(payload), title, 1, "")
        raise _unreadable(error, title, "", is_document=True) from error
    return value


def _unreadable(error: Exception, title: str, key: str, *, is_document: bool) -> RecordUnreadable:
    where = _IN_STATE if is_document else ""
    return RecordUnreadable(
        record=" ".join(filter(None, (title, key[:_LONGEST_KEY], where))),
        reason=str(error)[:_LONGEST_REASON] or "it is no record",
    )


def _has_long_number(payload: bytes | str) -> bool:
    """Whether a number of more than 64 bits may be in it: to look for the digits costs a tenth of
    looking at every value.
    """
    if isinstance(payload, str):
        return _LONG_NUMBER_OF_TEXT.search(payload) is not None
    return _LONG_NUMBER.search(payload) is not None


def _refuse_numbers_out_of_range(value: object) -> None:
    """Raise ValueError for a whole number of more than 64 bits, which nothing of ours ever wrote
    and nothing below could take.
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case bool() | str() | bytes() | float() | None:
                pass
            case int() as number:
                if not -(2**63) <= number < 2**63:
                    raise ValueError("it has a whole number of more than 64 bits")
            case msgspec.Struct() as record:
                waiting += (getattr(record, name) for name in record.__struct_fields__)
            case dict() as found:
                waiting += found.values()
            case list() | tuple() as found:
                waiting += found
            case _:
                pass


def _known(record: R, key: str) -> R:
    """The record, if it is of a format that this release knows."""
    if record.record_format is not msgspec.UNSET:
        _refuse_newer(record.format_number, record.title, record.newest_format, key)
        if record.format_number < 1:
            error = ValueError(f"there is no format {record.format_number}")
            raise _unreadable(error, record.title, key, is_document=bool(record.document))
    return record


def _refuse_newer(found: int, title: str, known: int, key: str) -> None:
    if found > known:
        raise NewerFormat(record=f"{title} {key}".rstrip(), found=found, known=known)


def _number_in_json(payload: bytes | str) -> int:
    """The format that a document says it has; 1 for one that says nothing, or is no record."""
    try:
        return msgspec.json.decode(payload, type=_AnyFormat).record_format
    except _UNREADABLE:
        return 1


def _number_in_msgpack(payload: bytes) -> int:
    try:
        return msgspec.msgpack.decode(payload, type=_AnyFormat).record_format
    except _UNREADABLE:
        return 1


@cache
def _fields(kind: type[StoredRecord], number: int) -> tuple[tuple[str, str], ...]:
    """Of each field of a format the stored key and the attribute."""
    attributes = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    return tuple((key, attributes[key]) for key in kind.fields_by_format[number])
