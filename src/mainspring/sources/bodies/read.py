"""Read the rows of a push, in the form that its head says."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, cast

import msgspec
import polars as pl

from mainspring.ports.body import parse_body
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call
from mainspring.ports.limits import MAX_PUSHED_ROWS
from mainspring.sources.bodies.errors import UnknownBodyForm
from mainspring.sources.bodies.json_rows import JsonRow, parse_json_lines, parse_json_rows
from mainspring.sources.errors import TooManyPushedRows

__all__ = ["EventsBody", "PushedOperation", "PushedRows", "read_pushed_rows"]

PushedOperation = Literal["", "replace", "delete"]

_JSON = "application/json"
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


def read_pushed_rows(call: Call) -> PushedRows:
    """The rows of a push: a JSON document, or JSON lines, an Arrow stream or file, or a Parquet
    file, with `op` in the query.

    Raises: BadRequest SRV-004, BodyTooComplex SRV-044, UnknownBodyForm SRC-060, BodyUnreadable
        SRC-061, BodyBeyondBounds SRC-062, TooManyPushedRows SRC-048.
    """
    form = call.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    read = _READERS.get(form)
    if read is None:
        # What curl calls a body by itself, and no header at all, were read as JSON before.
        if form not in _TAKEN_FOR_JSON:
            raise UnknownBodyForm(form=form, known=", ".join([_JSON, *_READERS]))
        return _read_json(call)
    op = call.query.get("op", "")
    if op not in _OPERATIONS:
        raise BadRequest(reason=f"op={op!r} is none of replace, delete")
    found = read(call.body)
    return found._replace(op=cast("PushedOperation", op))


def _read_json(call: Call) -> PushedRows:
    body = parse_body(call.body, EventsBody)
    rows, written = parse_json_rows(bytes(body.rows))
    return PushedRows(_within(rows), body.op, written)


def _read_lines(payload: bytes) -> PushedRows:
    rows, written = parse_json_lines(payload)
    return PushedRows(_within(rows), "", written)


def _within(rows: Sequence[JsonRow]) -> Sequence[JsonRow]:
    if len(rows) > MAX_PUSHED_ROWS:
        raise TooManyPushedRows(rows=len(rows), limit=MAX_PUSHED_ROWS)
    return rows


_TAKEN_FOR_JSON = frozenset({_JSON, "", "text/plain", "application/x-www-form-urlencoded"})
_READERS: Mapping[str, Callable[[bytes], PushedRows]] = MappingProxyType(
    {
        "application/x-ndjson": _read_lines,
        "application/jsonl": _read_lines,
    }
)
