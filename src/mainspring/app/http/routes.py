"""The routes of every package as one service: each behind its permission, its errors as problem
documents, its answers counted.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from mainspring.access.tokens import authorise
from mainspring.app.http.metrics import ServerMetrics
from mainspring.elements.events import Actor
from mainspring.engines.http.problem import problem_reply
from mainspring.govern.api import StatusApi
from mainspring.govern.status import StatusReport
from mainspring.ports.http import LOOPBACK_HOSTS, Call, HttpService, Reply, Route
from mainspring.ports.state import StateReader
from mainspring.serving.api import ServingApi
from mainspring.serving.host import EndpointHost
from mainspring.sources.api import SourceApi
from mainspring.sources.ingest import SourceWriter

__all__ = ["HttpDependencies", "build_http_service"]


@dataclass(frozen=True, eq=False)
class HttpDependencies:
    """What the routes call.

    Args:
        version: of this software.
        state: where tokens are looked up.
        writer: what takes rows of a source in, in an actor's name.
        replay: takes a prediction's id; returns a record to render.
        status: what the environment holds.
        require_stores: returns while the stores can be written, else raises an error of ours.
    """

    version: str
    host: EndpointHost
    state: StateReader
    metrics: ServerMetrics
    writer: Callable[[str, Actor], SourceWriter]
    replay: Callable[[str], object]
    status: Callable[[], StatusReport]
    require_stores: Callable[[], None]


def build_http_service(
    dependencies: HttpDependencies, *, hosts: Collection[str] = ()
) -> HttpService:
    """The service of one environment: what an HTTP server answers for.

    Args:
        hosts: names that callers may know the server by, beside those of this machine.
    """
    host, state, metrics = dependencies.host, dependencies.state, dependencies.metrics
    routes = [
        *ServingApi(
            host,
            replay=dependencies.replay,
            version=dependencies.version,
            require_stores=dependencies.require_stores,
            observe=metrics.count_predictions,
        ).routes(),
        *SourceApi(dependencies.writer, observe=metrics.count_events).routes(),
        *StatusApi(dependencies.status).routes(),
        Route("GET", "/metrics", "read", lambda _: _render_metrics(metrics, host)),
    ]

    def refuse(call: Call, error: Exception) -> Reply:
        return metrics.counted(call, problem_reply(call, error))

    return HttpService(
        routes=[_counted(_kept(route, dependencies.require_stores), metrics) for route in routes],
        authorise=lambda call, permission: authorise(
            state, call.headers.get("authorization"), permission
        ),
        refuse=refuse,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )


def _kept(route: Route, require_stores: Callable[[], None]) -> Route:
    """The route, refused while what it answers could not be stored."""
    if not route.writes:
        return route

    def handler(call: Call) -> Reply:
        require_stores()
        return route.handler(call)

    return route._replace(handler=handler)


def _counted(route: Route, metrics: ServerMetrics) -> Route:
    """The route with its answers counted; those of health are asked for every few seconds and would
    drown the others.
    """
    if route.permission is None:
        return route
    return route._replace(handler=lambda call: metrics.counted(call, route.handler(call)))


def _render_metrics(metrics: ServerMetrics, host: EndpointHost) -> Reply:
    """`GET /metrics`: Prometheus text."""
    served = host.served
    metrics.map_version.set(served.version)
    for name, endpoint in served.endpoints.items():
        metrics.refused.labels(name).set(bool(endpoint.refusal))
    return Reply(200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8")
