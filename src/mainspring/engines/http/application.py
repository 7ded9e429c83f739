"""A service as an ASGI application: a call is authorised, its body read, its route asked, and the
reply sent.

What takes a while leaves the event loop: routes that wait, bodies that take long to read, whatever
a store holds up, and models that take long to score. Everything else stays, because a thread costs
a small call more than its answer.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import thread_time
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.engines.http.errors import ServerBusy
from mainspring.engines.http.gathering import Answers, Gathering
from mainspring.engines.http.room import BodyRoom
from mainspring.engines.http.translate import call_of, read_body, send_reply
from mainspring.engines.http.workers import Overdue, Workers, WorkInFlight, have_turn
from mainspring.ports.deadline import working_at_most
from mainspring.ports.errors import DeadlinePassed, MethodNotAllowed, StoreBusy, UnknownRoute
from mainspring.ports.http import Call, HttpService, Reply, Route
from mainspring.ports.waiting import SHORT_WAIT_S, waiting_at_most

__all__ = ["asgi_application"]

T = TypeVar("T")

_WAITING_THREADS = 32
_SMALL_BYTES = 4096
_SMALL_ROWS = 50
_SMALL_VALUES = 400
_BUSY_S = 1.0
_SLOW_S = 30.0


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
    desk = _Desk(service, flying or WorkInFlight())

    async def answer_unknown(scope: Scope, _: Receive, send: Send) -> None:
        error = UnknownRoute(path=scope["path"])
        await send_reply(service.refuse(call_of(scope), error), send)

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


class _Desk:
    """What all paths share: the threads, and how many bytes are held."""

    def __init__(self, service: HttpService, flying: WorkInFlight) -> None:
        limits = service.limits
        self.service, self.limits = service, limits
        self.room = BodyRoom(limits.all_bodies_bytes)
        self._waiting = Workers(_WAITING_THREADS, name="wait", limits=limits, flying=flying)
        # One core stays for everything else.
        cores = max(2, (os.cpu_count() or 2) - 1)
        self._computing = Workers(cores, name="compute", limits=limits, flying=flying)
        self._slow_until: dict[str, float] = {}

    async def run(self, route: Route, call: Call) -> Reply:
        """The reply of a route, wherever it is computed."""
        if route.blocks:
            return await self._waiting.run(route.handler, call)
        if _is_large(call.body):
            return await self._computing.run(route.handler, call)
        return await self.at_once(route.path, lambda: route.handler(call))

    def gathering(self, route: Route) -> Gathering | None:
        """The turns of a route that answers several calls at once."""
        answer_all = route.together
        if answer_all is None:
            return None

        async def run(calls: Sequence[Call]) -> Answers:
            try:
                return await self._waiting.run(answer_all, calls)
            except (MainspringError, Overdue):
                raise
            # a bug that one call meets ends that one and no other
            except Exception:
                if len(calls) == 1:
                    raise
            return [await self._alone(route, call) for call in calls]

        return Gathering(run, queue_s=self.limits.queue_s)

    async def _alone(self, route: Route, call: Call) -> Reply | Exception:
        try:
            return await self._waiting.run(route.handler, call)
        # the edge of a request, as in `_PathAnswer`
        except Exception as error:
            return error

    async def at_once(self, name: str, act: Callable[[], T]) -> T:
        """Do something in the event loop; in a thread where a store would have it wait or it takes
        too long, and for a while after it had.
        """
        now = asyncio.get_running_loop().time()
        if now < self._slow_until.get(name, 0.0):
            return await self._waiting.run(act)
        # Of this thread, so that a machine with too much to do does not make every route slow.
        began = thread_time()
        try:
            with waiting_at_most(SHORT_WAIT_S), working_at_most(self.limits.loop_s):
                return act()
        except StoreBusy:
            self._slow_until[name] = now + _BUSY_S
        except DeadlinePassed:
            self._slow_until[name] = now + _SLOW_S
        finally:
            if thread_time() - began > self.limits.loop_s:
                self._slow_until[name] = now + _SLOW_S
        return await self._waiting.run(act)


def _is_large(body: bytes) -> bool:
    """Whether it may take more than some 5 ms: most of a request is the work for each row, and that
    is an object of a prediction, or a few numbers of a tensor.
    """
    return (
        len(body) > _SMALL_BYTES
        or body.count(b"{") > _SMALL_ROWS
        or body.count(b",") > _SMALL_VALUES
    )


class _PathAnswer:
    """Answers for the routes of one path, as an ASGI application."""

    def __init__(self, routes: Sequence[Route], desk: _Desk) -> None:
        self._service, self._desk = desk.service, desk
        self._routes = {route.method: route for route in routes}
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])
        # Of the event loop and not of threads: a call that waits its turn would else hold a
        # thread, and in the end all that there are.
        self._turns = {route.method: asyncio.Lock() for route in routes if route.alone}
        self._gatherings = {route.method: desk.gathering(route) for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get(scope["method"])
        try:
            reply = await self._reply(route, scope, receive) if route else self._refusal(scope)
        except ClientDisconnect:
            return
        await send_reply(reply, send)

    async def _reply(self, route: Route, scope: Scope, receive: Receive) -> Reply:
        call = call_of(scope, route.path)
        try:
            # Before the body is read: nobody unknown makes this process hold 32 MB.
            if route.permission is not None:
                call = call._replace(actor=await self._authorise(call, route.permission))
            return await self._answer(route, call, receive)
        except ClientDisconnect:
            raise
        except asyncio.CancelledError:
            return self._service.refuse(call, ServerBusy(reason="it has to end now"))
        except Overdue:
            return self._service.refuse(call, DeadlinePassed(limit_s=self._desk.limits.work_s))
        # the edge of a request: a bug ends this one and no other, and is answered, logged and
        # counted by the service like every other error
        except Exception as error:
            return self._service.refuse(call, error)

    async def _authorise(self, call: Call, permission: str) -> Actor:
        return await self._desk.at_once(
            "authorise", lambda: self._service.authorise(call, permission)
        )

    async def _answer(self, route: Route, call: Call, receive: Receive) -> Reply:
        limits = self._desk.limits
        with ExitStack() as held:
            room = held.enter_context(self._desk.room.held())
            body = await read_body(receive, limit=limits.body_bytes, held=room)
            call = call._replace(body=body)
            gathering = self._gatherings.get(route.method)
            if gathering is None and route.alone:
                turn = self._turns[route.method]
                await have_turn(limits.queue_s, turn)
                held.callback(turn.release)
            try:
                if gathering is not None:
                    return await gathering.answer(call)
                return await self._desk.run(route, call)
            except Overdue as overdue:
                # The thread has them still: the bytes, and the turn.
                rest = held.pop_all()
                overdue.work.add_done_callback(lambda _: rest.close())
                raise

    def _refusal(self, scope: Scope) -> Reply:
        error = MethodNotAllowed(
            path=scope["path"], method=scope["method"], allowed=", ".join(sorted(self._routes))
        )
        return self._service.refuse(call_of(scope), error)
