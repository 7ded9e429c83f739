"""The route of sources: rows are pushed, and answered once they are durable."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.elements.text import clipped
from mainspring.ports.errors import StoreBusy
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import MAX_SHOWN
from mainspring.sources.bodies.read import BodyReader
from mainspring.sources.group_commit import GroupCommit, PushOutcome, PushRequest
from mainspring.sources.ingest import IngestReport, SourceWriter

__all__ = ["SourceApi"]

_SHOWN_NAMES = 4
_MOST_READY_BYTES = 32 * 1024 * 1024
"""A turn has 256 calls, and of a kilobyte each may come a quarter of a gigabyte."""
_MOST_DECODING_S = 5.0
"""For how long a turn begins to decode: who pushes plain rows waits for the others of their turn.
"""
Answer = Reply | Exception


class _Ready:
    """Pushes that were read and are not written yet, by their places in a turn: one group, unless
    the source's definition moves just now.
    """

    def __init__(self) -> None:
        self.of_group = dict[GroupCommit, dict[int, PushRequest]]()
        self.size_bytes = 0

    def add(self, place: int, group: GroupCommit, request: PushRequest) -> None:
        """Add a push."""
        self.of_group.setdefault(group, {})[place] = request
        self.size_bytes += len(request.push.body)


class SourceApi:
    """The route that takes rows in.

    Args:
        writer: what takes rows of a source in, in an actor's name; ACC-006 for a source that is not
            declared.
        observe: called with the source and the report of each push.
        bodies: reads what is pushed; default: JSON only.
        ready_bytes: how many bytes of rows are read before they are written.
        steady_s: seconds that only go forward.
    """

    def __init__(
        self,
        writer: Callable[[str, Actor], SourceWriter],
        *,
        observe: Callable[[str, IngestReport], None],
        bodies: BodyReader | None = None,
        ready_bytes: int = _MOST_READY_BYTES,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ready_bytes = ready_bytes
        self._writer, self._observe, self._steady_s = writer, observe, steady_s
        self._bodies = bodies or BodyReader()

    def routes(self) -> list[Route]:
        """The one route; pushes that wait are written together."""
        return [
            Route(
                "POST",
                "/v1/sources/{name}/events",
                "ingest",
                self.push,
                "source",
                blocks=True,
                writes=True,
                together=self.push_together,
            )
        ]

    def push(self, call: Call) -> Reply:
        """`POST /v1/sources/{name}/events`: rows through the contract into the log.

        Raises: BadRequest SRV-004, BodyTooComplex SRV-044, TooManyPushedRows SRC-048,
            UnknownBodyForm SRC-060, StoreBusy ENG-009, and what `write_rows` of a
            `SourceWriter` raises.
        """
        [answer] = self.push_together([call])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def push_together(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers to pushes to one source, in their order; one that is refused ends no
        other.
        """
        writer, answers, ready = cache(self._writer), dict[int, Answer](), _Ready()
        decoding_until = self._steady_s() + _MOST_DECODING_S
        for place, call in enumerate(calls):
            try:
                if self._bodies.decodes(call) and self._steady_s() > decoding_until:
                    raise StoreBusy(store="the decoder of bodies", operation="read")
                pushed = self._bodies.read(call)
                by = writer(call.path["name"], call.actor)
                request = by.request(pushed.rows, op=pushed.op, written=pushed.written)
            except MainspringError as error:
                answers[place] = error
                continue
            # Nothing else holds the rows: they may be many times as large as the body was.
            del pushed
            ready.add(place, by.pushes, request)
            if ready.size_bytes > self._ready_bytes:
                answers |= self._written(calls, ready)
                ready = _Ready()
            del request
        answers |= self._written(calls, ready)
        return [answers[place] for place in range(len(calls))]

    def _written(self, calls: Sequence[Call], ready: "_Ready") -> dict[int, Answer]:
        """The answers to what is ready, once it is written."""
        answers = dict[int, Answer]()
        for group, requests in ready.of_group.items():
            outcomes = group.write(list(requests.values()))
            for place, outcome in zip(requests, outcomes, strict=True):
                answers[place] = self._answer(calls[place].path["name"], outcome)
        return answers

    def _answer(self, source: str, outcome: PushOutcome) -> Answer:
        if isinstance(outcome, Exception):
            return outcome
        self._observe(source, outcome)
        return json_reply(replace(outcome, ignored=_shown(outcome.ignored)))


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """The first of these names, which callers make up."""
    more = len(names) - _SHOWN_NAMES
    shown = [clipped(name, MAX_SHOWN // _SHOWN_NAMES) for name in names[:_SHOWN_NAMES]]
    return (*shown, f"and {more:,} more") if more > 0 else tuple(shown)
