"""A map is served once the state of its views has been built."""

from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.state.ready import MaterializedLoader
from tests.unit.serving.state.shops import PROJECT, applied, sell

ONE_VIEW = PROJECT[: PROJECT.index("newest")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project of one view, whose state is current."""
    opened = applied(tmp_path / "shops", text=ONE_VIEW)
    sell(opened, 0, 100)
    opened.streams.once()
    return opened


@pytest.fixture
def maps(workspace: Workspace) -> MaterializedLoader:
    """Maps of the workspace, the next number each time that one is loaded."""
    return MaterializedLoader(
        lambda served: ServedEnvironment(environment="dev", version=served.version + 1),
        workspace.streams.kept,
        log=workspace.runtime.log,
        online=workspace.runtime.online,
    )


def without_newest(workspace: Workspace) -> None:
    """Drop the state of the second view, as if this environment had never built it."""
    for shard in workspace.runtime.online.shards():
        if shard.startswith("newest@"):
            workspace.runtime.online.drop(shard)


def test_the_first_map_is_not_waited_for(maps: MaterializedLoader, workspace: Workspace) -> None:
    for shard in workspace.runtime.online.shards():
        workspace.runtime.online.drop(shard)
    assert maps.load(ServedEnvironment(environment="dev", version=-1)).version == 0


def test_a_map_whose_state_was_built_is_put_in_place_at_once(
    maps: MaterializedLoader, tmp_path: Path
) -> None:
    first = maps.load(ServedEnvironment(environment="dev", version=-1))
    applied(tmp_path / "shops")
    assert maps.load(first).version == 1


def test_until_the_state_of_a_new_view_is_there_the_map_before_answers(
    maps: MaterializedLoader, tmp_path: Path
) -> None:
    first = maps.load(ServedEnvironment(environment="dev", version=-1))
    later = applied(tmp_path / "shops")
    without_newest(later)
    assert maps.load(first) is first
    later.streams.once(["newest"])
    assert maps.load(first).version == 1


def test_what_comes_meanwhile_does_not_put_a_map_off_for_ever(
    maps: MaterializedLoader, workspace: Workspace, tmp_path: Path
) -> None:
    first = maps.load(ServedEnvironment(environment="dev", version=-1))
    later = applied(tmp_path / "shops")
    without_newest(later)
    assert maps.load(first) is first
    later.streams.once(["newest"])
    sell(workspace, 100, 50)
    later.streams.once(["takings"])
    assert maps.load(first).version == 1
