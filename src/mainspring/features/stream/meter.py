"""How a consumer goes on: counted as it works, told once a second."""

import threading
from collections import defaultdict

import msgspec

from mainspring.elements.time import Micros

__all__ = ["StreamReport", "ThroughputMeter"]


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """One second of a consumer.

    Args:
        events_per_s: records of the log that went into the online state of every view that reads
            them.
        lag_records: records that wait, summed over topics.
        lag_ms: the longest that a record can have waited, from before it was appended until reads
            saw it; no clock of another process is in it.
        shards, of: how many this process folds, of how many there are.
        members: how many processes share them.
        cpu: the share of one core that this process used.
    """

    at: Micros
    events_per_s: float
    lag_records: int
    lag_ms: float
    shards: int
    of: int
    members: int
    cpu: float


class ThroughputMeter:
    """Counts what is folded, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._longest_s = 0.0

    def folded(self, shard: str, topic: str, records: int) -> None:
        """A view has folded so many records of a topic."""
        with self._lock:
            self._counts[topic][shard] += records

    def waited(self, length_s: float) -> None:
        """Records became visible that had waited for so long at most."""
        with self._lock:
            self._longest_s = max(self._longest_s, length_s)

    def taken(self) -> tuple[int, float]:
        """How many records went through since the last call, and the longest wait of one in
        seconds; counting starts anew.
        """
        with self._lock:
            # Views of one topic read the same records: what the fastest has read is what went
            # through.
            events = sum(max(by_view.values()) for by_view in self._counts.values())
            longest_s, self._longest_s = self._longest_s, 0.0
            self._counts.clear()
            return events, longest_s
