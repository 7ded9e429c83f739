"""How many bytes of bodies a server holds at once: some hundred callers with a body of the largest
size each would take all memory, however well each of them keeps its limit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mainspring.engines.http.errors import ServerBusy

__all__ = ["BodyRoom", "HeldBytes"]


class BodyRoom:
    """What all bodies together may take; only the event loop uses it."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0

    def take(self, count: int) -> None:
        """Take room.  Raises: ServerBusy SRV-045 where there is not so much."""
        if self._used + count > self._limit:
            raise ServerBusy(reason="it holds as many bytes of requests as it takes")
        self._used += count

    def give_back(self, count: int) -> None:
        """What was taken."""
        self._used -= count

    @contextmanager
    def held(self) -> Iterator["HeldBytes"]:
        """What one request takes, until the block ends."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            self.give_back(held.count)


class HeldBytes:
    """What one request has taken."""

    def __init__(self, room: BodyRoom) -> None:
        self._room, self.count = room, 0

    def take(self, count: int) -> None:
        """Take more room.  Raises: ServerBusy SRV-045."""
        self._room.take(count)
        self.count += count
