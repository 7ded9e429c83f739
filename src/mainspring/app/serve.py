"""Serve an environment: the host behind HTTP, and the background work that keeps it current."""

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import NamedTuple

from mainspring.access.authorise import TokenGuard
from mainspring.app.announcement import served_lines
from mainspring.app.data_plane import open_controller
from mainspring.app.http.access_log import access_log_of
from mainspring.app.http.address import (
    ServerAddress,
    address_of,
    certificates_of,
    hosts_of,
    scheme_of,
)
from mainspring.app.http.log_sizes import log_bytes_in
from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.routes import HttpDependencies, build_http_service
from mainspring.app.http.servers import chosen_server
from mainspring.app.http.traces import ServerTraces, traces_of
from mainspring.app.servable_workspace import ServableWorkspace
from mainspring.elements.errors import MainspringError
from mainspring.elements.time import format_instant
from mainspring.engines.local.access_log import AccessLog
from mainspring.engines.local.decoder import BodyDecoder, DecodingLimits
from mainspring.engines.local.heartbeat import heartbeat_of
from mainspring.engines.local.inherited import inherited_listener, is_first, worker_place
from mainspring.engines.local.watch import FolderWatch
from mainspring.features.compile_kernels import compile_kernels
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.kernel.windows.aggregate import warm
from mainspring.features.stream.consume import StreamConsumer
from mainspring.features.view import CompiledView, with_lookups
from mainspring.flow.leadership import Leadership
from mainspring.flow.periodic import PeriodicTask
from mainspring.interface.openapi.api import OPENAPI_PATH
from mainspring.maintenance.examination import store_ports, watch_of
from mainspring.maintenance.positions import iter_copies_ahead, iter_missing_objects
from mainspring.monitoring.parity import ParityMonitor
from mainspring.ports.clock import clock_note
from mainspring.ports.http import Call, HttpService
from mainspring.ports.limits import MAX_PUSHED_ROWS
from mainspring.ports.tls import ServerTlsFiles
from mainspring.ports.traces import TraceSettings
from mainspring.serving.admission import AdmissionControl
from mainspring.serving.host import EndpointHost, ServedEnvironment
from mainspring.serving.readiness import ServerReadiness
from mainspring.serving.served_endpoint import require_placed
from mainspring.serving.state.lag import LagMeter
from mainspring.sources.receive import Receiving
from mainspring.sources.uploads.folder import UploadFolder

__all__ = [
    "REFRESH_PERIOD_S",
    "EnvironmentServer",
    "background_tasks",
    "check_sampled_parity",
    "guard_of",
    "leadership_of",
    "open_server",
    "openapi_of",
    "run_environment_server",
    "service_of",
]

REFRESH_PERIOD_S = 0.02
"""How often a server looks whether its environment has moved."""

_TABLES_PERIOD_S = 0.1
_LOG_PERIOD_S = 0.05
_MONITORS_PERIOD_S = 1.0
_STORES_PERIOD_S = 1.0
_TOKENS_PERIOD_S = 1.0
_UPLOADS_PERIOD_S = 60.0

Only = Callable[[Callable[[], object]], Callable[[], object]]
"""Makes of an act one that is done by one server of several."""

_LOG = logging.getLogger("mainspring.server")


class EnvironmentServer(NamedTuple):
    """A server but for its socket and its threads.

    Args:
        tasks: what it does while it answers.
        leadership: of this process among all that serve the environment: what only one should do
            is done by the one that leads.
    """

    host: EndpointHost
    service: HttpService
    readiness: ServerReadiness
    guard: TokenGuard
    tasks: tuple[PeriodicTask, ...]
    leadership: Leadership


