"""The guarantees of every lease store."""

import pytest

from mainspring.elements.time import MINUTE
from mainspring.ports.errors import LeaseHeld, LeaseLost
from mainspring.ports.state import Change, StateStore
from mainspring.testing.clock import FrozenClock

__all__ = ["LeasesContract"]


class LeasesContract:
    """Override `state` with an empty store that goes by `clock`."""

    @pytest.fixture
    def clock(self) -> FrozenClock:
        """The clock by which leases run out."""
        return FrozenClock(0)

    @pytest.fixture
    def state(self) -> StateStore:
        """An empty store for the project `contract`, on `clock`."""
        raise NotImplementedError

    def test_a_second_holder_is_refused_while_the_first_is_alive(self, state: StateStore) -> None:
        """FLO-001 names who has it."""
        state.acquire("apply", "ada", ttl=MINUTE)
        with pytest.raises(LeaseHeld, match="ada holds the lease on apply"):
            state.acquire("apply", "bob", ttl=MINUTE)
        assert state.acquire("serve", "bob", ttl=MINUTE).holder == "bob"

    def test_a_released_lease_is_free_and_its_token_grows(self, state: StateStore) -> None:
        """Tokens never repeat."""
        first = state.acquire("apply", "ada", ttl=MINUTE)
        state.release(first)
        assert state.acquire("apply", "bob", ttl=MINUTE).token > first.token

    def test_a_lease_ends_with_its_time(self, state: StateStore, clock: FrozenClock) -> None:
        """Unless it is renewed."""
        lease = state.acquire("apply", "ada", ttl=MINUTE)
        lease = state.renew(lease, ttl=2 * MINUTE)
        clock.advance(MINUTE)
        with pytest.raises(LeaseHeld):
            state.acquire("apply", "bob", ttl=MINUTE)
        clock.advance(MINUTE)
        assert state.acquire("apply", "bob", ttl=MINUTE).holder == "bob"

    def test_a_holder_whose_time_is_over_cannot_write(
        self, state: StateStore, clock: FrozenClock
    ) -> None:
        """ENG-005: the token fences."""
        lease = state.acquire("apply", "ada", ttl=MINUTE)
        clock.advance(MINUTE)
        state.acquire("apply", "bob", ttl=MINUTE)
        with pytest.raises(LeaseLost, match="ada does not hold the lease on apply any more"):
            state.commit([Change("build", "a", b"{}")], [], lease=lease)
        with pytest.raises(LeaseLost):
            state.renew(lease, ttl=MINUTE)
        assert state.get("build", "a") is None

    def test_releasing_a_lease_that_passed_on_leaves_it_with_its_holder(
        self, state: StateStore, clock: FrozenClock
    ) -> None:
        """And is no error."""
        old = state.acquire("apply", "ada", ttl=MINUTE)
        clock.advance(MINUTE)
        state.acquire("apply", "bob", ttl=MINUTE)
        state.release(old)
        with pytest.raises(LeaseHeld, match="bob"):
            state.acquire("apply", "eve", ttl=MINUTE)

    def test_a_released_lease_does_not_write(self, state: StateStore) -> None:
        """Given back is given back."""
        lease = state.acquire("apply", "ada", ttl=MINUTE)
        state.release(lease)
        with pytest.raises(LeaseLost):
            state.commit([Change("build", "a", b"{}")], [], lease=lease)
