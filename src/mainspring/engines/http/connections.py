"""Who may connect, and who gives way: open connections, in all and of each address, with those that
wait for a request in the order in which they began to.

Half-open connections cost an attacker nothing, so the oldest of them makes place for whoever comes:
an honest caller sends its request at once and is not among the oldest.  Connections that are kept
open after an answer give way only when no half-open one is left, those that are being answered
never; then a few places are left in reserve, for health.
"""

import resource
from collections.abc import Iterator
from typing import Protocol

from mainspring.ports.limits import HttpLimits

__all__ = ["Connection", "Connections"]


class Connection(Protocol):
    """What is counted."""

    address: str
    is_reserved: bool

    def give_way(self) -> None:
        """Close at once."""
        ...


class _Group:
    """The connections of one address, or all; those in reserve are not among the open ones."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.members = self.open = 0
        # Dictionaries as ordered sets: the first key has been there longest.
        self.half_open: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}

    @property
    def is_full(self) -> bool:
        """Whether a further one needs a place in reserve."""
        return self.open >= self.limit

    @property
    def next_to_leave(self) -> Connection | None:
        """Who gives way, if anybody can."""
        for waiting in (self.half_open, self.idle):
            if waiting:
                return next(iter(waiting))
        return None


class Connections:
    """The connections of one server; only its event loop uses it.

    Cost: less than 1 µs a request, whatever their number.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._all = _Group(max(1, min(limits.connections, files // 2)))
        self._groups: dict[str, _Group] = {}
        self._members: set[Connection] = set()
        self._reserved = 0

    def admit(self, connection: Connection) -> bool:
        """Count a new connection, half-open; false where there is no place, not even in
        reserve.
        """
        group = self._groups.get(connection.address) or _Group(
            min(self._limits.connections_per_address, self._all.limit)
        )
        for crowd in (group, self._all):
            if crowd.is_full and (leaving := crowd.next_to_leave) is not None:
                self.forget(leaving)
                leaving.give_way()
        connection.is_reserved = group.is_full or self._all.is_full
        if connection.is_reserved and self._reserved >= self._limits.reserved:
            return False
        self._groups[connection.address] = group
        self._members.add(connection)
        self._reserved += connection.is_reserved
        for crowd in (group, self._all):
            crowd.members += 1
            crowd.open += not connection.is_reserved
            crowd.half_open[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """It is gone, or about to go."""
        if connection not in self._members:
            return
        self.note_busy(connection)
        self._members.remove(connection)
        self._reserved -= connection.is_reserved
        group = self._groups[connection.address]
        for crowd in (group, self._all):
            crowd.members -= 1
            crowd.open -= not connection.is_reserved
        if group.members == 0:
            del self._groups[connection.address]

    def note_busy(self, connection: Connection) -> None:
        """It has a request that is being answered."""
        if connection in self._members:
            for crowd in (self._all, self._groups[connection.address]):
                crowd.half_open.pop(connection, None)
                crowd.idle.pop(connection, None)

    def iter_idle(self) -> Iterator[Connection]:
        """Those that wait for their next request, who has waited longest first."""
        return iter(tuple(self._all.idle))

    def note_half_open(self, connection: Connection) -> None:
        """It is being refused, or has sent a part of its next request."""
        self._note(connection, is_idle=False)

    def note_idle(self, connection: Connection) -> None:
        """It was answered, and waits for its next request."""
        self._note(connection, is_idle=True)

    def _note(self, connection: Connection, *, is_idle: bool) -> None:
        self.note_busy(connection)
        if connection in self._members:
            for crowd in (self._all, self._groups[connection.address]):
                waiting = crowd.idle if is_idle else crowd.half_open
                waiting[connection] = None
