"""Processes share parts: who comes is given some, who goes or dies leaves none behind."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from mainspring.elements.events import ProjectName
from mainspring.elements.time import MINUTE, SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.state import SqliteState
from mainspring.flow.consumer_group import ConsumerGroup, GroupMember

PARTS = {f"fold:{view}@{part}": view for view in ("delays", "weather") for part in range(4)}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(0)


@pytest.fixture
def state(clock: FrozenClock) -> SqliteState:
    return SqliteState(None, ProjectName("share"), clock=clock)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def join(state: SqliteState, clock: FrozenClock, executor: Executor):
    def joined(name: str, **declared) -> ConsumerGroup:
        return ConsumerGroup(
            state,
            "dev",
            GroupMember(name=name, **declared),
            clock=clock,
            executor=executor,
            ttl=15 * SECOND,
        )

    return joined


def held(*sharers: ConsumerGroup, rounds: int = 3) -> list[frozenset[str]]:
    """What each holds once all have looked a few times."""
    for _ in range(rounds):
        shares = [sharer.keep(PARTS) for sharer in sharers]
    return [share.held for share in shares]


def test_one_alone_holds_everything(join) -> None:
    assert join("ada").keep(PARTS).held == PARTS.keys()


def test_two_hold_half_each(join) -> None:
    first, second = held(join("ada"), join("bob"))
    assert (len(first), len(second), first | second) == (4, 4, PARTS.keys())


def test_who_leaves_leaves_everything(join) -> None:
    ada, bob = join("ada"), join("bob")
    held(ada, bob)
    bob.leave()
    bob.leave()
    assert held(ada, rounds=1) == [PARTS.keys()]


def test_who_falls_silent_is_replaced_when_its_time_is_up(join, clock: FrozenClock) -> None:
    ada, bob = join("ada"), join("bob")
    held(ada, bob)
    clock.advance(10 * SECOND)
    assert len(held(ada)[0]) == 4
    clock.advance(10 * SECOND)
    assert held(ada) == [PARTS.keys()]


def test_who_was_taken_for_dead_comes_back_and_holds_its_share_again(
    join, clock: FrozenClock
) -> None:
    ada, bob = join("ada"), join("bob")
    held(ada, bob)
    clock.advance(MINUTE)
    held(ada)
    first, second = held(ada, bob)
    assert (len(first), len(second), first & second) == (4, 4, frozenset())


def test_leases_are_held_for_as_long_as_one_looks(join, clock: FrozenClock) -> None:
    ada, bob = join("ada"), join("bob")
    before = held(ada, bob)
    for _ in range(20):
        clock.advance(4 * SECOND)
        assert held(ada, bob, rounds=1) == before


def test_a_reserve_takes_only_what_no_other_could(join) -> None:
    server, stream = join("server", is_reserve=True), join("stream", subjects=("delays",))
    assert held(server) == [PARTS.keys()]
    kept, taken = held(server, stream)
    assert taken == {part for part, view in PARTS.items() if view == "delays"}
    assert kept == PARTS.keys() - taken


def test_a_part_that_is_gone_is_given_back(join) -> None:
    ada = join("ada")
    held(ada)
    assert ada.keep({"fold:delays@0": "delays"}).held == {"fold:delays@0"}
    assert join("bob").keep({}).members == 2


def test_two_groups_never_hold_the_same_part(
    join, state: SqliteState, clock: FrozenClock, executor: Executor
) -> None:
    ada, elsewhere = (
        join("ada"),
        ConsumerGroup(state, "prod", GroupMember(name="eve"), clock=clock, executor=executor),
    )
    held(ada)
    share = elsewhere.keep(PARTS)
    assert (share.held, share.allotted, share.members) == (frozenset(), PARTS.keys(), 1)
