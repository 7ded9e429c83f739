"""Bodies of calls as records; apart from `http`, because counting what is in one needs NumPy."""

from typing import TypeVar

import msgspec

from mainspring.elements.json_shape import json_shape
from mainspring.ports.errors import BadRequest, BodyTooComplex
from mainspring.ports.limits import MAX_JSON_DEPTH, MAX_JSON_VALUES

__all__ = ["parse_body", "require_bounded_json"]

_SMALL_BYTES = 64 * 1024
Form = TypeVar("Form")


def parse_body(payload: bytes, form: type[Form]) -> Form:
    """The JSON body of a call in its form.

    Raises: BadRequest SRV-004, whatever the bytes are; BodyTooComplex SRV-044 before anything is
        decoded.
    """
    require_bounded_json(payload)
    try:
        return msgspec.json.decode(payload, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(reason=str(error)) from error


def require_bounded_json(payload: bytes) -> None:
    """Return if JSON text, of one value or of lines, has no more values and levels than a body may.
    Raises: BodyTooComplex SRV-044.
    """
    # A body with so few openings has neither many levels nor, at this size, many values.
    if len(payload) <= _SMALL_BYTES and payload.count(b"[") + payload.count(b"{") <= MAX_JSON_DEPTH:
        return
    values, depth = json_shape(payload, max_values=MAX_JSON_VALUES)
    if values > MAX_JSON_VALUES:
        raise BodyTooComplex(found="too many values", limit=f"{MAX_JSON_VALUES:,}")
    if depth > MAX_JSON_DEPTH:
        raise BodyTooComplex(found=f"{depth:,} levels of nesting", limit=f"{MAX_JSON_DEPTH}")
