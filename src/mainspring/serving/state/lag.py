"""How long records have waited to be folded into the online state that answers."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile

from mainspring.elements.time import SECOND, Micros
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineReader
from mainspring.serving.errors import ConsumerBehind

__all__ = ["LagMeter"]

_MOST_LOOKS = 1000


class LagMeter:
    """Measures the lag of online state by looking at it again and again, whoever folds it.

    A record waits since the look that first saw it; so lag is measured as exactly as looks are
    frequent, and a server that starts behind begins to count then.

    Args:
        limit: the longest that a record may wait.
        steady: seconds that only go forward.
    """

    def __init__(
        self,
        log: LogReader,
        online: OnlineReader,
        *,
        limit: Micros,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._online, self._limit, self._steady = log, online, limit, steady
        self._heads: dict[str, list[tuple[int, float]]] = {}

    def iter_faults(self, views: Iterable[CompiledView]) -> Iterator[ConsumerBehind]:
        """The views with a record that has waited for too long.  Cost: a read of each partition's
        position, and of each topic's head.
        """
        now = self._steady()
        for view in views:
            for topic, offset in self._reached(view).items():
                waited = now - self._waiting_since(topic, offset, now)
                if waited * SECOND > self._limit:
                    yield ConsumerBehind(
                        view=view.view.name,
                        records=self._log.head(topic) - offset,
                        waited_s=round(waited),
                    )

    def _waiting_since(self, topic: str, offset: int, now: float) -> float:
        """When the first record was seen that is not folded yet; now where all are."""
        seen, head = self._heads.setdefault(topic, []), self._log.head(topic)
        if not seen or seen[-1][0] < head:
            seen.append((head, now))
        self._heads[topic] = list(dropwhile(lambda each: each[0] <= offset, seen)) or seen[-1:]
        if len(self._heads[topic]) > _MOST_LOOKS:
            # Whoever is this far behind is told so as well from every second look.
            del self._heads[topic][1:-1:2]
        waiting = [at for reached, at in self._heads[topic] if reached > offset]
        return min(waiting, default=now)

    def _reached(self, view: CompiledView) -> dict[str, int]:
        """How far the partition that is least far has folded each topic."""
        reached: dict[str, int] = {}
        for shard in shards_of(view):
            position, _ = self._online.read(shard, [])
            for topic, offset in position.offsets if position else ():
                reached[topic] = min(offset, reached.get(topic, offset))
        return reached
