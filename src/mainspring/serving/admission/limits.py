"""How many may wait, and how often each may ask: what an environment declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["LONGEST_QUEUE", "MOST_PER_S", "AdmissionLimits", "CallerRate"]

_QUEUE = 256

LONGEST_QUEUE = 100_000
"""More than that nobody may declare: who waits there has given up long before."""

MOST_PER_S = 1_000_000
"""The same of requests a second, and of those that come at once."""


@dataclass(frozen=True)
class CallerRate:
    """How often a caller may ask.

    Args:
        per_s: requests a second in the long run; 0: as many as they like.
        burst: how many at once, after a while without any; at least 1.
    """

    per_s: float = 0.0
    burst: int = 1


@dataclass(frozen=True)
class AdmissionLimits:
    """The limits of one server.

    Args:
        queue: how many requests for one model may be under way.
        rate: of each caller that is not named.
        callers: the rates of some, by the name of who calls.
    """

    queue: int = _QUEUE
    rate: CallerRate = CallerRate()
    callers: Mapping[str, CallerRate] = field(default_factory=dict)

    def rate_of(self, caller: str) -> CallerRate:
        """The rate of a caller."""
        return self.callers.get(caller, self.rate)
