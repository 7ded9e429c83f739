"""The route of sources: rows are pushed, and answered once they are durable."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.text import clipped
from mainspring.ports.body import parse_body
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import MAX_PUSHED_ROWS, MAX_SHOWN
from mainspring.sources.errors import TooManyPushedRows
from mainspring.sources.ingest import IngestReport, SourceWriter

__all__ = ["EventsBody", "SourceApi"]

_SHOWN_NAMES = 4


class EventsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a push to a source; `op` is `replace` or `delete` for corrections of facts that
    were accepted before.
    """

    rows: list[dict[str, str | int | float | bool | list[object] | None]]
    op: Literal["", "replace", "delete"] = ""


class SourceApi:
    """The route that takes rows in.

    Args:
        writer: what takes rows of a source in, in an actor's name; ACC-006 for a source that is not
            declared.
        observe: called with the source and the report of each push.
    """

    def __init__(
        self,
        writer: Callable[[str, Actor], SourceWriter],
        *,
        observe: Callable[[str, IngestReport], None],
    ) -> None:
        self._writer, self._observe = writer, observe

    def routes(self) -> list[Route]:
        """The one route.

        One push at a time: two would decide on the same head of the log, and one of them would have
        to decide again.
        """
        path = "/v1/sources/{name}/events"
        return [
            Route("POST", path, "ingest", self.push, "source", blocks=True, alone=True, writes=True)
        ]

    def push(self, call: Call) -> Reply:
        """`POST /v1/sources/{name}/events`: rows through the contract into the log.

        Raises: BadRequest SRV-004, BodyTooComplex SRV-044 for another body, TooManyPushedRows
            SRC-048, and what `SourceWriter.write_rows` raises.
        """
        name, body = call.path["name"], parse_body(call.body, EventsBody)
        if len(body.rows) > MAX_PUSHED_ROWS:
            raise TooManyPushedRows(rows=len(body.rows), limit=MAX_PUSHED_ROWS)
        report = self._writer(name, call.actor).write_rows(body.rows, op=body.op)
        self._observe(name, report)
        return json_reply(replace(report, ignored=_shown(report.ignored)))


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """The first of these names, which callers make up."""
    more = len(names) - _SHOWN_NAMES
    shown = [clipped(name, MAX_SHOWN // _SHOWN_NAMES) for name in names[:_SHOWN_NAMES]]
    return (*shown, f"and {more:,} more") if more > 0 else tuple(shown)
