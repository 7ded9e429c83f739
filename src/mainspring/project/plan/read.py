"""Reads what a plan needs to know about an environment, and makes it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mainspring.elements.stored import parse_stored
from mainspring.ports.log import LogReader
from mainspring.ports.state import StateReader
from mainspring.project.config.config import Cost
from mainspring.project.loader.graph import Graph
from mainspring.project.loader.load import Project
from mainspring.project.plan.plan import Plan, PlanningContext, make_plan
from mainspring.registry.environment import (
    EnvironmentVersion,
    StageDuration,
)
from mainspring.registry.read_environment import read_build, read_definition, read_environment
from mainspring.sources.files import count_rows
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["plan_environment", "read_planning_context", "read_run_context"]


def plan_environment(project: Project, env: str, *, state: StateReader, log: LogReader) -> Plan:
    """The plan that makes the environment hold what is declared.  Cost: reads documents only."""
    environment = read_environment(state, env)
    context = read_planning_context(
        state, project.graph, environment, rows=_rows(project, log), cost=project.config.cost
    )
    return make_plan(project.config.name, project.graph, context)


def read_run_context(
    project: Project, env: str, *, state: StateReader, log: LogReader
) -> PlanningContext:
    """What the plan of a run needs to know; runs reuse no builds."""
    return PlanningContext(
        environment=read_environment(state, env),
        durations=tuple(_iter_durations(state)),
        rows=_rows(project, log),
        cost=project.config.cost,
    )


def _rows(project: Project, log: LogReader) -> dict[str, int]:
    return {source.name: _rows_of(source, project, log) for source in project.declarations.sources}


def _rows_of(source: Source, project: Project, log: LogReader) -> int:
    """The rows of a source in the log, or those of its file while the log has none."""
    head = log.head(topic_of(source.name))
    return (
        head
        if head or source.path is None
        else count_rows(source, Path(project.declarations.root) / source.path)
    )


def read_planning_context(
    state: StateReader,
    graph: Graph,
    environment: EnvironmentVersion,
    *,
    rows: Mapping[str, int],
    cost: Cost,
) -> PlanningContext:
    """What a plan of the graph needs to know; nothing is read for unchanged assets.

    Args:
        rows: how many rows each source has, by its declared name.
    """
    changed = [
        asset for asset in graph.assets.values() if not _is_held(asset.name, graph, environment)
    ]
    builds = {
        (asset.name, asset.build_fingerprint): read_build(
            state, asset.name, asset.build_fingerprint
        )
        for asset in changed
    }
    definitions = {
        name: read_definition(state, environment.pointers[name])
        for name in (asset.name for asset in changed)
        if name in environment.pointers
    }
    return PlanningContext(
        environment=environment,
        builds={key: build for key, build in builds.items() if build},
        definitions={name: definition for name, definition in definitions.items() if definition},
        durations=tuple(_iter_durations(state)) if changed else (),
        rows=rows,
        cost=cost,
    )


def _iter_durations(state: StateReader) -> Iterator[StageDuration]:
    for document in state.iter_documents("duration"):
        yield parse_stored(document.payload, StageDuration)


def _is_held(asset: str, graph: Graph, environment: EnvironmentVersion) -> bool:
    pointer, declared = environment.pointers.get(asset), graph.assets[asset]
    return (
        pointer is not None
        and pointer.build_fingerprint == declared.build_fingerprint
        and pointer.policy_fingerprint == declared.policy_fingerprint
    )
