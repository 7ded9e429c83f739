"""A service as an ASGI application: a call is authorised, its body read, its route asked, and the
reply sent.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from starlette.requests import ClientDisconnect
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mainspring.elements.events import Actor
from mainspring.engines.http.desk import Desk, RouteDesk
from mainspring.engines.http.notes import BegunCall
from mainspring.engines.http.translate import call_of, read_body, send_reply, with_deadline
from mainspring.engines.http.workers import WorkInFlight
from mainspring.ports.errors import MethodNotAllowed, UnknownRoute
from mainspring.ports.http import Call, HttpService, Reply, Route

__all__ = ["asgi_application"]


def asgi_application(service: HttpService, flying: WorkInFlight | None = None) -> ASGIApp:
    """The application that answers for a service.

    Args:
        flying: is told what the threads work at.

    Starlette finds the path, and no more: its requests, responses and exception handlers would take
    a fifth of the time of a call that does nothing.
    """
    by_path: dict[str, list[Route]] = {}
    for route in service.routes:
        by_path.setdefault(route.path, []).append(route)
    desk = Desk(service, flying or WorkInFlight())

    async def answer_unknown(scope: Scope, _: Receive, send: Send) -> None:
        call = call_of(scope)
        begun = desk.notes.begin(call, scope["path"]) if desk.notes else None
        reply = service.refuse(call, UnknownRoute(path=scope["path"]))
        await send_reply(_noted(desk, begun, call, reply), send)

    paths = [PathRoute(path, _PathAnswer(routes, desk)) for path, routes in by_path.items()]
    return _Switch(paths, answer_unknown)


class _Switch:
    """Leads each request to its path, past all those that begin otherwise: to ask every path in
    turn costs a small call a tenth of its time.
    """

    def __init__(self, paths: Sequence[PathRoute], default: ASGIApp) -> None:
        of_beginning: dict[str, list[PathRoute]] = {}
        for path in paths:
            of_beginning.setdefault(_beginning(path.path), []).append(path)
        wider = {
            beginning: of_beginning.get(_first(beginning), [])
            for beginning in of_beginning
            if beginning != _first(beginning)
        }
        self._routers = {
            beginning: Router(
                [*alike, *wider.get(beginning, ())], default=default, redirect_slashes=False
            )
            for beginning, alike in of_beginning.items()
        }
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        router = self._routers.get(_beginning(path)) or self._routers.get(_first(path))
        await (router or self._default)(scope, receive, send)


def _beginning(path: str) -> str:
    """The first two segments of a path; of a template only those without names in braces.

    >>> _beginning("/v1/sources/{name}/events"), _beginning("/echo/{name}"), _beginning("/healthz")
    ('/v1/sources', '/echo', '/healthz')
    """
    parts = path.split("/", 3)[:3]
    return "/".join(parts[:2] if "{" in parts[-1] else parts)


def _first(path: str) -> str:
    return "/".join(path.split("/", 2)[:2])


class _PathAnswer:
    """Answers for the routes of one path, as an ASGI application."""

    def __init__(self, routes: Sequence[Route], desk: Desk) -> None:
        self._service, self._desk = desk.service, desk
        self._routes = {route.method: RouteDesk(route, desk) for route in routes}
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at, notes = self._routes.get(scope["method"]), self._desk.notes
        call = call_of(scope, at.route.path if at else "")
        begun = notes.begin(call, scope["path"]) if notes else None
        if begun is not None and begun.span is not None:
            call = call._replace(span=begun.span)
        try:
            if at is None:
                reply = self._refusal(scope, call)
            else:
                call, reply = await self._reply(at, call, receive)
        except ClientDisconnect:
            # Of one that is refused in the middle of its body the refusal is noted.
            if notes and begun and call.caller.has_left:
                notes.leave(begun, call)
            return
        await send_reply(_noted(self._desk, begun, call, reply), send)

    async def _reply(self, at: RouteDesk, call: Call, receive: Receive) -> tuple[Call, Reply]:
        """The call, once its caller is known, and what it ends with."""
        permission = at.route.permission
        try:
            call = with_deadline(call)
            # Before the body is read: nobody unknown makes this process hold 32 MB.
            if permission is not None:
                call = call._replace(actor=await self._authorise(call, permission))
            return call, await self._answer(at, call, receive)
        except ClientDisconnect:
            raise
        # the edge of a request: a bug ends this one and no other, and is answered, logged and
        # counted by the service like every other error
        except (Exception, asyncio.CancelledError) as error:
            return call, self._desk.refusal(call, error)

    async def _authorise(self, call: Call, permission: str) -> Actor:
        return await self._desk.at_once(
            "authorise", lambda: self._service.authorise(call, permission)
        )

    async def _answer(self, at: RouteDesk, call: Call, receive: Receive) -> Reply:
        with ExitStack() as held:
            room = held.enter_context(self._desk.room.held())
            body = await read_body(receive, limit=self._desk.limits.body_bytes, held=room)
            return await at.answer(call._replace(body=body), held)

    def _refusal(self, scope: Scope, call: Call) -> Reply:
        error = MethodNotAllowed(
            path=scope["path"], method=scope["method"], allowed=", ".join(sorted(self._routes))
        )
        return self._service.refuse(call, error)


def _noted(desk: Desk, begun: BegunCall | None, call: Call, reply: Reply) -> Reply:
    """The reply as it is sent, after it was noted where somebody wants that."""
    if desk.notes is None or begun is None:
        return reply
    desk.notes.end(begun, call, reply)
    return desk.notes.named(begun, reply)