def open_server(
    workspace: ServableWorkspace,
    *,
    hosts: Collection[str] = (),
    access: AccessLog | None = None,
    traces: ServerTraces | None = None,
) -> EnvironmentServer:
    """Everything that a server of an environment is made of; stores that do not agree make it
    unready, not absent.  The access log and the traces, where there are some, are told of each
    call.

    Raises: SRV-120 to SRV-122 where no model can compute as declared.
    """
    assert workspace.folder is not None, "a workspace in memory has no server"
    workspace.token()
    watch = FolderWatch(workspace.folder, room_bytes=workspace.config.disk_floor_mb << 20)
    host = workspace.host(must_load=False)
    require_placed(host.served.endpoints.values())
    metrics = ServerMetrics(worker_place(os.environ), access, traces)
    readiness = _readiness(workspace, watch, host)
    with _starting_unready():
        readiness.check()
    metrics.count_parity(*workspace.parity.totals())
    with _starting_unready():
        workspace.materialize()
    guard = guard_of(workspace)
    service = service_of(workspace, host, metrics, guard=guard, readiness=readiness, hosts=hosts)
    service = replace(
        service,
        access=access.note if access else None,
        tracer=traces.tracer if traces else None,
    )
    leadership = leadership_of(workspace)
    tasks = (
        PeriodicTask(host.log_later().flush, name="inference-log", period_s=_LOG_PERIOD_S),
        PeriodicTask(readiness.check, name="stores", period_s=_STORES_PERIOD_S),
        PeriodicTask(guard.record, name="tokens", period_s=_TOKENS_PERIOD_S),
        *_tasks_of_the_leader(workspace, leadership.only),
        *([metrics.workers.task()] if metrics.workers else []),
        *background_tasks(
            workspace, host, metrics, require_stores=watch.check, only=leadership.only
        ),
    )
    return EnvironmentServer(host, service, readiness, guard, tasks, leadership)


def leadership_of(workspace: ServableWorkspace) -> Leadership:
    """The candidacy of this process for what only one server of the environment should do."""
    runtime, environment = workspace.runtime, workspace.environment
    return Leadership(
        runtime.state,
        f"background/{environment}",
        holder=f"server {os.getpid()}",
        clock=runtime.clock,
    )


def _tasks_of_the_leader(workspace: ServableWorkspace, only: Only) -> Iterator[PeriodicTask]:
    """What one server of the environment looks after, beside its background tasks."""
    for name, act, period_s in (
        ("checkpoints", workspace.journal_signer.run_due, _MONITORS_PERIOD_S),
        ("operations", workspace.operations.run_due, _MONITORS_PERIOD_S),
        ("uploads", _uploads_of(workspace).expire, _UPLOADS_PERIOD_S),
    ):
        yield PeriodicTask(only(act), name=name, period_s=period_s)


def run_environment_server(
    workspace: ServableWorkspace,
    *,
    port: int,
    announce: Callable[[str], None],
    hosts: Collection[str] = (),
    tls: ServerTlsFiles | None = None,
    access_log: str = "",
    traces: str = "",
    declared_traces: TraceSettings | None = None,
) -> None:
    """Answer on the loopback address until the process is stopped.

    Args:
        port: 0 chooses a free port.
        hosts: names that callers may know the server by, beside those of this machine.
        announce: prints, line by line, the address of the server and how to call it.
        tls: has it speak TLS; it is known by the names in the certificate too.
        access_log: a file that gets a line for each call, `-` for standard output, or none.
        traces: the address of a collector that gets the traces, or none.
        declared_traces: where the settings say that they go.

    Raises: AccessLogUnusable SRV-057, what `certificates_of`, `traces_of` and `open_server` raise.
    """
    certificates = certificates_of(tls)
    with ExitStack() as running:
        log = running.enter_context(access_log_of(access_log))
        spans = running.enter_context(
            traces_of(
                declared_traces,
                traces,
                {"deployment.environment.name": workspace.environment},
                scheme=scheme_of(certificates),
            )
        )
        compile_kernels()
        warm()
        warm_online()
        known = (*hosts, *hosts_of(certificates))
        server = open_server(workspace, hosts=known, access=log, traces=spans)
        running.callback(server.guard.record, everything=True)
        running.callback(server.host.drain)
        running.enter_context(server.leadership.running())
        running.enter_context(_taking_part(workspace, server.host))
        for task in server.tasks:
            running.enter_context(task.running())
        # In reserve: where a `mainspring stream` runs, requests need not share their process with
        # the folding.
        running.enter_context(_consuming(workspace.streams.consumer(is_reserve=True)))
        chosen_server(
            os.environ,
            heartbeat_of(os.environ),
            listener=inherited_listener(os.environ),
            tls=certificates,
        ).serve(
            server.service,
            port=port,
            on_bound=lambda bound: (
                _announce(workspace, server.host, address_of(bound, certificates), announce)
                if is_first(os.environ)
                else None
            ),
        )


