"""How often a caller may ask: a token bucket, as a pure function of what was in it and the time.

Source: J. Turner, "New directions in communications", IEEE Communications Magazine 24(10), 1986,
section on the leaky bucket, read as a meter.
"""

from typing import NamedTuple

from mainspring.serving.admission.limits import CallerRate

__all__ = ["TokenBucket", "taken"]


class TokenBucket(NamedTuple):
    """What a caller has left.

    Args:
        tokens: requests that it may send at once.
        at: when that was so, in seconds of any clock that does not go back.
    """

    tokens: float
    at: float


def taken(bucket: TokenBucket | None, rate: CallerRate, now: float) -> tuple[TokenBucket, float]:
    """What is left once a request is let in, and 0; or what is there, and how many seconds are
    missing for one.

    Args:
        bucket: None for a caller that has not asked before: it is full.

    >>> rate = CallerRate(per_s=2.0, burst=1)
    >>> bucket, missing = taken(None, rate, 0.0)
    >>> missing, taken(bucket, rate, 0.25)[1], taken(bucket, rate, 0.5)[1]
    (0.0, 0.25, 0.0)
    """
    full = float(rate.burst)
    if bucket is None:
        filled = full
    else:
        filled = min(full, bucket.tokens + max(0.0, now - bucket.at) * rate.per_s)
    if filled >= 1.0:
        return TokenBucket(filled - 1.0, now), 0.0
    return TokenBucket(filled, now), (1.0 - filled) / rate.per_s
