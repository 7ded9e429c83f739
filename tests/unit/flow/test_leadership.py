"""Of several processes one leads; another one takes over when it leaves, or its time is up."""

import pytest

from mainspring.elements.events import ProjectName
from mainspring.elements.time import SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.state import SqliteState
from mainspring.flow.leadership import Leadership


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(0)


@pytest.fixture
def candidates(clock: FrozenClock) -> list[Leadership]:
    state = SqliteState(None, ProjectName("shop"), clock=clock)
    return [
        Leadership(state, "background/dev", holder=name, clock=clock, ttl=15 * SECOND)
        for name in ("one", "two")
    ]


def led(candidates: list[Leadership]) -> list[bool]:
    """Who leads, once all have asked."""
    for each in candidates:
        each.keep()
    return [each.is_mine for each in candidates]


def test_one_of_two_leads_and_goes_on_leading(
    candidates: list[Leadership], clock: FrozenClock
) -> None:
    for _ in range(10):
        assert led(candidates) == [True, False]
        clock.advance(4 * SECOND)


def test_who_leaves_is_followed_at_once(candidates: list[Leadership]) -> None:
    first, second = candidates
    with first.running():
        assert led(candidates) == [True, False]
    second.keep()
    assert (first.is_mine, second.is_mine) == (False, True)


def test_who_does_not_renew_in_time_leads_no_more(
    candidates: list[Leadership], clock: FrozenClock
) -> None:
    first, second = candidates
    first.keep()
    clock.advance(16 * SECOND)
    assert not first.is_mine
    second.keep()
    assert led(candidates) == [False, True]


def test_an_act_of_the_leader_is_done_by_nobody_else(candidates: list[Leadership]) -> None:
    done: list[int] = []
    acts = [each.only(lambda n=n: done.append(n)) for n, each in enumerate(candidates)]
    led(candidates)
    for act in acts:
        act()
    assert done == [0]
