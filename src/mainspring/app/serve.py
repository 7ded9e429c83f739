"""Serve an environment: the host behind HTTP, and the background work that keeps it current."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.http.routes import HttpDependencies, build_app
from mainspring.app.http.server import run_server
from mainspring.elements.events import Actor
from mainspring.elements.time import format_instant
from mainspring.features.kernel.tree.online import warm_online
from mainspring.features.kernel.windows.aggregate import warm
from mainspring.features.stream.consume import StreamConsumer
from mainspring.flow.periodic import PeriodicTask
from mainspring.monitoring.parity import ParityMonitor
from mainspring.monitoring.runner import MonitorRunner
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.load import Project
from mainspring.project.status import StatusReport
from mainspring.serving.host import EndpointHost
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.sources.fold import TableMaterializer
from mainspring.sources.ingest import IngestReport, SourceRows, SourceWriter

__all__ = ["ServableWorkspace", "check_sampled_parity", "run_environment_server"]


class ServableWorkspace(Protocol):
    """The part of a workspace that a server uses."""

    project: Project
    tools: Runtime
    environment: str

    @property
    def parity(self) -> ParityMonitor:
        """Compares served features with recomputed ones."""
        ...

    def host(self) -> EndpointHost:
        """The endpoints, answering."""
        ...

    def fold(self) -> None:
        """Bring online state up to the log."""
        ...

    @property
    def streams(self) -> OnlineMaterializer:
        """Keeps online state current."""
        ...

    @property
    def tables(self) -> TableMaterializer:
        """Keeps the tables of sources current."""
        ...

    def writer(self, source: str, *, actor: Actor | None = None) -> SourceWriter:
        """What takes rows of a source in, in somebody's name."""
        ...

    def trace(self, prediction: str) -> PredictionTrace:
        """Replay a prediction."""
        ...

    def status(self) -> StatusReport:
        """What the environment holds."""
        ...

    def token(self) -> Path:
        """The file with the owner's token."""
        ...


def run_environment_server(
    workspace: ServableWorkspace, *, port: int, announce: Callable[[str], None]
) -> None:
    """Answer on the loopback address until the process is stopped.

    Args:
        port: 0 chooses a free port.
        announce: prints, line by line, the address of the server and how to call it.
    """
    warm()
    warm_online()
    host, metrics = workspace.host(), ServerMetrics()
    metrics.count_parity(*workspace.parity.totals())
    workspace.fold()

    def push(source: str, rows: SourceRows, op: str, actor: Actor) -> IngestReport:
        report = workspace.writer(source, actor=actor).write_rows(rows, op=op)
        for outcome, count in (
            ("accepted", report.accepted),
            ("duplicate", report.duplicates),
            ("quarantined", sum(report.quarantined.values())),
        ):
            metrics.events.labels(source, outcome).inc(count)
        return report

    service = HttpDependencies(
        name=version("mainspring"),
        host=host,
        state=workspace.tools.state,
        metrics=metrics,
        push=push,
        replay=workspace.trace,
        status=workspace.status,
    )
    monitors = MonitorRunner(workspace.project, workspace.tools, workspace.environment)
    follower = PeriodicTask(host.refresh, workspace.tables.run_due, monitors.run_due)
    # Comparing takes seconds where windows are long, and nothing may wait behind it.
    comparing = PeriodicTask(partial(check_sampled_parity, workspace.parity, metrics))
    # In reserve: where a `mainspring stream` runs, requests need not share their process with the
    # folding.
    with (
        follower.running(),
        comparing.running(),
        _consuming(workspace.streams.consumer(is_reserve=True)),
    ):
        run_server(
            build_app(service),
            port=port,
            on_bound=lambda bound: _announce(workspace, bound, announce),
        )


def check_sampled_parity(parity: ParityMonitor, metrics: ServerMetrics) -> None:
    """Compare the sampled reads that are due, and count what any process has compared by then."""
    if parity.run_due() is not None:
        metrics.count_parity(*parity.totals())


@contextmanager
def _consuming(consumer: StreamConsumer) -> Iterator[None]:
    """Fold the log in a thread while the block runs."""
    stop = threading.Event()
    with PeriodicTask(partial(consumer.run, stop)).running():
        try:
            yield
        finally:
            stop.set()


def _announce(workspace: ServableWorkspace, port: int, announce: Callable[[str], None]) -> None:
    token = workspace.token()
    shown = token.relative_to(token.parent.parent)
    announce(
        f"Serving {workspace.environment} on http://127.0.0.1:{port} (data as of "
        f"{format_instant(workspace.tools.data_clock.now())[:19]}Z)."
    )
    for endpoint in workspace.project.declarations.endpoints:
        fields = ", ".join(f'"{name}": …' for name in endpoint.model.training_set.request)
        announce(
            f'  curl -H "Authorization: Bearer $(cat {shown})" '
            f"http://127.0.0.1:{port}/v1/endpoints/{endpoint.name}/predict \\"
        )
        announce(f"    -d '{{\"rows\": [{{{fields}}}]}}'")
