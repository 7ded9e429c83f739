"""The data plane of one environment, composed: what loads, folds, replays and reports.

None of it needs what the project declares: only `project.toml`, the environment's version and the
definitions that are stored beside it.
"""

from collections.abc import Callable

import polars as pl

from mainspring.elements.identity import digest_of_value, short
from mainspring.features.stream.open import StreamPorts
from mainspring.govern.status import StatusPorts, StatusReport, status_of_environment
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.environment import asset_names
from mainspring.serving.host import EndpointHost
from mainspring.serving.loader import EnvironmentLoader, LoaderPorts
from mainspring.serving.predict import Predictor
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.state.ready import ReadyLoader
from mainspring.serving.state.views import ServedViews
from mainspring.serving.tracing.replays import PredictionReplays
from mainspring.sources.fold import TableMaterializer
from mainspring.sources.spec import Source

__all__ = [
    "open_host",
    "open_loader",
    "open_materializer",
    "open_replays",
    "open_tables",
    "read_status",
    "stream_ports",
]


def stream_ports(tools: Runtime) -> StreamPorts:
    """What online state is kept current with."""
    return StreamPorts(
        state=tools.state,
        log=tools.log,
        tables=tools.tables,
        online=tools.online,
        objects=tools.objects,
        clock=tools.clock,
        data_clock=tools.data_clock,
    )


def open_loader(tools: Runtime, environment: str, config: EnvironmentConfig) -> EnvironmentLoader:
    """Opens what the environment holds, if it is proven."""
    ports = LoaderPorts(
        state=tools.state,
        objects=tools.objects,
        scorers=tools.scorers,
        verifier=tools.verifier,
        clock=tools.clock,
        project=tools.project,
        actor=tools.actor,
    )
    return EnvironmentLoader(
        ports, environment, policy=config.trust_policy, partitions=config.partitions
    )


def open_host(tools: Runtime, loader: EnvironmentLoader, views: ServedViews) -> EndpointHost:
    """The environment's endpoints, answering with what it holds now."""
    maps = ReadyLoader(loader.load, views, log=tools.log, online=tools.online)
    host = EndpointHost(
        maps.load,
        Predictor(tools.online, tools.log, tools.data_clock, tools.ids),
        environment=loader.environment,
        clock=tools.data_clock,
        ids=tools.ids,
    )
    host.refresh()
    return host


def open_materializer(
    tools: Runtime, environment: str, config: EnvironmentConfig
) -> OnlineMaterializer:
    """Keeps online state current."""
    views = ServedViews(tools.state, tools.objects, environment, partitions=config.partitions)
    store = short(digest_of_value(config.engines.online))
    return OnlineMaterializer(stream_ports(tools), views, ids=tools.ids, store=store)


def open_tables(tools: Runtime, views: ServedViews) -> TableMaterializer:
    """Keeps the tables of all sources of the environment current."""
    return TableMaterializer(
        lambda: asset_names(views.version(), "source"), log=tools.log, tables=tools.tables
    )


def open_replays(tools: Runtime, facts_of: Callable[[Source], pl.DataFrame]) -> PredictionReplays:
    """Recomputes and explains predictions."""
    return PredictionReplays(
        facts_of,
        state=tools.state,
        log=tools.log,
        objects=tools.objects,
        scorers=tools.scorers,
    )


def read_status(tools: Runtime, environment: str, config: EnvironmentConfig) -> StatusReport:
    """What the environment holds."""
    ports = StatusPorts(
        state=tools.state,
        log=tools.log,
        tables=tools.tables,
        objects=tools.objects,
        verifier=tools.verifier,
        clock=tools.clock,
    )
    return status_of_environment(
        environment, project=tools.project, policy=config.trust_policy, ports=ports
    )
