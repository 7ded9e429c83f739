"""Reads what a plan needs to know about an environment, and makes it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mainspring.elements.stored import parse_document
from mainspring.elements.time import format_instant
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.project.config.config import Cost
from mainspring.project.kinds.asset import AssetOrigin
from mainspring.project.kinds.data import DataChange
from mainspring.project.loader.graph import Graph
from mainspring.project.loader.load import Project
from mainspring.project.plan.columns import columns_of_sources
from mainspring.project.plan.data import file_changes
from mainspring.project.plan.effects import with_effects
from mainspring.project.plan.plan import Plan, PlanningContext, make_plan
from mainspring.registry.environment import (
    EnvironmentVersion,
    StageDuration,
    renamed_version,
)
from mainspring.registry.read_environment import (
    find_build,
    read_asset_origins,
    read_asset_records,
    read_definition,
    read_environment,
)
from mainspring.registry.rename import renames
from mainspring.serving.state.read import read_streams, stream_of_source
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.errors import RawRowsTrimmed
from mainspring.sources.files import count_rows
from mainspring.sources.raw.log import count_pushed, is_emptied, iter_segments, raw_head
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream, raw_topic_of, tally_topic_of

__all__ = [
    "DataChoices",
    "plan_environment",
    "read_origins",
    "read_planning_context",
    "read_run_context",
]


@dataclass(frozen=True, kw_only=True)
class DataChoices:
    """What a plan does about the files of sources.

    Args:
        is_left: leave them as they were read.
        deletes_missing: delete rows that a file has no more.
        measures: read files that changed and say what they would make of the facts.
        refreshes: by asset, the number of the refresh of its file that is to be made.
    """

    is_left: bool = False
    deletes_missing: bool = False
    measures: bool = False
    refreshes: Mapping[str, int] = field(default_factory=dict)


def read_origins(state: StateReader) -> dict[str, AssetOrigin]:
    """What is on record of declared assets, for their fingerprints."""
    records = read_asset_records(state)
    return {
        asset: AssetOrigin(
            origin.partition(".")[2], records[origin].refreshes if origin in records else 0
        )
        for asset, origin in read_asset_origins(state).items()
    }


def plan_environment(
    project: Project,
    env: str,
    *,
    state: StateReader,
    log: LogReader,
    objects: ObjectReader,
    data: DataChoices,
) -> Plan:
    """The plan that makes the environment hold what is declared.

    Cost: reads documents, and the size and time of each file; a file that changed is read once.
    Raises: RawRowsTrimmed SRC-032 for an edit that needs rows that retention has removed.
    """
    environment = read_environment(state, env)
    context = read_planning_context(
        state, project.graph, environment, rows=_rows(project, log), cost=project.config.cost
    )
    context = replace(context, pushed=_pushed(project.graph, context.environment, state, log))
    _require_raw_rows(project, context, log)
    context = _with_data(project, context, data, state=state, log=log, objects=objects)
    return make_plan(project.config.name, project.graph, context)


def _with_data(
    project: Project,
    context: PlanningContext,
    data: DataChoices,
    *,
    state: StateReader,
    log: LogReader,
    objects: ObjectReader,
) -> PlanningContext:
    records, changes, heads = read_asset_records(state), list[DataChange](), dict[str, int]()
    held = read_streams(context.environment, state=state).values()
    streams = {log_of_stream(stream): stream for stream in held}
    for source in project.declarations.sources:
        asset = f"source.{source.name}"
        heads[asset] = log.head(raw_topic_of(source.stream))
        found: Iterable[DataChange] = file_changes(
            source,
            project.declarations.root,
            log=log,
            record=records.get(f"source.{log_of_stream(source.stream)}"),
            is_refreshed=asset in data.refreshes,
            finds_unchanged=data.deletes_missing,
        )
        if data.measures or data.deletes_missing:
            compiled = CompiledSource(source, project.schemas[source.name])
            stands = streams.get(log_of_stream(source.stream), source.stream)
            root = project.declarations.root
            found = [
                with_effects(
                    change,
                    compiled,
                    root,
                    stands=stands,
                    log=log,
                    objects=objects,
                    is_refreshed=asset in data.refreshes,
                )
                for change in found
            ]
        changes += [change for change in found if not _is_whole(change)]
    return replace(
        context,
        data=tuple(changes),
        leaves_data=data.is_left,
        deletes_missing=data.deletes_missing,
        refreshes=dict(data.refreshes),
        heads=heads,
        sizes=_sizes(project, changes, log),
        columns=columns_of_sources(project.declarations.sources, project.declarations.root),
    )


def _is_whole(change: DataChange) -> bool:
    """Whether a file is as it was read, and nothing stands that it does not have any more."""
    is_unchanged = change.change == "unchanged"
    return is_unchanged and (change.effects is None or change.effects.missing == 0)


def _sizes(project: Project, changes: Sequence[DataChange], log: LogReader) -> dict[str, int]:
    """The size of each source's rows as they came, and of the files that are to be read."""
    found = {
        f"source.{source.name}": raw_head(raw_topic_of(source.stream), log).size_bytes
        for source in project.declarations.sources
    }
    for change in changes:
        found[change.source] += change.size_bytes
    return found


