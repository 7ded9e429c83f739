"""Consumer groups: processes share partitions, each held by one of them at a time; when a process
dies, the others take over its partitions.

A member registers by a document, and shows that it is alive by a lease.  There are no heartbeat
timeouts: a process that can acquire another member's lease knows that it is dead (on this machine
at once) and removes its document.  Then every member computes the same assignment, releases the
partitions that are not its own any more, and acquires those that are.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import NamedTuple, Protocol

from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.elements.time import SECOND, Micros
from mainspring.flow.assignment import assign_partitions
from mainspring.ports.clock import Clock
from mainspring.ports.errors import LeaseHeld, LeaseLost
from mainspring.ports.state import Change, Lease, Leases, StateWriter

__all__ = ["Assignment", "ConsumerGroup", "GroupMember"]

_KIND = "member"


class _State(StateWriter, Leases, Protocol):
    """State and leases of one engine."""


class GroupMember(StoredRecord, frozen=True, kw_only=True):
    """One of the processes of a group.  Document kind `member`, key `<group>/<name>`.

    Args:
        is_reserve: takes partitions only while no other member can.
        subjects: the views that it takes partitions of; empty for all.
    """

    title = "a member of a group"
    document = _KIND

    name: str
    is_reserve: bool = False
    subjects: tuple[str, ...] = ()

    def is_filed_under(self, key: str) -> bool:
        """Whether the key ends with its name; before that stands the group."""
        return key.endswith(f"/{self.name}")

    def may_take(self, subject: str) -> bool:
        """Whether it may take partitions of this subject."""
        return not self.subjects or subject in self.subjects


class Assignment(NamedTuple):
    """What a member holds, what is assigned to it, and how many members there are."""

    held: frozenset[str]
    allotted: frozenset[str]
    members: int


class ConsumerGroup:
    """This process as a member of a group.

    Args:
        group: its name; a partition that two groups share is held by a member of one of them.
        ttl: how long leases are held; only another machine has to wait for its end.
        executor: acquires and renews leases concurrently, so that they share one flush of the
            disk; it needs at least two threads.
    """

    def __init__(
        self,
        state: _State,
        group: str,
        member: GroupMember,
        *,
        clock: Clock,
        executor: Executor,
        ttl: Micros = 15 * SECOND,
    ) -> None:
        self._state, self._group, self._member, self._clock, self._executor, self._ttl = (
            state,
            group,
            member,
            clock,
            executor,
            ttl,
        )
        self._alive: Lease | None = None
        self._held: dict[str, Lease] = {}

    def keep(self, parts: Mapping[str, str]) -> Assignment:
        """Stay a member, find the others, and acquire what is assigned; call it about every second.

        Args:
            parts: the resource of each partition, and its subject.

        Cost: about 0.1 ms for each other member and each part that is wanted, and a flush of the
            disk every third of the ttl.
        """
        self._renew()
        self._show()
        roster = [self._member, *self._others()]
        allotted = assign_partitions(_takers(parts, roster)).get(self._member.name, frozenset())
        self._give_back(self._held.keys() - allotted)
        taken = self._executor.map(self._acquired, sorted(allotted - self._held.keys()))
        self._held |= {lease.resource: lease for lease in taken if lease is not None}
        return Assignment(frozenset(self._held), allotted, len(roster))

    def begin_keeping(self, parts: Mapping[str, str]) -> Future[Assignment]:
        """The same in the background; one at a time."""
        return self._executor.submit(self.keep, parts)

    def leave(self) -> None:
        """Release everything and leave the group; leaving twice has no further effect."""
        self._give_back(list(self._held))
        if self._alive is not None:
            self._state.commit([Change(_KIND, self._key(self._member.name), None)], [])
            self._state.release(self._alive)
            self._alive = None

    def _show(self) -> None:
        """Register as a member.  The lease comes before the document: in the other order another
        member could find the document without a lease and remove it as dead.
        """
        if self._alive is None:
            with suppress(LeaseHeld):  # somebody who took us for dead is about to strike us off
                self._alive = self._state.acquire(
                    self._resource(self._member.name), self._member.name, ttl=self._ttl
                )
                self._state.commit(
                    [Change(_KIND, self._key(self._member.name), render_stored(self._member))], []
                )

    def _others(self) -> list[GroupMember]:
        """The other members that are alive; documents of dead ones are removed."""
        documents = self._state.iter_documents(_KIND, f"{self._group}/")
        others = [parse_document(document, GroupMember) for document in documents]
        return [
            other
            for other in others
            if other.name != self._member.name and not self._strike_off(other)
        ]

    def _strike_off(self, other: GroupMember) -> bool:
        try:
            lease = self._state.acquire(
                self._resource(other.name), self._member.name, ttl=self._ttl
            )
        except LeaseHeld:
            return False
        self._state.commit([Change(_KIND, self._key(other.name), None)], [])
        self._state.release(lease)
        return True

    def _renew(self) -> None:
        due = self._clock.now() + 2 * self._ttl // 3
        if self._alive is not None and self._alive.until < due:
            self._alive = self._renewed(self._alive)
        waiting = {part: lease for part, lease in self._held.items() if lease.until < due}
        for part, lease in zip(
            waiting, self._executor.map(self._renewed, waiting.values()), strict=True
        ):
            if lease is None:
                del self._held[part]
            else:
                self._held[part] = lease

    def _renewed(self, lease: Lease) -> Lease | None:
        """The renewed lease; None if it has passed to another member."""
        try:
            return self._state.renew(lease, ttl=self._ttl)
        except LeaseLost:
            return None

    def _acquired(self, part: str) -> Lease | None:
        """The lease on a partition; None while another member holds it."""
        try:
            return self._state.acquire(part, self._member.name, ttl=self._ttl)
        except LeaseHeld:
            return None

    def _give_back(self, parts: Iterable[str]) -> None:
        leases = [self._held.pop(part) for part in list(parts)]
        list(self._executor.map(self._state.release, leases))

    def _key(self, name: str) -> str:
        return f"{self._group}/{name}"

    def _resource(self, name: str) -> str:
        return f"{_KIND}:{self._group}/{name}"


def _takers(parts: Mapping[str, str], roster: Collection[GroupMember]) -> dict[str, list[str]]:
    """For each partition the members that may take it; reserves only if no other member may."""
    takers: dict[str, list[str]] = {}
    for part, subject in parts.items():
        able = [member for member in roster if member.may_take(subject)]
        first = [member.name for member in able if not member.is_reserve]
        takers[part] = first or [member.name for member in able]
    return takers
