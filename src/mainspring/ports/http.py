"""Calls and replies of HTTP as records, and the server that stands before them.

A package offers its routes as functions from a `Call` to a `Reply`: they know neither sockets nor
an event loop, so a test calls them with a record, and another server can stand before them.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeVar

import msgspec

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.elements.plain_json import encode_json
from mainspring.ports.errors import BadRequest

__all__ = [
    "Call",
    "HttpServer",
    "HttpService",
    "Reply",
    "Route",
    "RouteSubject",
    "json_reply",
    "parse_body",
]

_NONE: Mapping[str, str] = MappingProxyType({})

RouteSubject = Literal["environment", "endpoint", "source", "prediction", "nothing"]
"""What a route is about, for which a token may be limited."""

Form = TypeVar("Form")


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
    """

    method: str
    route: str = ""
    path: Mapping[str, str] = _NONE
    query: Mapping[str, str] = _NONE
    headers: Mapping[str, str] = _NONE
    body: bytes = b""
    actor: Actor = Actor("")


class Reply(NamedTuple):
    """The answer to a call.

    Args:
        media_type: sent as it stands here.
        headers: more headers, beside those of length and type.
    """

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = _NONE


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
            and holds up all others for as long as it takes.
        alone: calls of this route are answered one after the other; those that wait their turn
            hold no thread.
        writes: what it answers is on record first.
    """

    method: str
    path: str
    permission: str | None
    handler: Callable[[Call], Reply]
    about: RouteSubject = "environment"
    blocks: bool = False
    alone: bool = False
    writes: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class HttpService:
    """What a server answers for.

    Args:
        authorise: the actor of a call whose route asks for a permission, given the call without its
            body and the permission; or an error of ours, and neither body nor handler is looked
            at.
        refuse: the reply to a call that ended with an error of ours.
        max_body_bytes: a longer body is refused.
    """

    routes: Sequence[Route]
    authorise: Callable[[Call, str], Actor]
    refuse: Callable[[Call, MainspringError], Reply]
    max_body_bytes: int = 32 * 1024 * 1024


class HttpServer(Protocol):
    """Answers for a service on the loopback address of this machine.

    Guarantees: a route's permission is asked for before the body is read, so nobody unknown makes
        the server hold one; a handler is called once for each call, with the whole body, and the
        reply is sent as it was given; a handler that blocks holds up no other call; calls in flight
        are answered before `serve` returns, for at most ten seconds.
    Callers may assume: `HEAD` is answered as `GET` without the body; names of headers compare
        without regard to case; a connection is kept open for the next call.
    Errors: given to `HttpService.refuse` and not raised. SRV-004 for a body beyond the limit,
        SRV-020 for a path that no route has, SRV-021 for a method that none of its routes has, and
        whatever of ours `authorise` and the handler raise. Any other exception is a bug: it is
        answered with 500 and nothing of our insides, and printed to standard error.
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


def parse_body(payload: bytes, form: type[Form]) -> Form:
    """The JSON body of a call in its form.  Raises: BadRequest SRV-004, whatever the
    bytes are.
    """
    try:
        return msgspec.json.decode(payload, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(reason=str(error)) from error


def json_reply(record: object, status: int = 200) -> Reply:
    """A record as JSON; numbers that JSON lacks are text."""
    return Reply(status, encode_json(record))
