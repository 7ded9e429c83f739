"""A workspace is brought to the present format once, and never read as less than it is."""

import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import render_stored
from mainspring.engines.local.state import SqliteState
from mainspring.maintenance.upgrade import (
    WORKSPACE_FORMAT,
    WorkspaceFormat,
    require_known_format,
    upgrade_workspace,
)
from mainspring.ports.state import Change

SHOP, ADA = ProjectName("shop"), Actor("person:ada")


@pytest.fixture
def state():
    opened = SqliteState(None, SHOP)
    yield opened
    opened.close()


@pytest.fixture
def older(state):
    """A workspace as 0.1 left it: something happened, and no number."""
    state.commit([], [Event(kind="run.started", project=SHOP, actor=ADA, at=1, subject="run-1")])
    return state


def upgrade(state):
    return upgrade_workspace(state, project=SHOP, actor=ADA, at=7)


def upgrades(state):
    return [record.event for record in state.iter_events(kind="workspace.upgraded")]


def test_an_older_workspace_is_upgraded_once_and_says_so(older):
    assert upgrade(older)
    assert upgrade(older) == ()
    [event] = upgrades(older)
    assert (event.facts["from"], event.facts["to"], event.actor) == (1, WORKSPACE_FORMAT, ADA)
    require_known_format(older)


def test_a_new_workspace_has_the_format_and_no_event(state):
    assert upgrade(state) == ()
    assert (upgrades(state), state.kinds()) == ([], ["workspace"])


def test_reading_an_older_workspace_changes_nothing(older):
    require_known_format(older)
    assert older.kinds() == []


@pytest.mark.parametrize("act", [upgrade, require_known_format])
def test_a_workspace_of_a_later_release_is_refused(older, act):
    record = WorkspaceFormat(workspace_format=WORKSPACE_FORMAT + 1, release="9.1", since=3)
    older.commit([Change("workspace", "format", render_stored(record))], [])
    with pytest.raises(NewerFormat, match=r"last upgraded by Mainspring 9\.1"):
        act(older)
