"""Whatever holders of leases do in whatever order, the store is as one writer at a time leaves it.

The model knows who holds each lease, until when, and what they have written; a holder that was slow
goes on to use every lease it ever had.
"""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from mainspring.elements.events import ProjectName
from mainspring.elements.time import MINUTE, Micros
from mainspring.engines.local.state import SqliteState
from mainspring.ports.errors import LeaseHeld, LeaseLost
from mainspring.ports.state import Change, Lease
from mainspring.testing.clock import FrozenClock

STEPS = int(os.environ.get("LEASE_STEPS", "10000"))
STEPS_A_HISTORY = 50
RESOURCES = st.sampled_from(["environment:dev", "environment:prod"])
HOLDERS = st.sampled_from(["ada", "bob", "eve"])
TTLS = st.integers(1, 3).map(lambda minutes: minutes * MINUTE)
FILES = st.integers(0, 1)


class Held(NamedTuple):
    """What the model knows of a lease; nobody holds one without a holder."""

    token: int
    holder: str
    until: Micros


class LeaseProtocol(RuleBasedStateMachine):
    """Two processes' views of one store, by one clock."""

    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FrozenClock(0)
        path, project = Path(self.folder.name) / "state.db", ProjectName("law")
        self.stores = [SqliteState(path, project, clock=self.clock) for _ in range(2)]
        self.held: dict[str, Held] = {}
        self.written: dict[str, bytes] = {}
        self.count = 0

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def is_current(self, lease: Lease) -> bool:
        """Whether nobody has taken the lease since, and it was not given back."""
        held = self.held[lease.resource]
        return (held.token, held.holder) == (lease.token, lease.holder)

    @rule(target=leases, resource=RESOURCES, holder=HOLDERS, ttl=TTLS, by=FILES)
    def acquire(self, resource: str, holder: str, ttl: Micros, by: int) -> Lease:
        held = self.held.get(resource, Held(0, "", 0))
        store = self.stores[by]
        if held.holder and held.until > self.clock.now():
            with pytest.raises(LeaseHeld, match=held.holder):
                store.acquire(resource, holder, ttl=ttl)
            # Somebody who was refused may believe otherwise.
            return Lease(resource, f"{holder}, refused", held.token, held.until)
        lease = store.acquire(resource, holder, ttl=ttl)
        assert lease.token == held.token + 1, "a token is never given twice"
        self.held[resource] = Held(lease.token, holder, self.clock.now() + ttl)
        return lease

    @rule(lease=leases, ttl=TTLS, by=FILES)
    def renew(self, lease: Lease, ttl: Micros, by: int) -> None:
        if not self.is_current(lease):
            with pytest.raises(LeaseLost):
                self.stores[by].renew(lease, ttl=ttl)
            return
        renewed = self.stores[by].renew(lease, ttl=ttl)
        assert renewed.token == lease.token
        self.held[lease.resource] = Held(lease.token, lease.holder, self.clock.now() + ttl)

    @rule(lease=leases, by=FILES)
    def release(self, lease: Lease, by: int) -> None:
        self.stores[by].release(lease)
        if self.is_current(lease):
            self.held[lease.resource] = Held(lease.token, "", 0)

    @rule(lease=leases, by=FILES)
    def commit(self, lease: Lease, by: int) -> None:
        self.count += 1
        payload = f"{self.count}".encode()
        change = Change("build", lease.resource, payload)
        if not self.is_current(lease):
            with pytest.raises(LeaseLost):
                self.stores[by].commit([change], [], lease=lease)
            return
        self.stores[by].commit([change], [], lease=lease)
        self.written[lease.resource] = payload

    @rule(length=st.integers(1, 4))
    def let_time_pass(self, length: int) -> None:
        self.clock.advance(length * MINUTE // 2)

    @invariant()
    def what_is_written_is_what_holders_wrote(self) -> None:
        for store in self.stores:
            found = {each.key: each.payload for each in store.iter_documents("build")}
            assert found == self.written


TestLeaseProtocol = LeaseProtocol.TestCase
TestLeaseProtocol.settings = settings(
    max_examples=max(1, STEPS // STEPS_A_HISTORY),
    stateful_step_count=STEPS_A_HISTORY,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
