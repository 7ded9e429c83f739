"""Rows as people and programs write them: one JSON object, an array of them, `{"rows": [...]}`, or
one object on each line.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from mainspring.ports.errors import BadRequest

__all__ = ["InputRow", "parse_rows", "read_rows"]

InputRow = dict[str, object]
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises for text that is not JSON, not UTF-8, or nested too deep."""


class _Wrapped(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[InputRow]


def parse_rows(text: str | bytes) -> list[InputRow]:
    """The rows in a text.  Raises: BadRequest SRV-004 when they cannot be read, or the text is
    empty.

    >>> parse_rows('{"origin": "JFK"}')
    [{'origin': 'JFK'}]
    >>> parse_rows('{"rows": [{"a": 1}, {"a": 2}]}')
    [{'a': 1}, {'a': 2}]
    """
    if not text.strip():
        raise BadRequest(reason="there is no row in it")
    with suppress(*_UNREADABLE):
        return msgspec.json.decode(text, type=list[InputRow])
    with suppress(*_UNREADABLE):
        return msgspec.json.decode(text, type=_Wrapped).rows
    try:
        return list(msgspec.json.Decoder(InputRow).decode_lines(text))
    except _UNREADABLE as error:
        raise BadRequest(
            reason=f"rows must be JSON objects, in an array or one on each line: {error}"
        ) from error


def read_rows(path: str, given: Sequence[str]) -> list[InputRow]:
    """The rows given on the command line, else those in a file, `-` being standard input.

    Raises: BadRequest SRV-004 when they cannot be read, or the file does not exist.
    """
    if given:
        return [row for text in given for row in parse_rows(text)]
    if path == "-":
        return parse_rows(sys.stdin.buffer.read())
    try:
        return parse_rows(Path(path).read_bytes())
    except OSError as error:
        hint = "; rows themselves are given by --row" if path.lstrip()[:1] in ("{", "[") else ""
        raise BadRequest(reason=f"{path}: {error.strerror}{hint}") from error
