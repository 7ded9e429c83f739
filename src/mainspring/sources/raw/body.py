"""The rows of a push as bytes, with every column and cell as it came.

Mappings are JSON text, which holds whole numbers of any length and tells `1` from `1.0` and from
`"1"`; values that JSON has no word for say what they are.  Frames are Arrow streams.  A generation
reads the decoded body also when the push itself is answered, so that what is decided at once and
what is decided again later cannot differ.
"""

import io
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import polars as pl

from mainspring.elements.values.scalar import plain_value
from mainspring.sources.compiled import Cell

__all__ = ["RawRows", "chosen_rows", "decode_rows", "encode_rows", "is_plain_json"]

RawRows = Sequence[Mapping[str, Cell]] | pl.DataFrame
"""Rows as they came: mappings of columns to values, or a frame."""

_KIND, _VALUE, _OBJECT = "$", "value", "object"
_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda text: timedelta(microseconds=int(text)),
    "Decimal": Decimal,
    "Fraction": Fraction,
    "bytes": b64decode,
}
_QUOTED_KIND, _ESCAPED_KIND = b'"$"', b"\\u0024"
_MICROSECOND = timedelta(microseconds=1)
_WORTH_COMPRESSING = 1_024
_DEEPEST = 100


def encode_rows(rows: RawRows, *, is_lenient: bool = False) -> bytes:
    """The rows as bytes; `decode_rows` gives rows back that read alike.

    Args:
        is_lenient: whether what is no value becomes its text.

    Raises: TypeError for what is no value, such as an object; ValueError for what cannot be
        written, such as a list that holds itself.
    """
    if isinstance(rows, pl.DataFrame):
        stream = io.BytesIO()
        kept = rows.select(
            name for name, dtype in rows.schema.items() if dtype not in (pl.Object, pl.Unknown)
        )
        is_small = rows.height < _WORTH_COMPRESSING
        kept.write_ipc_stream(stream, compression="uncompressed" if is_small else "zstd")
        return stream.getvalue()
    plain = [_escaped(dict(row)) for row in rows]
    default = _text if is_lenient else _word
    return json.dumps(plain, default=default, separators=(",", ":")).encode()


def decode_rows(body: bytes, encoding: str) -> RawRows:
    """The rows of a body."""
    if encoding == "arrow":
        return pl.read_ipc_stream(io.BytesIO(body))
    hook = None if is_plain_json(body) else _read
    found: list[Mapping[str, Cell]] = json.loads(body, object_hook=hook)
    return found


def is_plain_json(text: bytes) -> bool:
    """Whether JSON text has no object that could be a word of ours, so that `decode_rows` gives
    what any reader of JSON does.
    """
    # A single byte is looked for many times as fast, and most texts have neither of these.
    is_quoted = b"$" in text and _QUOTED_KIND in text
    return not (is_quoted or (b"\\" in text and _ESCAPED_KIND in text))


def chosen_rows(rows: RawRows, places: Sequence[int]) -> RawRows:
    """The rows at these places, in their order."""
    if isinstance(rows, pl.DataFrame):
        return rows[list(places)]
    return [rows[place] for place in places]


def _escaped(value: object, depth: int = 0) -> object:
    """A value whose mappings have text as keys, and cannot be taken for a word of ours."""
    if depth > _DEEPEST:
        raise ValueError(f"is nested more than {_DEEPEST} deep")
    match value:
        case dict():
            fields = {str(name): _escaped(each, depth + 1) for name, each in value.items()}
            if _KIND not in fields:
                return fields
            return {_KIND: _OBJECT, _VALUE: list(fields.items())}
        case list() | tuple():
            return [_escaped(each, depth + 1) for each in value]
        case _:
            return value


def _word(value: object) -> object:
    """A value that JSON has no word for."""
    plain = plain_value(value)
    match plain:
        case None | bool() | int() | float() | str() | list() | tuple():
            return plain
        case timedelta():
            return {_KIND: "timedelta", _VALUE: str(plain // _MICROSECOND)}
        case datetime() | date() | time():
            kind = next(each for each in (datetime, date, time) if isinstance(plain, each))
            return {_KIND: kind.__name__, _VALUE: plain.isoformat()}
        case Decimal() | Fraction():
            return {_KIND: type(plain).__name__, _VALUE: str(plain)}
        case bytes() | bytearray() | memoryview():
            return {_KIND: "bytes", _VALUE: b64encode(plain).decode()}
        case _:
            raise TypeError(f"a {type(value).__name__} is no value")


def _text(value: object) -> object:
    try:
        return _word(value)
    except TypeError:
        return str(value)


def _read(fields: dict[str, object]) -> object:
    """A value that says what it is, or a row."""
    kind, value = fields.get(_KIND), fields.get(_VALUE)
    if kind == _OBJECT:
        return dict(cast("list[tuple[str, object]]", value))
    return _READERS[kind](value) if isinstance(kind, str) and isinstance(value, str) else fields
