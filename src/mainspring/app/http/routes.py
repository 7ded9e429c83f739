"""The routes of every package as one service: each behind its permission, its errors as problem
documents, its answers counted.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mainspring.access.authorise import TokenGuard
from mainspring.access.scope import Demand
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.problem import problem_reply
from mainspring.elements.events import Actor
from mainspring.features.api import FeatureAnswers, FeatureApi
from mainspring.govern.api import StatusApi
from mainspring.govern.status import StatusReport
from mainspring.interface.openapi.api import OpenApi
from mainspring.interface.openapi.environment import environment_document
from mainspring.ports.http import (
    LOOPBACK_HOSTS,
    Call,
    HttpService,
    Reply,
    Route,
    RouteSubject,
)
from mainspring.ports.log import LogReader
from mainspring.ports.metrics import METRICS_MEDIA_TYPE
from mainspring.project.api import DeploymentApi
from mainspring.project.deploy import EnvironmentDeployer
from mainspring.serving.admission import AdmissionControl, rejection_of
from mainspring.serving.api import ServingApi
from mainspring.serving.errors import PredictionUnknown
from mainspring.serving.feedback import FeedbackRecorder, Permit
from mainspring.serving.feedback.api import FeedbackApi
from mainspring.serving.host import EndpointHost
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.receive import Receiving, source_routes
from mainspring.sources.spec import Source

__all__ = ["HttpDependencies", "build_http_service"]


@dataclass(frozen=True, eq=False)
class HttpDependencies:
    """What the routes call.

    Args:
        version: of this software.
        guard: who may call.
        writer: what takes rows of a source in, in an actor's name.
        replay: takes a prediction's id; returns a record to render.
        place_of: takes a prediction's id; returns the environment and the endpoint that it was made
            at.
        log: of predictions, which feedback asks.
        present_source: a source that a model was trained on, as it takes rows in now.
        features: what reads features.
        status: what the environment holds.
        deployer: what moves the environment, in an actor's name.
        require_stores: returns while the stores can be written, else raises an error of ours.
        require_ready: returns while all that may be asked can be answered; None asks for the stores
            only.
        admission: lets requests of models in; None lets all in.
        notes: what readiness says besides.
        receiving: with what rows are received.
        log_bytes: how large the logs are on disk, by log.
        gather_s: how long a request for predictions may wait for others, to be computed with them.
    """

    version: str
    host: EndpointHost
    guard: TokenGuard
    metrics: ServerMetrics
    writer: Callable[[str, Actor], SourceWriter]
    replay: Callable[[str], object]
    place_of: Callable[[str], tuple[str, str]]
    log: LogReader
    present_source: Callable[[Source], CompiledSource]
    features: FeatureAnswers
    status: Callable[[], StatusReport]
    deployer: Callable[[Actor], EnvironmentDeployer]
    require_stores: Callable[[], None]
    require_ready: Callable[[], None] | None = None
    admission: AdmissionControl | None = None
    notes: Callable[[], Sequence[str]] = lambda: ()
    receiving: Receiving = Receiving()  # noqa: RUF009
    log_bytes: Callable[[], Mapping[str, int]] = dict
    gather_s: float = 0.0


def build_http_service(
    dependencies: HttpDependencies, *, hosts: Collection[str] = ()
) -> HttpService:
    """The service of one environment: what an HTTP server answers for.

    Args:
        hosts: names that callers may know the server by, beside those of this machine.
    """
    host, guard, metrics = dependencies.host, dependencies.guard, dependencies.metrics
    draining = threading.Event()
    metrics.pending.set_function(lambda: host.pending)
    admission = dependencies.admission
    if admission is not None:
        metrics.admission.watch(
            lambda: {name: admission.under_way(name) for name in host.served.endpoints},
            limit=admission.limit,
        )
    openapi = OpenApi(
        lambda: host.served, partial(environment_document, version=dependencies.version)
    )
    routes = [
        *ServingApi(
            host,
            replay=dependencies.replay,
            version=dependencies.version,
            require_ready=dependencies.require_ready or dependencies.require_stores,
            observe=metrics.count_predictions,
            notes=dependencies.notes,
            draining=draining,
            gather_s=dependencies.gather_s,
        ).routes(),
        *source_routes(dependencies.writer, dependencies.receiving, observe=metrics.count_events),
        _feedback_api(dependencies).route(),
        *FeatureApi(dependencies.features, observe=metrics.count_features).routes(),
        *StatusApi(dependencies.status).routes(),
        *DeploymentApi(dependencies.deployer).routes(),
        Route("GET", "/metrics", "read", lambda _: _render_metrics(dependencies)),
        openapi.route(),
    ]
    openapi.describe(routes)
    abouts = {route.path: route.about for route in routes}

    def authorise(call: Call, permission: str) -> Actor:
        demand = _demand(call, permission, abouts[call.route])
        return guard.authorise(call.headers.get("authorization"), demand)

    def refuse(call: Call, error: Exception) -> Reply:
        if reason := rejection_of(error):
            name = call.path.get("name", "")
            metrics.admission.count(name if name in host.served.endpoints else "", reason)
        return metrics.http.counted(call, problem_reply(call, error))

    return HttpService(
        routes=[
            metrics.http.counting(_placed(_kept(route, dependencies.require_stores), dependencies))
            for route in routes
        ],
        authorise=authorise,
        refuse=refuse,
        admit=admission.guarding_routes(routes) if admission else None,
        draining=draining,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )


def _feedback_api(dependencies: HttpDependencies) -> FeedbackApi:
    """What takes labels in, from whoever may write to the endpoint and to the label's source."""
    host, guard = dependencies.host, dependencies.guard

    def permit(call: Call) -> Permit:
        header = call.headers.get("authorization")
        return lambda kind, name: _allow(guard, header, Demand("ingest", kind, name))

    return FeedbackApi(
        FeedbackRecorder(
            host.endpoint,
            dependencies.present_source,
            environment=guard.environment,
            log=dependencies.log,
        ),
        permit=permit,
        writer=dependencies.writer,
        observe=dependencies.metrics.count_events,
    )


