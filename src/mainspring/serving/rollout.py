"""How a new revision takes over: a share of the requests that grows in steps, chosen by the request
and not by chance.
"""

import hashlib

from mainspring.elements.time import Micros
from mainspring.serving.spec import Canary

__all__ = ["canary_share", "takes_canary"]


def canary_share(rollout: Canary | None, *, started_at: Micros, now: Micros) -> int:
    """The per cent of requests that the new revision answers.

    >>> from mainspring.elements.time import MINUTE
    >>> steps = Canary(steps=[5, 25, 100], hold="10m")
    >>> times = [minute * MINUTE for minute in (0, 9, 10, 19, 20, 600)]
    >>> [canary_share(steps, started_at=0, now=now) for now in times]
    [5, 5, 25, 25, 100, 100]
    """
    if rollout is None:
        return 100
    step = max(now - started_at, 0) // rollout.hold
    return rollout.steps[min(step, len(rollout.steps) - 1)]


def takes_canary(prediction: str, share: int) -> bool:
    """Whether this prediction belongs to the share; the same id always does or never does, and a
    larger share keeps a smaller one's.

    >>> sum(takes_canary(f"p{i}", 25) for i in range(1000)) in range(200, 300)
    True
    """
    return (
        int.from_bytes(hashlib.blake2b(prediction.encode(), digest_size=4).digest()) % 100 < share
    )