@contextmanager
def _taking_part(workspace: ServableWorkspace, host: EndpointHost) -> Iterator[None]:
    """Be one of the servers that a roll-out waits for while the block runs."""
    host.take_part(open_controller(workspace.runtime, workspace.environment, host))
    try:
        yield
    finally:
        # One that cannot write any more is not waited for after some seconds anyway.
        with suppress(MainspringError):
            host.leave()


def _readiness(
    workspace: ServableWorkspace, watch: FolderWatch, host: EndpointHost
) -> ServerReadiness:
    """What the server looks at while it answers."""
    runtime, environment = workspace.runtime, workspace.environment
    stores, log = store_ports(runtime), watch_of(runtime)
    meter = LagMeter(stores.log, stores.online, limit=workspace.config.lag_limit)
    return ServerReadiness(
        watch.require,
        log.require,
        positions=lambda: iter_copies_ahead(environment, workspace.streams.kept.read(), stores),
        objects=lambda: iter_missing_objects(environment, stores),
        lag=lambda: meter.iter_faults(_views_that_answer(host.served)),
    )


def _views_that_answer(served: ServedEnvironment) -> Sequence[CompiledView]:
    """The views that the models of the map in place read: of one that waits for its state nothing
    is asked yet.
    """
    models = [endpoint.current for endpoint in served.endpoints.values()]
    return with_lookups([view for model in models if model for view in model.training_set.views])


@contextmanager
def _starting_unready() -> Iterator[None]:
    """Go on where the stores do not agree: the server starts, says so, and answers once they do."""
    try:
        yield
    except MainspringError as error:
        _LOG.warning("not ready: %s", error)


def guard_of(workspace: ServableWorkspace) -> TokenGuard:
    """Who may call the server of this environment."""
    runtime = workspace.runtime
    return TokenGuard(
        runtime.state,
        project=runtime.project,
        environment=workspace.environment,
        clock=runtime.clock,
    )


def _uploads_of(workspace: ServableWorkspace) -> UploadFolder:
    assert workspace.folder is not None
    return UploadFolder.of_workspace(workspace.folder, clock=workspace.runtime.clock)


def service_of(
    workspace: ServableWorkspace,
    host: EndpointHost,
    metrics: ServerMetrics,
    *,
    guard: TokenGuard,
    readiness: ServerReadiness,
    hosts: Collection[str] = (),
) -> HttpService:
    """What the server of this environment answers for.

    Args:
        hosts: names that callers may know the server by, beside those of this machine.
    """
    limits = DecodingLimits(rows=MAX_PUSHED_ROWS)
    admission = AdmissionControl(workspace.config.admission)
    # Apart, since a file may be read for minutes, and bodies wait for their turn.
    bodies, files = BodyDecoder(limits), BodyDecoder(limits)
    receiving = Receiving(
        bodies.decode, files.examine_file, _uploads_of(workspace), workspace.environment
    )
    return build_http_service(
        HttpDependencies(
            version=version("mainspring"),
            host=host,
            guard=guard,
            metrics=metrics,
            writer=lambda source, actor: workspace.writer(source, actor=actor),
            replay=workspace.trace,
            place_of=workspace.replays.place,
            log=workspace.runtime.log,
            present_source=workspace.present_source,
            features=workspace.served_features,
            status=workspace.status,
            deployer=lambda actor: workspace.acting_as(actor).deployer,
            require_stores=readiness.require_stores,
            require_ready=lambda: _require_all(readiness.require_ready, admission.require_room),
            admission=admission,
            receiving=receiving,
            log_bytes=lambda: log_bytes_in(workspace.folder),
            notes=lambda: [note] if (note := clock_note(workspace.runtime.clock)) else (),
            gather_s=workspace.config.execution.gather_s,
        ),
        hosts=hosts,
    )


