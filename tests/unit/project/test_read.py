"""What a plan needs is read from state, and no more."""

import msgspec
import pytest

from mainspring.elements.events import ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.ports.state import Change
from mainspring.project.config.config import Cost
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.read import read_planning_context
from mainspring.registry.environment import build_key, definition_key, environment_version_key
from mainspring.registry.read_environment import read_environment, read_past_environment
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import build_of, graph_of, holding


@pytest.fixture
def state() -> SqliteState:
    """State in memory."""
    return SqliteState(None, ProjectName("shop"))


def put(state: SqliteState, graph: Graph) -> None:
    """Leave the graph as applied."""
    held = holding(graph)
    changes = [
        Change("environment", key, msgspec.json.encode(held))
        for key in ("dev", environment_version_key("dev", 1))
    ]
    for asset in graph.assets.values():
        key = definition_key(asset.name, asset.build_fingerprint, asset.policy_fingerprint)
        changes.append(Change("definition", key, msgspec.json.encode(asset.definition)))
    build = build_of(graph, "view.spending")
    changes.append(
        Change("build", build_key(build.asset, build.fingerprint), msgspec.json.encode(build))
    )
    state.commit(changes, [])


def test_an_environment_that_was_never_applied_holds_nothing(state: SqliteState) -> None:
    assert read_environment(state, "dev").version == 0
    assert read_past_environment(state, "dev", 1) is None


def test_an_environment_is_read_as_it_was_written(
    state: SqliteState, write_shop: WriteProject
) -> None:
    graph = graph_of(write_shop())
    put(state, graph)
    assert (
        read_environment(state, "dev") == holding(graph) == read_past_environment(state, "dev", 1)
    )


def test_of_unchanged_assets_nothing_is_read(state: SqliteState, write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    put(state, graph)
    world = read_planning_context(state, graph, holding(graph), rows={}, cost=Cost())
    assert (world.builds, world.definitions, world.durations) == ({}, {}, ())


def test_of_changed_assets_the_old_definition_is_read(
    state: SqliteState, write_shop: WriteProject
) -> None:
    put(state, graph_of(write_shop()))
    edited = graph_of(write_shop(('windows=["1h", "7d"]', 'windows=["2h", "7d"]')))
    world = read_planning_context(
        state, edited, read_environment(state, "dev"), rows={}, cost=Cost()
    )
    assert world.definitions["view.spending"].build["windows"] == "[3600000000,604800000000]"


def test_builds_of_what_is_declared_are_read(state: SqliteState, write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    put(state, graph)
    world = read_planning_context(
        state, graph, read_environment(state, "staging"), rows={}, cost=Cost()
    )
    assert [asset for asset, _ in world.builds] == ["view.spending"]
