"""Reads what is known of an environment before a plan is made."""

from collections.abc import Mapping

import msgspec

from mainspring.elements.identity import Digest
from mainspring.ports.state import StateReader
from mainspring.project.configured.config import Cost
from mainspring.project.declared.graph import Graph
from mainspring.project.environment import (
    AssetDefinition,
    Build,
    EnvironmentVersion,
    StageDuration,
    build_key,
    definition_key,
    empty_environment,
    environment_version_key,
)
from mainspring.project.planned.plan import PlanningContext

__all__ = ["read_build", "read_environment", "read_past_environment", "read_world"]


def read_environment(state: StateReader, name: str) -> EnvironmentVersion:
    """The newest map of an environment; version 0 where nothing was applied yet."""
    document = state.get("environment", name)
    return (
        msgspec.json.decode(document.payload, type=EnvironmentVersion)
        if document
        else empty_environment(name)
    )


def read_past_environment(state: StateReader, name: str, version: int) -> EnvironmentVersion | None:
    """One version of an environment's map, or None where there is none."""
    document = state.get("environment", environment_version_key(name, version))
    return msgspec.json.decode(document.payload, type=EnvironmentVersion) if document else None


def read_build(state: StateReader, asset: str, fingerprint: Digest) -> Build | None:
    """The newest build of a definition, or None."""
    document = state.get("build", build_key(asset, fingerprint))
    return msgspec.json.decode(document.payload, type=Build) if document else None


def read_world(
    state: StateReader,
    graph: Graph,
    environment: EnvironmentVersion,
    *,
    rows: Mapping[str, int],
    cost: Cost,
) -> PlanningContext:
    """What a plan of the graph needs to know; of assets that stay as they are nothing is read.

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
        asset.name: _read_definition(state, environment, asset.name) for asset in changed
    }
    durations = (
        (
            msgspec.json.decode(document.payload, type=StageDuration)
            for document in state.iter_documents("duration")
        )
        if changed
        else ()
    )
    return PlanningContext(
        environment=environment,
        builds={key: build for key, build in builds.items() if build},
        definitions={name: definition for name, definition in definitions.items() if definition},
        durations=tuple(durations),
        rows=rows,
        cost=cost,
    )


def _is_held(asset: str, graph: Graph, environment: EnvironmentVersion) -> bool:
    pointer, declared = environment.pointers.get(asset), graph.assets[asset]
    return (
        pointer is not None
        and pointer.build_fingerprint == declared.build_fingerprint
        and pointer.policy_fingerprint == declared.policy_fingerprint
    )


def _read_definition(
    state: StateReader, environment: EnvironmentVersion, asset: str
) -> AssetDefinition | None:
    pointer = environment.pointers.get(asset)
    if pointer is None:
        return None
    document = state.get(
        "definition", definition_key(asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    )
    return msgspec.json.decode(document.payload, type=AssetDefinition) if document else None