def openapi_of(workspace: ServableWorkspace) -> bytes:
    """The OpenAPI document that a server of this environment answers now."""
    assert workspace.folder is not None, "a workspace in memory has no server"
    host = workspace.host(must_load=False)
    watch = FolderWatch(workspace.folder, room_bytes=workspace.config.disk_floor_mb << 20)
    service = service_of(
        workspace,
        host,
        ServerMetrics(),
        guard=guard_of(workspace),
        readiness=_readiness(workspace, watch, host),
    )
    [route] = [route for route in service.routes if route.path == OPENAPI_PATH]
    return route.handler(Call("GET", route.path)).body


def _require_all(*require: Callable[[], None]) -> None:
    for each in require:
        each()


def background_tasks(
    workspace: ServableWorkspace,
    host: EndpointHost,
    metrics: ServerMetrics,
    *,
    require_stores: Callable[[], None],
    only: Only = lambda act: act,
) -> tuple[PeriodicTask, ...]:
    """What a server does while it answers, each in a thread of its own: a rollback is served within
    a period of refreshing, whatever a monitor or a check of parity has at hand.

    Args:
        require_stores: returns while the stores can be written, else raises an error of ours.
        only: makes of an act one that does nothing where another server of the environment does
            it.
    """

    def fold_tables() -> None:
        # A table that is missing is made anew, so while somebody removes the folder it would come
        # back under their hands.
        require_stores()
        workspace.tables.run_due()

    compare = partial(check_sampled_parity, workspace.parity, metrics)
    return (
        PeriodicTask(host.refresh, name="refresh", period_s=REFRESH_PERIOD_S),
        PeriodicTask(host.run_shadows, name="shadows", period_s=REFRESH_PERIOD_S),
        PeriodicTask(
            only(workspace.generations.run_due), name="generations", period_s=_MONITORS_PERIOD_S
        ),
        PeriodicTask(only(fold_tables), name="tables", period_s=_TABLES_PERIOD_S),
        PeriodicTask(
            only(workspace.monitors.run_due), name="monitors", period_s=_MONITORS_PERIOD_S
        ),
        PeriodicTask(only(compare), name="parity", period_s=_MONITORS_PERIOD_S),
    )


def check_sampled_parity(parity: ParityMonitor, metrics: ServerMetrics) -> None:
    """Compare the sampled reads that are due, and count what any process has compared by then."""
    if parity.run_due() is not None:
        metrics.count_parity(*parity.totals())


@contextmanager
def _consuming(consumer: StreamConsumer) -> Iterator[None]:
    """Fold the log in a thread while the block runs."""
    stop = threading.Event()
    with PeriodicTask(partial(consumer.run, stop), name="stream").running():
        try:
            yield
        finally:
            stop.set()


def _announce(
    workspace: ServableWorkspace,
    host: EndpointHost,
    address: ServerAddress,
    announce: Callable[[str], None],
) -> None:
    announce(
        f"Serving {workspace.environment} on {address.url} (data as of "
        f"{format_instant(workspace.runtime.data_clock.now())[:19]}Z)."
    )
    for line in served_lines(host.served, address, workspace.token()):
        announce(line)
