"""A project's tokens, in memory, on a clock that stands still."""

import pytest

from mainspring.access.authorise import TokenGuard
from mainspring.access.tokens import Tokens
from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.testing import FrozenClock

PROJECT, ADA = ProjectName("flights"), Actor("person:ada")


@pytest.fixture
def clock():
    return FrozenClock(0)


@pytest.fixture
def state(clock):
    return SqliteState(None, PROJECT, clock=clock)


@pytest.fixture
def tokens(state, clock):
    return Tokens(state, actor=ADA, project=PROJECT, environment="dev", clock=clock)


@pytest.fixture
def guard(state, clock):
    return TokenGuard(state, project=PROJECT, environment="dev", clock=clock)
