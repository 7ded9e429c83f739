"""A service as an ASGI application: a call is authorised, its body read, its route asked, and the
reply sent.
"""

import asyncio
from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from mainspring.elements.errors import MainspringError
from mainspring.engines.http.translate import call_of, read_body, send_reply
from mainspring.ports.errors import MethodNotAllowed, UnknownRoute
from mainspring.ports.http import Call, HttpService, Reply, Route

__all__ = ["asgi_application"]


def asgi_application(service: HttpService) -> Router:
    """The application that answers for a service.

    Starlette finds the path, and no more: its requests, responses and exception handlers would take
    a fifth of the time of a call that does nothing.
    """
    by_path: dict[str, list[Route]] = {}
    for route in service.routes:
        by_path.setdefault(route.path, []).append(route)

    async def answer_unknown(scope: Scope, _: Receive, send: Send) -> None:
        error = UnknownRoute(path=scope["path"])
        await send_reply(service.refuse(call_of(scope), error), send)

    paths = [PathRoute(path, _PathAnswer(routes, service)) for path, routes in by_path.items()]
    return Router(paths, default=answer_unknown, redirect_slashes=False)


class _PathAnswer:
    """Answers for the routes of one path, as an ASGI application."""

    def __init__(self, routes: Sequence[Route], service: HttpService) -> None:
        self._service = service
        self._routes = {route.method: route for route in routes}
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])
        # Of the event loop and not of threads: a call that waits its turn would else hold a
        # thread, and forty of them all that there are.
        self._turns = {route.method: asyncio.Lock() for route in routes if route.alone}

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
                call = call._replace(actor=self._service.authorise(call, route.permission))
            body = await read_body(receive, limit=self._service.max_body_bytes)
            return await self._answer(route, call._replace(body=body))
        except MainspringError as error:
            return self._service.refuse(call, error)

    async def _answer(self, route: Route, call: Call) -> Reply:
        if route.alone:
            async with self._turns[route.method]:
                return await _run(route, call)
        return await _run(route, call)

    def _refusal(self, scope: Scope) -> Reply:
        error = MethodNotAllowed(
            path=scope["path"], method=scope["method"], allowed=", ".join(sorted(self._routes))
        )
        return self._service.refuse(call_of(scope), error)


async def _run(route: Route, call: Call) -> Reply:
    return await run_in_threadpool(route.handler, call) if route.blocks else route.handler(call)
