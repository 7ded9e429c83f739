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

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, TypeVar

import msgspec

from mainspring.elements.errors import NewerFormat
from mainspring.elements.identity import Digest, canonical_json

__all__ = [
    "BareValue",
    "FieldsByFormat",
    "StoredRecord",
    "content_of",
    "pack_stored",
    "parse_bare",
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


_PACKER = msgspec.msgpack.Encoder()

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

    Raises: NewerFormat REG-005; msgspec.DecodeError for what is no such record.
    """
    try:
        return _known(msgspec.json.decode(payload, type=kind), key)
    except msgspec.ValidationError:
        # A newer format may lack what this one must have: then the number is the reason to tell.
        _refuse_newer(_number_in_json(payload), kind.title, kind.newest_format, key)
        raise


def pack_stored(record: StoredRecord) -> bytes:
    """The record as MessagePack, for records that there are many of; `unpack_stored` is the
    inverse.
    """
    return _PACKER.encode(record)


def unpack_stored(payload: bytes, kind: type[R]) -> R:
    """The record that `pack_stored` wrote.

    Raises: NewerFormat REG-005; msgspec.DecodeError for what is no such record.
    """
    try:
        return _known(msgspec.msgpack.decode(payload, type=kind), "")
    except msgspec.ValidationError:
        number = msgspec.msgpack.decode(payload, type=_AnyFormat).record_format
        _refuse_newer(number, kind.title, kind.newest_format, "")
        raise


def render_bare(value: BareValue) -> bytes:
    """A document that is no record, as canonical JSON."""
    return canonical_json(value)


def parse_bare(payload: bytes, kind: type[V], *, title: str) -> V:
    """The value that `render_bare` wrote.

    Args:
        title: what an error calls it.

    Raises: NewerFormat REG-005 where a record has taken its place; msgspec.DecodeError.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError:
        _refuse_newer(_number_in_json(payload), title, 1, "")
        raise


def _known(record: R, key: str) -> R:
    """The record, if it is of a format that this release knows."""
    if record.record_format is not msgspec.UNSET:
        _refuse_newer(record.format_number, record.title, record.newest_format, key)
    return record


def _refuse_newer(found: int, title: str, known: int, key: str) -> None:
    if found > known:
        raise NewerFormat(record=f"{title} {key}".rstrip(), found=found, known=known)


def _number_in_json(payload: bytes | str) -> int:
    """The format that a document says it has; 1 for one that says nothing, or is no record."""
    try:
        return msgspec.json.decode(payload, type=_AnyFormat).record_format
    except msgspec.DecodeError:
        return 1


@cache
def _fields(kind: type[StoredRecord], number: int) -> tuple[tuple[str, str], ...]:
    """Of each field of a format the stored key and the attribute."""
    attributes = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    return tuple((key, attributes[key]) for key in kind.fields_by_format[number])
