"""Which of several processes does what only one should: folding tables, evaluating monitors, moving
roll-outs.

A lease says so.  The others ask for it every second, so one of them takes over: at once where the
holder died on this machine, and when its time is up where it was elsewhere.  A process that has
lost it finishes what it is at, so what is done under a leadership must not be harmed by being done
twice; what must not is guarded by the lease's token, or by the version of a document.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mainspring.elements.time import SECOND, Micros
from mainspring.flow.periodic import PeriodicTask
from mainspring.ports.clock import Clock
from mainspring.ports.errors import LeaseHeld, LeaseLost
from mainspring.ports.state import Lease, Leases

__all__ = ["Leadership"]

_PERIOD_S = 1.0


class Leadership:
    """This process as a candidate.

    Args:
        resource: what is led, such as `background/prod`.
        holder: the name of this process, for people.
        ttl: how long the lease is held without being renewed; only another machine has to wait for
            its end.
    """

    def __init__(
        self,
        leases: Leases,
        resource: str,
        *,
        holder: str,
        clock: Clock,
        ttl: Micros = 15 * SECOND,
    ) -> None:
        self._leases, self._resource, self._holder = leases, resource, holder
        self._clock, self._ttl = clock, ttl
        self._lease: Lease | None = None
        self._lock = threading.Lock()

    @property
    def is_mine(self) -> bool:
        """Whether this process leads, by what it knows; costs nothing."""
        lease = self._lease
        return lease is not None and self._clock.now() < lease.until

    def keep(self) -> None:
        """Renew the lease where it is due, or ask for it; call it every second.

        Cost: a transaction, where it is not held; every third of the ttl, where it is.
        """
        with self._lock:
            lease = self._lease
            if lease is not None and self._clock.now() + 2 * self._ttl // 3 < lease.until:
                return
            self._lease = self._renewed(lease) if lease else self._acquired()

    def only(self, act: Callable[[], object]) -> Callable[[], None]:
        """The act, where this process leads; nothing elsewhere."""

        def act_as_leader() -> None:
            if self.is_mine:
                act()

        return act_as_leader

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be a candidate while the block runs; at its end another one may lead at once."""
        self.keep()
        try:
            with PeriodicTask(self.keep, name="leadership", period_s=_PERIOD_S).running():
                yield
        finally:
            with self._lock:
                lease, self._lease = self._lease, None
            if lease is not None:
                self._leases.release(lease)

    def _acquired(self) -> Lease | None:
        try:
            return self._leases.acquire(self._resource, self._holder, ttl=self._ttl)
        except LeaseHeld:
            return None

    def _renewed(self, lease: Lease) -> Lease | None:
        try:
            return self._leases.renew(lease, ttl=self._ttl)
        except LeaseLost:
            return None
