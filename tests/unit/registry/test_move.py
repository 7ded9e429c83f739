"""The one writer of environments moves them whole, once, under a lease, or not at all."""

from collections.abc import Callable

import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.state import SqliteState
from mainspring.ports.errors import LeaseLost
from mainspring.ports.state import Change, Lease
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
    empty_environment,
    next_version,
)
from mainspring.registry.errors import EnvironmentMoved
from mainspring.registry.move import move_environment
from mainspring.registry.read_environment import (
    read_definition,
    read_environment,
    read_past_environment,
)

PROJECT, ADA = ProjectName("shop"), Actor("person:ada")
DEFINITION = AssetDefinition(asset="view.spending", build={}, policy={}, parents={})
POINTER = AssetPointer(
    asset="view.spending",
    kind="view",
    build_fingerprint=DEFINITION.build_fingerprint,
    policy_fingerprint=DEFINITION.policy_fingerprint,
    build_digest=Digest("sha256:d"),
)
Move = Callable[[EnvironmentVersion], None]


@pytest.fixture
def state() -> SqliteState:
    """A state in memory."""
    return SqliteState(None, PROJECT, clock=FrozenClock(0))


@pytest.fixture
def lease(state: SqliteState) -> Lease:
    """The right to move dev."""
    return state.acquire("environment:dev", ADA, ttl=10**9)


@pytest.fixture
def move(state: SqliteState, lease: Lease) -> Move:
    """Moves dev."""

    def to(fresh: EnvironmentVersion) -> None:
        move_environment(
            fresh,
            state=state,
            lease=lease,
            project=PROJECT,
            actor=ADA,
            definitions=[(POINTER, DEFINITION)],
        )

    return to


def first() -> EnvironmentVersion:
    return next_version(empty_environment("dev"), [POINTER], by=ADA, at=5, reason="apply")


def test_a_move_puts_version_history_definition_and_event_in_one_place(
    state: SqliteState, move: Move
) -> None:
    move(first())
    assert read_environment(state, "dev") == read_past_environment(state, "dev", 1) == first()
    assert read_definition(state, POINTER) == DEFINITION
    [recorded] = state.iter_events(kind="environment.moved")
    assert recorded.event.facts == {"version": 1, "reason": "apply"}


def test_a_move_from_a_version_that_does_not_stand_changes_nothing(
    state: SqliteState, move: Move
) -> None:
    move(first())
    with pytest.raises(
        EnvironmentMoved, match=r"dev is at version 1, moved by person:ada, not at 0"
    ):
        move(first())
    assert len(list(state.iter_events(kind="environment.moved"))) == 1


def test_a_process_that_lost_its_lease_moves_nothing(
    state: SqliteState, lease: Lease, move: Move
) -> None:
    state.release(lease)
    state.acquire("environment:dev", Actor("person:bob"), ttl=10**9)
    with pytest.raises(LeaseLost):
        move(first())
    assert read_environment(state, "dev").version == 0


def test_a_document_that_somebody_removed_is_not_taken_for_the_version_before(
    state: SqliteState, move: Move
) -> None:
    move(first())
    state.commit([Change("environment", "dev", None)], [])
    second = next_version(first(), [POINTER], by=ADA, at=6, reason="apply")
    with pytest.raises(EnvironmentMoved, match="dev is at version 0"):
        move(second)