def _require_raw_rows(project: Project, context: PlanningContext, log: LogReader) -> None:
    """Raises: RawRowsTrimmed SRC-032."""
    for source in project.declarations.sources:
        asset = project.graph.assets[f"source.{source.name}"]
        topic = raw_topic_of(source.stream)
        first = log.first(topic)
        is_new = log.head(tally_topic_of(source.stream)) == 0
        if first > 0 and is_new and not _is_held(asset.name, project.graph, context.environment):
            [oldest] = iter_segments(topic, log, start=first, stop=first + 1)
            if is_emptied(oldest.segment):
                continue
            raise RawRowsTrimmed(
                source=source.name,
                since=format_instant(oldest.segment.appended_at),
                at=source.declared_at,
            )


def read_run_context(
    project: Project, env: str, *, state: StateReader, log: LogReader, objects: ObjectReader
) -> PlanningContext:
    """What the plan of a run needs to know."""
    context = read_planning_context(
        state,
        project.graph,
        read_environment(state, env),
        rows=_rows(project, log),
        cost=project.config.cost,
    )
    context = replace(context, durations=tuple(_iter_durations(state)))
    return _with_data(project, context, DataChoices(), state=state, log=log, objects=objects)


def _rows(project: Project, log: LogReader) -> dict[str, int]:
    return {source.name: _rows_of(source, project, log) for source in project.declarations.sources}


def _rows_of(source: Source, project: Project, log: LogReader) -> int:
    """The rows of a source in its raw log, or those of its file while that has none."""
    rows = raw_head(raw_topic_of(source.stream), log).rows
    return (
        rows
        if rows or source.path is None
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
        environment: as it stands.
        rows: how many rows each source has, by its declared name.
    """
    origins = read_asset_origins(state) | {
        name: asset.definition.asset for name, asset in graph.assets.items()
    }
    names = renames(graph.assets, environment.pointers, origins)
    known = renamed_version(environment, names)
    changed = [asset for asset in graph.assets.values() if not _is_held(asset.name, graph, known)]
    builds = {
        (asset.name, asset.build_fingerprint): find_build(
            state, asset.name, asset.build_fingerprint, origins=origins
        )
        for asset in changed
    }
    definitions = {
        name: read_definition(state, environment.pointers[names.get(name, name)])
        for name in (asset.name for asset in changed)
        if name in known.pointers
    }
    return PlanningContext(
        environment=known,
        renames=names,
        builds={key: build for key, build in builds.items() if build},
        definitions={name: definition for name, definition in definitions.items() if definition},
        durations=tuple(_iter_durations(state)) if changed else (),
        rows=rows,
        cost=cost,
    )


def _pushed(
    graph: Graph, environment: EnvironmentVersion, state: StateReader, log: LogReader
) -> dict[str, int]:
    """How many rows were pushed to each source that is declared no more."""
    topics = {
        pointer.asset: raw_topic_of(stream_of_source(pointer, state=state))
        for pointer in environment.pointers.values()
        if pointer.kind == "source" and pointer.asset not in graph.assets
    }
    return {asset: count_pushed(topic, log) for asset, topic in topics.items()}


def _iter_durations(state: StateReader) -> Iterator[StageDuration]:
    for document in state.iter_documents("duration"):
        yield parse_document(document, StageDuration)


def _is_held(asset: str, graph: Graph, environment: EnvironmentVersion) -> bool:
    pointer, declared = environment.pointers.get(asset), graph.assets[asset]
    return (
        pointer is not None
        and pointer.build_fingerprint == declared.build_fingerprint
        and pointer.policy_fingerprint == declared.policy_fingerprint
    )