def _allow(guard: TokenGuard, header: str | None, demand: Demand) -> None:
    guard.authorise(header, demand)


def _demand(call: Call, permission: str, about: RouteSubject) -> Demand:
    match about:
        case "endpoint" | "source":
            return Demand(permission, about, next(iter(call.path.values())))
        case "environment":
            return Demand(permission, "environment")
        case "prediction" | "nothing":
            return Demand(permission)


def _placed(route: Route, dependencies: HttpDependencies) -> Route:
    """The route; where it is about a prediction, for those of this environment only, and for a
    token that is for its endpoint.  Finding the endpoint asks the log, so it waits for the handler.
    """
    if route.about != "prediction" or route.permission is None:
        return route
    permission, guard = route.permission, dependencies.guard

    def handler(call: Call) -> Reply:
        prediction = call.path["id"]
        place, endpoint = dependencies.place_of(prediction)
        if place != guard.environment:
            raise PredictionUnknown(prediction=prediction)
        demand = Demand(permission, "endpoint", endpoint)
        guard.authorise(call.headers.get("authorization"), demand)
        return route.handler(call)

    return route._replace(handler=handler)


def _kept(route: Route, require_stores: Callable[[], None]) -> Route:
    """The route, refused while what it answers could not be stored."""
    return route.preceded(require_stores) if route.writes else route


def _render_metrics(dependencies: HttpDependencies) -> Reply:
    """`GET /metrics`: Prometheus text."""
    metrics, served = dependencies.metrics, dependencies.host.served
    metrics.map_version.set(served.version)
    metrics.set_models(served)
    metrics.set_log_bytes(dependencies.log_bytes())
    return Reply(200, metrics.render(), METRICS_MEDIA_TYPE)
