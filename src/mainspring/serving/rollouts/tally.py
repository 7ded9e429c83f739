"""Count what the revisions of a process do, step by step."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2

from mainspring.serving.rollouts.state import RevisionTally

__all__ = ["LATENCY_BUCKETS", "SCORE_BUCKETS", "RevisionTallies", "latency_bucket", "score_bucket"]

LATENCY_BUCKETS, SCORE_BUCKETS = 56, 61
_PROBABILITIES, _MIDDLE, _SIDE = 20, 40, 20


def latency_bucket(seconds: float) -> int:
    """Half an octave of microseconds.

    >>> latency_bucket(0.001), latency_bucket(0.002), latency_bucket(0)
    (19, 21, 0)
    """
    return min(int(2 * log2(max(seconds * 1e6, 1))), LATENCY_BUCKETS - 1)


def score_bucket(score: float) -> int:
    """A twentieth of the range of probabilities; elsewhere half an octave on either side of 0.

    >>> score_bucket(0.5), score_bucket(1.0), score_bucket(-3.0), score_bucket(1e9)
    (10, 19, 36, 60)
    """
    if 0 <= score <= 1:
        return min(int(score * _PROBABILITIES), _PROBABILITIES - 1)
    away = min(round(2 * log2(1 + abs(score))), _SIDE)
    return _MIDDLE + away if score > 0 else _MIDDLE - min(away, _SIDE)


@dataclass
class _Counts:
    requests: int = 0
    failed: int = 0
    rows: int = 0
    differing: int = 0
    largest: float = 0.0
    latency: list[int] = field(default_factory=lambda: [0] * LATENCY_BUCKETS)
    scores: list[int] = field(default_factory=lambda: [0] * SCORE_BUCKETS)


class RevisionTallies:
    """What each revision of each endpoint did since its step began.  Any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._epochs: dict[str, int] = {}
        self._counts: dict[str, dict[str, _Counts]] = {}

    def begin(self, endpoint: str, epoch: int) -> None:
        """Count anew where another step has begun."""
        with self._lock:
            if self._epochs.get(endpoint) != epoch:
                self._epochs[endpoint], self._counts[endpoint] = epoch, {}

    def answered(
        self,
        endpoint: str,
        revision: str,
        scores: Sequence[float],
        *,
        seconds: float,
        requests: int = 1,
    ) -> None:
        """Calls that were answered together, each of which took that long."""
        with self._lock:
            counts = self._of(endpoint, revision)
            counts.requests += requests
            counts.rows += len(scores)
            counts.latency[latency_bucket(seconds)] += requests
            for score in scores:
                counts.scores[score_bucket(score)] += 1

    def failed(self, endpoint: str, revision: str) -> None:
        """A call that failed, through no fault of the caller."""
        with self._lock:
            counts = self._of(endpoint, revision)
            counts.requests += 1
            counts.failed += 1

    def differed(self, endpoint: str, revision: str, differences: Sequence[float]) -> None:
        """By how much a shadow's scores differ from those that were answered."""
        with self._lock:
            counts = self._of(endpoint, revision)
            counts.differing += sum(each != 0 for each in differences)
            counts.largest = max(counts.largest, *differences)

    def read(self, endpoint: str) -> tuple[int, dict[str, RevisionTally]]:
        """The step, and what was counted in it."""
        with self._lock:
            counts = self._counts.get(endpoint, {})
            return self._epochs.get(endpoint, 0), {
                name: RevisionTally(
                    requests=each.requests,
                    failed=each.failed,
                    rows=each.rows,
                    latency=list(each.latency),
                    scores=list(each.scores),
                    differing=each.differing,
                    largest=each.largest,
                )
                for name, each in counts.items()
            }

    def _of(self, endpoint: str, revision: str) -> _Counts:
        return self._counts.setdefault(endpoint, {}).setdefault(revision, _Counts())
