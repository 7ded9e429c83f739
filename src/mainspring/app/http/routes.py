"""The routes.  Each asks for a permission first; only health answers without a token.

A prediction takes half a millisecond and is answered in the event loop.  What can take seconds,
such as a replay that reads the whole log, runs in a thread, so that nobody who asks for a
prediction waits behind it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mainspring.access.tokens import Permission, authorise
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.problem import problem_response, status_of
from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import parse_body
from mainspring.ports.state import StateReader
from mainspring.serving.body import PredictBody
from mainspring.serving.host import EndpointHost
from mainspring.serving.protocol import infer_response, matrix_of, metadata_of
from mainspring.sources.ingest import SourceRows

__all__ = ["HttpDependencies", "build_app"]

_MAX_BODY = 32 * 1024 * 1024
Endpoint = Callable[[Request], Awaitable[Response]]
Form = TypeVar("Form")


class EventsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a push to a source; `op` is `replace` or `delete` for corrections of facts that
    were accepted before.
    """

    rows: list[dict[str, str | int | float | bool | None]]
    op: Literal["", "replace", "delete"] = ""


@dataclass(frozen=True, eq=False)
class HttpDependencies:
    """What the routes call.

    Args:
        push: takes a source's name, rows, the operation and the actor; returns a record to render.
        replay: takes a prediction's id; returns a record to render.
        status: returns a record to render.
    """

    name: str
    host: EndpointHost
    state: StateReader
    metrics: ServerMetrics
    push: Callable[[str, SourceRows, str, Actor], object]
    replay: Callable[[str], object]
    status: Callable[[], object]


def build_app(service: HttpDependencies) -> Starlette:
    """The ASGI application."""
    routes = Routes(service)
    guarded: list[tuple[str, str, Permission, Callable[[Request, Actor], Awaitable[Response]]]] = [
        ("POST", "/v1/endpoints/{name}/predict", "predict", routes.predict),
        ("POST", "/v1/sources/{name}/events", "ingest", routes.push),
        ("GET", "/v1/predictions/{id}/replay", "read", routes.replay),
        ("GET", "/v1/status", "read", routes.status),
        ("GET", "/metrics", "read", routes.metrics),
        ("GET", "/v2", "read", routes.server_metadata),
        ("GET", "/v2/models/{name}", "read", routes.model_metadata),
        ("GET", "/v2/models/{name}/ready", "read", routes.model_ready),
        ("POST", "/v2/models/{name}/infer", "predict", routes.infer),
    ]
    table = [
        Route(path, _guard(service, permission, act), methods=[method])
        for method, path, permission, act in guarded
    ]
    table += [Route(path, routes.live, methods=["GET"]) for path in ("/healthz", "/v2/health/live")]
    table.append(Route("/v2/health/ready", routes.ready, methods=["GET"]))
    return Starlette(routes=table, exception_handlers={MainspringError: problem_response})


def _guard(
    service: HttpDependencies,
    permission: Permission,
    act: Callable[[Request, Actor], Awaitable[Response]],
) -> Endpoint:
    """The route behind its permission, counted by outcome."""

    async def answer(request: Request) -> Response:
        route = request.scope["route"].path
        try:
            actor = authorise(service.state, request.headers.get("authorization"), permission)
            response = await act(request, actor)
        except MainspringError as error:
            service.metrics.requests.labels(route, str(status_of(error))).inc()
            raise
        service.metrics.requests.labels(route, str(response.status_code)).inc()
        return response

    return answer


def _json(record: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(record), status, media_type="application/json")


async def _body(request: Request) -> bytes:
    """The body, read no further than the limit: a declared length may be absent or wrong."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise BadRequest(reason=f"the body is larger than {_MAX_BODY} bytes")
    return bytes(body)


async def _decoded(request: Request, form: type[Form]) -> Form:
    return parse_body(await _body(request), form)


class Routes:
    """One method per route."""

    def __init__(self, service: HttpDependencies) -> None:
        self._service = service
        # One ingest at a time: two would decide on the same head of the log, and one of them would
        # have to decide again.
        self._ingesting = asyncio.Lock()

    async def predict(self, request: Request, actor: Actor) -> Response:
        """`POST /v1/endpoints/{name}/predict`: rows in, a score and an id for each out."""
        started = time.perf_counter()
        name = request.path_params["name"]
        body = await _decoded(request, PredictBody)
        predictions = self._service.host.predict(name, body.rows, actor=actor)
        metrics = self._service.metrics
        metrics.predictions.labels(name, predictions[0].version[7:19]).inc(len(predictions))
        metrics.seconds.labels(name).observe(time.perf_counter() - started)
        return _json({"predictions": predictions})

    async def push(self, request: Request, actor: Actor) -> Response:
        """`POST /v1/sources/{name}/events`: rows through the contract into the log; answered once
        they are durable.
        """
        name = request.path_params["name"]
        body = await _decoded(request, EventsBody)
        async with self._ingesting:
            return _json(
                await run_in_threadpool(self._service.push, name, body.rows, body.op, actor)
            )

    async def replay(self, request: Request, _: Actor) -> Response:
        """`GET /v1/predictions/{id}/replay`: recompute a prediction."""
        return _json(await run_in_threadpool(self._service.replay, request.path_params["id"]))

    async def status(self, _request: Request, _: Actor) -> Response:
        """`GET /v1/status`: what the environment serves."""
        return _json(await run_in_threadpool(self._service.status))

    async def metrics(self, _request: Request, _: Actor) -> Response:
        """`GET /metrics`: Prometheus text."""
        metrics, served = self._service.metrics, self._service.host.served
        metrics.map_version.set(served.version)
        for name, endpoint in served.endpoints.items():
            metrics.refused.labels(name).set(bool(endpoint.refusal))
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    async def server_metadata(self, _request: Request, _: Actor) -> Response:
        """`GET /v2`."""
        return _json({"name": "mainspring", "version": self._service.name, "extensions": []})

    async def model_metadata(self, request: Request, _: Actor) -> Response:
        """`GET /v2/models/{name}`."""
        name = request.path_params["name"]
        model = self._service.host.choose(name)
        return _json(metadata_of(name, model.label, model.encoding.column_names))

    async def model_ready(self, request: Request, _: Actor) -> Response:
        """`GET /v2/models/{name}/ready`."""
        name = request.path_params["name"]
        endpoint = self._service.host.endpoint(name)
        return _json(
            {"name": name, "ready": endpoint.current is not None}, 200 if endpoint.current else 503
        )

    async def infer(self, request: Request, _: Actor) -> Response:
        """`POST /v2/models/{name}/infer`: tensors in, tensors out."""
        name = request.path_params["name"]
        model = self._service.host.choose(name)
        asked, matrix = matrix_of(await _body(request), model.scorer.feature_count)
        return _json(infer_response(name, model.label, asked, model.scorer.predict(matrix)))

    async def live(self, _: Request) -> Response:
        """`GET /v2/health/live`: the process answers."""
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        """`GET /v2/health/ready`: every endpoint has a model that may answer."""
        endpoints = self._service.host.served.endpoints
        waiting = [name for name, endpoint in endpoints.items() if endpoint.current is None]
        return _json(
            {"ready": bool(endpoints) and not waiting}, 200 if endpoints and not waiting else 503
        )
