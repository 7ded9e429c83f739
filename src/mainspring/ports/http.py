"""Calls and replies of HTTP as records, and the server that stands before them.

A package offers its routes as functions from a `Call` to a `Reply`: they know neither sockets nor
an event loop, so a test calls them with a record, and another server can stand before them.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from mainspring.elements.events import Actor
from mainspring.elements.plain_json import encode_json
from mainspring.ports.access_log import NoteAccess
from mainspring.ports.errors import AnswerUnwanted
from mainspring.ports.limits import HttpLimits
from mainspring.ports.traces import CallSpan, Tracer

__all__ = [
    "LOOPBACK_HOSTS",
    "TIMEOUT_HEADER",
    "Answer",
    "Answers",
    "Call",
    "Caller",
    "GatherRule",
    "HttpServer",
    "HttpService",
    "RecordedAnswers",
    "Reply",
    "Route",
    "RouteSubject",
    "json_reply",
]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
"""What callers on this machine call it."""

TIMEOUT_HEADER = "x-request-timeout-ms"
"""How long the caller waits for the answer, in milliseconds from when the head has arrived; what
has not begun by then is not begun.
"""

_NONE: Mapping[str, str] = MappingProxyType({})
RouteSubject = Literal["environment", "endpoint", "source", "prediction", "nothing"]
"""What a route is about, for which a token may be limited."""


class Caller:
    """Who waits at the other end of a connection.

    Args:
        has_left: set by the server once the connection has ended: nobody reads the answer.
    """

    __slots__ = ("has_left",)

    def __init__(self, *, has_left: bool = False) -> None:
        self.has_left = has_left


_PRESENT = Caller()


class Call(NamedTuple):
    """One request, as a route sees it.

    Args:
        method: in capitals, such as `POST`; a `HEAD` comes to the route of `GET`.
        route: the template of the path that was called; empty where no route has this path and
            method.
        path: the values in the path by their names in the template, percent-decoded.
        query: the parameters of the query; of a name that is given twice, the last.
        headers: by name in lower case; of a name that is given twice, the values joined by a comma.
        body: the whole body.
        actor: who calls; empty where the route is open to everybody.
        deadline: until when the caller waits, as an instant of the monotonic clock in seconds; None
            where they gave no `TIMEOUT_HEADER`.
        caller: says whether they wait still.
        span: where whoever answers says what was done; None of a call that is not traced.
    """

    method: str
    route: str = ""
    path: Mapping[str, str] = _NONE
    query: Mapping[str, str] = _NONE
    headers: Mapping[str, str] = _NONE
    body: bytes = b""
    actor: Actor = Actor("")
    deadline: float | None = None
    caller: Caller = _PRESENT
    span: CallSpan | None = None

    def require_wanted(self) -> None:
        """Return while somebody waits for the answer.  Raises: AnswerUnwanted SRV-052."""
        if self.caller.has_left:
            raise AnswerUnwanted(reason="the connection has ended")
        if self.deadline is not None and monotonic() > self.deadline:
            raise AnswerUnwanted(reason=f"the time in {TIMEOUT_HEADER} has passed")


class Reply(NamedTuple):
    """The answer to a call.

    Args:
        media_type: sent as it stands here.
        headers: more headers, beside those of length and type.
        code: of the error that it tells of; it and the revision are not sent, and for the access
            log.
        revision: of the endpoint that answers.
    """

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = _NONE
    code: str = ""
    revision: str = ""


Answer = Reply | Exception
"""What a call ends with: a reply, or what is to be refused."""


class RecordedAnswers(NamedTuple):
    """Answers that leave once they are on record.

    Args:
        replies: to each call, in their order.
        record: puts on record what was answered.  A server calls it once, in a thread, while the
            next calls gather; an error is the answer to each call that had a reply.
        leaving: the answers as they are sent, given those that are on record.
    """

    replies: Sequence[Answer]
    record: Callable[[], None]
    leaving: Callable[[Sequence[Answer]], Sequence[Answer]] = lambda answers: answers

    def settled(self) -> Sequence[Answer]:
        """The answers, after `record`.  Raises: what `record` raises."""
        self.record()
        return self.leaving(self.replies)

    def failed(self, error: Exception) -> Sequence[Answer]:
        """The answers where `record` ended with an error."""
        return [error if isinstance(answer, Reply) else answer for answer in self.replies]


Answers = Sequence[Answer] | RecordedAnswers
"""What several calls end with, in their order."""


class GatherRule(NamedTuple):
    """How long calls wait for others, to be answered together in a thread.

    Args:
        wait_s: each from its arrival on, at most; of what its caller waits still, half at most.
        is_apart: whether a call is answered in a thread however short it is, since its model
            computes on another device, for which the event loop would only wait.
        rows_of: how many rows a call asks about, as far as that can be told without reading it.
        most_rows: once so many wait, none of them waits longer.
    """

    wait_s: float
    is_apart: Callable[[Call], bool]
    rows_of: Callable[[Call], int]
    most_rows: int = 64


class Route(NamedTuple):
    """A method and a path that are answered.

    Args:
        path: a template such as `/v1/endpoints/{name}/predict`; a name in braces stands for one
            segment that is not empty.
        permission: what the caller must be allowed; None where everybody may call.
        about: what the caller's token must be for: the endpoint, source or prediction that the path
            names by its first name in braces, the whole environment, or nothing but the permission.
            A route that says nothing is about the whole environment, so that none is forgotten.
        handler: answers one call; an error of ours becomes a reply by `HttpService.refuse`.
        blocks: it waits for a disk, a network or a long computation, so it runs in a thread. What
            does not block is answered in the event loop, which saves the hand-over (some 100 µs)
            and holds up all others for as long as it takes; where its body is large, or a store
            would have it wait, in a thread as well.
        alone: calls of this route are answered one after the other; those that wait their turn
            hold no thread.
        writes: what it answers is on record first.
        together: answers several calls of one path in their order, each with what `handler` would
            return or raise; None where each call is answered by itself.  Where the route blocks,
            calls that arrive while others are answered wait for the next turn, of all of them; it
            runs in a thread.  Where it does not, all calls that were read in one turn of the event
            loop are answered by one call in that loop, and no timer waits for more; what has
            proved to take longer than `HttpLimits.turn_s` goes to a thread, as do calls whose
            store would wait.  Calls that nobody waits for any more are left out.
        gather: of a route that has `together` and does not block: how long what is answered in a
            thread waits for more; None: not at all.  What is answered in the event loop never
            does.
    """

    method: str
    path: str
    permission: str | None
    handler: Callable[[Call], Reply]
    about: RouteSubject = "environment"
    blocks: bool = False
    alone: bool = False
    writes: bool = False
    together: Callable[[Sequence[Call]], Answers] | None = None
    gather: GatherRule | None = None

    def preceded(self, act: Callable[[], None]) -> "Route":
        """The route, with an act before each answer; what it raises is the answer."""

        def handler(call: Call) -> Reply:
            act()
            return self.handler(call)

        def together(calls: Sequence[Call]) -> Answers:
            act()
            return answer_all(calls) if answer_all else ()

        answer_all = self.together
        return self._replace(handler=handler, together=together if answer_all else None)

    def followed(self, act: Callable[[Call, Reply], Reply]) -> "Route":
        """The route, with its replies as an act makes them: of those that are put on record first,
        afterwards.
        """

        def together(calls: Sequence[Call]) -> Answers:
            answers = answer_all(calls) if answer_all else ()

            def follow(answers: Sequence[Answer]) -> Sequence[Answer]:
                return [
                    act(call, answer) if isinstance(answer, Reply) else answer
                    for call, answer in zip(calls, answers, strict=True)
                ]

            if not isinstance(answers, RecordedAnswers):
                return follow(answers)
            before = answers.leaving
            return answers._replace(leaving=lambda replies: follow(before(replies)))

        answer_all = self.together
        return self._replace(
            handler=lambda call: act(call, self.handler(call)),
            together=together if answer_all else None,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class HttpService:
    """What a server answers for.

    Args:
        authorise: the actor of a call whose route asks for a permission, given the call without its
            body and the permission; or an error of ours, and neither body nor handler is looked
            at.
        refuse: the reply to a call that ended with an error: one of ours, or any other, which is a
            bug.
        admit: lets a call in, once its caller is known, and returns what is called, in the event
            loop, when its work has ended; or raises an error of ours, and no handler is called.
        limits: of requests and connections.
        draining: set by the server once it is about to end: it answers still, and readiness says
            that nobody should send it more.
        hosts: the names that callers may know this server by, without port, in lower case; a
            request to another one is refused, since a page of another site may have sent it.
        access: is told of each call how it ended, and of what was refused before it was a request;
            each answer has the id of its request then.
        tracer: begins the span of each call that is to be traced.
    """

    routes: Sequence[Route]
    authorise: Callable[[Call, str], Actor]
    refuse: Callable[[Call, Exception], Reply]
    admit: Callable[[Call], Callable[[], None]] | None = None
    limits: HttpLimits = field(default_factory=HttpLimits)
    draining: threading.Event = field(default_factory=threading.Event)
    hosts: frozenset[str] = LOOPBACK_HOSTS
    access: NoteAccess | None = None
    tracer: Tracer | None = None


class HttpServer(Protocol):
    """Answers for a service on the loopback address of this machine.

    Guarantees: a route's permission is asked for before the body is read, so nobody unknown makes
        the server hold one; then the service lets the call in, and is told once its work has ended,
        whatever that was; a handler is called with the whole body, once for each call, and again
        in a thread only where StoreBusy or DeadlinePassed ended it in the event loop, or by itself
        where answering several calls together ended with an error; the reply is sent as it was
        given; a handler that blocks, a large body, a slow caller and any number of connections hold
        up no other call; a call that nobody waits for any more, since its connection has ended or
        the time in its `TIMEOUT_HEADER` has passed, is not begun; a call whose handler takes longer
        than `limits.work_s` is refused then, and what the handler still does is for nobody, alone
        where its route is; calls in flight, and those that arrive on a kept connection while it
        ends, are answered before `serve` returns, for at most ten seconds, with `service.draining`
        set.
    Callers may assume: `HEAD` is answered as `GET` without the body; names of headers compare
        without regard to case; a connection is kept open for the next call, unless the answer says
        `Connection: close`.
    Errors: given to `HttpService.refuse` and not raised. SRV-004 for what is not HTTP, SRV-020 for
        a path that no route has, SRV-021 for a method that none of its routes has, SRV-040 to
        SRV-048 beyond a limit, SRV-052 for a call that nobody waits for, and whatever `authorise`
        and the handler raise: any exception that is not ours is a bug, and its reply says nothing
        of our insides.  A caller that leaves before the answer is no error.
    """

    def serve(
        self,
        service: HttpService,
        *,
        port: int,
        on_bound: Callable[[int], None],
        stop: threading.Event | None = None,
    ) -> None:
        """Answer until `stop` is set or the process is asked to end (SIGTERM, SIGINT).  Raises:
        PortTaken SRV-030.

        Args:
            port: 0 takes a free one.
            on_bound: called with the port once the server answers.
        """
        ...


def json_reply(record: object, status: int = 200) -> Reply:
    """A record as JSON; numbers that JSON lacks are text."""
    return Reply(status, encode_json(record))
