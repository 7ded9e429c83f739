"""Read the rows of a push, in the form that its head says."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from mainspring.ports.body import parse_body
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call
from mainspring.ports.limits import MAX_PUSHED_ROWS
from mainspring.sources.bodies.errors import UnknownBodyForm
from mainspring.sources.bodies.json_rows import JsonRow, parse_json_lines, parse_json_rows
from mainspring.sources.errors import TooManyPushedRows

__all__ = ["BodyReader", "EventsBody", "PushedOperation", "PushedRows"]

PushedOperation = Literal["", "replace", "delete"]

_JSON = "application/json"
_TAKEN_FOR_JSON = frozenset({_JSON, "", "text/plain", "application/x-www-form-urlencoded"})
_LINES = ("application/x-ndjson", "application/jsonl")
_BINARY: Mapping[str, str] = MappingProxyType(
    {
        "application/vnd.apache.arrow.stream": "Arrow stream",
        "application/vnd.apache.arrow.file": "Arrow file",
        "application/vnd.apache.parquet": "Parquet file",
    }
)
_OPERATIONS: tuple[PushedOperation, ...] = ("", "replace", "delete")


class EventsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a push as JSON; `op` is `replace` or `delete` for corrections of facts that were
    accepted before.
    """

    rows: msgspec.Raw
    op: PushedOperation = ""


class PushedRows(NamedTuple):
    """The rows of a push.

    Args:
        op: what is asked for all of them.
        written: they as JSON text, where they came so and the raw log can hold it.
    """

    rows: Sequence[JsonRow] | pl.DataFrame
    op: PushedOperation
    written: bytes = b""


class BodyReader:
    """Reads pushes: a JSON document, or JSON lines, an Arrow stream or file, or a Parquet file, for
    which `op` stands in the query.

    Args:
        decode: reads a binary body by the name of its form, such as `Arrow stream`; None where
            none is read.
    """

    def __init__(self, decode: Callable[[bytes, str], pl.DataFrame] | None = None) -> None:
        self._decode = decode

    def decodes(self, call: Call) -> bool:
        """Whether a push has a binary form, of which its size says little."""
        return self._decode is not None and _form_of(call) in _BINARY

    def read(self, call: Call) -> PushedRows:
        """The rows of a push.

        Raises: BadRequest SRV-004, BodyTooComplex SRV-044, UnknownBodyForm SRC-060,
            TooManyPushedRows SRC-048, StoreBusy ENG-009.
        """
        form = _form_of(call)
        # What curl calls a body by itself, and no header at all, were read as JSON before.
        if form in _TAKEN_FOR_JSON:
            return _read_json(call.body)
        if form in _LINES:
            rows, written = parse_json_lines(call.body)
            return PushedRows(_within(rows), _operation(call), written)
        if form in _BINARY and self._decode is not None:
            operation = _operation(call)
            return PushedRows(self._decode(call.body, _BINARY[form]), operation)
        known = [_JSON, *_LINES, *(_BINARY if self._decode else ())]
        raise UnknownBodyForm(form=form, known=", ".join(known))


def _form_of(call: Call) -> str:
    return call.headers.get("content-type", "").partition(";")[0].strip().lower()


def _read_json(payload: bytes) -> PushedRows:
    body = parse_body(payload, EventsBody)
    rows, written = parse_json_rows(bytes(body.rows))
    return PushedRows(_within(rows), body.op, written)


def _operation(call: Call) -> PushedOperation:
    op = call.query.get("op", "")
    if op not in _OPERATIONS:
        raise BadRequest(reason=f"op={op!r} is none of replace, delete")
    return op


def _within(rows: Sequence[JsonRow]) -> Sequence[JsonRow]:
    if len(rows) > MAX_PUSHED_ROWS:
        raise TooManyPushedRows(rows=len(rows), limit=MAX_PUSHED_ROWS)
    return rows
