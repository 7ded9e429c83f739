"""The data plane of one environment, composed: what loads, folds, replays and reports.

None of it needs what the project declares: only `project.toml`, the environment's version and the
definitions that are stored beside it.
"""

import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import lru_cache, partial

import polars as pl

from mainspring.elements.errors import EngineError
from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of_value, short
from mainspring.engines.local.inherited import worker_place
from mainspring.engines.onnx.terms import read_terms
from mainspring.features.stream.open import StreamPorts
from mainspring.gates.release.memory import SequenceMemory
from mainspring.gates.release.state import ProvenState
from mainspring.gates.release.verify import ReleaseCheck
from mainspring.govern.status import StatusPorts, StatusReport, status_of_environment
from mainspring.project.apply.replayed import LoggedRequests
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.kinds.evaluation import Runtime
from mainspring.serving.explained import OpenExplainer
from mainspring.serving.host import EndpointHost
from mainspring.serving.loader import EnvironmentLoader, LoaderPorts
from mainspring.serving.predict import Predictor
from mainspring.serving.rollouts.control import RolloutController
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.state.read import read_streams
from mainspring.serving.state.ready import MaterializedLoader
from mainspring.serving.state.views import ServedViews
from mainspring.serving.tracing.contributions import open_explainer
from mainspring.serving.tracing.replays import PredictionReplays
from mainspring.sources.fold import TableMaterializer
from mainspring.sources.spec import Source

__all__ = [
    "open_controller",
    "open_host",
    "open_loader",
    "open_materializer",
    "open_replays",
    "open_table_materializer",
    "proven_runtime",
    "read_status",
    "status_ports",
    "stream_ports",
]

_OPEN_EXPLAINERS = 8


def stream_ports(runtime: Runtime) -> StreamPorts:
    """What online state is kept current with."""
    return StreamPorts(
        state=runtime.state,
        log=runtime.log,
        tables=runtime.tables,
        online=runtime.online,
        objects=runtime.objects,
        clock=runtime.clock,
        data_clock=runtime.data_clock,
    )


def proven_runtime(
    runtime: Runtime, environment: str, config: EnvironmentConfig, memory: SequenceMemory
) -> Runtime:
    """The runtime whose state is what is proven of a protected environment; of an open one all of
    it.
    """
    if not config.protected:
        return runtime
    check = ReleaseCheck(
        project=runtime.project,
        environment=environment,
        policy=config.trust_policy,
        state=runtime.state,
        verifier=runtime.verifier,
        memory=memory,
    )
    return replace(runtime, state=ProvenState(runtime.state, check))


def open_loader(
    runtime: Runtime, environment: str, config: EnvironmentConfig, memory: SequenceMemory
) -> EnvironmentLoader:
    """Opens what the environment holds, if it is proven."""
    ports = LoaderPorts(
        state=runtime.state,
        objects=runtime.objects,
        scorers=runtime.scorers,
        verifier=runtime.verifier,
        clock=runtime.clock,
        project=runtime.project,
        actor=runtime.actor,
    )
    return EnvironmentLoader(
        ports,
        environment,
        policy=config.trust_policy,
        partitions=config.partitions,
        place=config.execution.place,
        memory=memory,
        log=config.inference_log,
    )


def open_explainers(runtime: Runtime) -> OpenExplainer:
    """What explains the answers of a version; the last ones stay open."""
    return lru_cache(_OPEN_EXPLAINERS)(
        partial(
            open_explainer,
            state=runtime.state,
            objects=runtime.objects,
            scorers=runtime.scorers,
            read_terms=read_terms,
        )
    )


def open_host(
    runtime: Runtime, loader: EnvironmentLoader, views: ServedViews, *, must_load: bool = True
) -> EndpointHost:
    """The environment's endpoints, answering with what it holds now."""
    maps = MaterializedLoader(loader.load, views, log=runtime.log, online=runtime.online)
    host = EndpointHost(
        maps.load,
        Predictor(
            runtime.online,
            runtime.log,
            runtime.data_clock,
            runtime.ids,
            # Workers behind one port append side by side; whoever answers alone shares a segment.
            segment=place.number if (place := worker_place(os.environ)) else 0,
        ),
        environment=loader.environment,
        clock=runtime.data_clock,
        ids=runtime.ids,
        explainer_of=open_explainers(runtime),
    )
    with nullcontext() if must_load else suppress(EngineError):
        host.refresh()
    return host


def open_controller(runtime: Runtime, environment: str, host: EndpointHost) -> RolloutController:
    """Makes the process of this host one of those that a roll-out waits for, and that move it."""
    return RolloutController(
        state=runtime.state,
        environment=environment,
        process=runtime.ids.new("server"),
        clock=runtime.clock,
        project=runtime.project,
        actor=Actor("service:rollout"),
        tallies=host.tallies,
        quality=LoggedRequests(runtime, environment).losses,
    )


def open_materializer(
    runtime: Runtime, environment: str, config: EnvironmentConfig
) -> OnlineMaterializer:
    """Keeps online state current."""
    views = ServedViews(runtime.state, runtime.objects, environment, partitions=config.partitions)
    store = short(digest_of_value(config.engines.online))
    return OnlineMaterializer(stream_ports(runtime), views, ids=runtime.ids, store=store)


def open_table_materializer(runtime: Runtime, views: ServedViews) -> TableMaterializer:
    """Keeps the tables of all sources of the environment current."""
    return TableMaterializer(
        lambda: list(read_streams(views.version(), state=runtime.state).values()),
        log=runtime.log,
        tables=runtime.tables,
    )


def open_replays(runtime: Runtime, facts_of: Callable[[Source], pl.DataFrame]) -> PredictionReplays:
    """Recomputes and explains predictions."""
    return PredictionReplays(
        facts_of,
        state=runtime.state,
        log=runtime.log,
        objects=runtime.objects,
        scorers=runtime.scorers,
    )


def status_ports(runtime: Runtime, memory: SequenceMemory) -> StatusPorts:
    """What the status of an environment is read from."""
    return StatusPorts(
        state=runtime.state,
        log=runtime.log,
        tables=runtime.tables,
        objects=runtime.objects,
        verifier=runtime.verifier,
        clock=runtime.clock,
        memory=memory,
    )


def read_status(
    runtime: Runtime, environment: str, config: EnvironmentConfig, ports: StatusPorts
) -> StatusReport:
    """What the environment holds."""
    return status_of_environment(
        environment,
        project=runtime.project,
        policy=config.trust_policy,
        log=config.inference_log,
        ports=ports,
    )
