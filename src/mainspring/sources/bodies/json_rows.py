"""Rows in JSON text, as values, and as the text that the raw log stores."""

from collections.abc import Mapping, Sequence

import msgspec

from mainspring.ports.body import require_bounded_json
from mainspring.ports.errors import BadRequest
from mainspring.sources.raw.body import is_plain_json

__all__ = ["JsonRow", "parse_json_lines", "parse_json_rows"]

JsonValue = str | int | float | bool | list[object] | None
JsonRow = Mapping[str, JsonValue]

_ROWS = msgspec.json.Decoder(list[dict[str, JsonValue]])
_ROW = msgspec.json.Decoder(dict[str, JsonValue])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse_json_rows(text: bytes) -> tuple[Sequence[JsonRow], bytes]:
    """The objects of a JSON array of them, and the text where the raw log can hold it.

    Raises: BadRequest SRV-004.
    """
    try:
        rows = _ROWS.decode(text)
    except _UNREADABLE as error:
        raise BadRequest(reason=str(error).replace("`$", "`$.rows", 1)) from error
    return rows, text if is_plain_json(text) else b""


def parse_json_lines(payload: bytes) -> tuple[Sequence[JsonRow], bytes]:
    """The objects of JSON lines, and their text as one array where the raw log can hold it; blank
    lines are none.

    Raises: BadRequest SRV-004 with the first line that is none, BodyTooComplex SRV-044.
    """
    require_bounded_json(payload)
    lines = [line for line in payload.split(b"\n") if line.strip()]
    text = b"[" + b",".join(lines) + b"]"
    try:
        # Each by itself: two halves of an object on two lines would make one together.
        rows = [_ROW.decode(line) for line in lines]
    except _UNREADABLE as error:
        place = next(place for place, line in enumerate(lines) if not _is_row(line))
        raise BadRequest(reason=f"row {place + 1:,} is no JSON object: {error}") from error
    return rows, text if is_plain_json(text) else b""


def _is_row(line: bytes) -> bool:
    try:
        _ROW.decode(line)
    except _UNREADABLE:
        return False
    return True
