"""Does one prediction come fast enough, features and all?"""

import math
from collections.abc import Sequence

from mainspring.gates.spec import Latency
from mainspring.gates.verdict import EvidenceValue, GateFinding, known_values

__all__ = ["check_latency", "nearest_rank"]


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The least value that is not below this share of all; NaN of nothing.  No interpolation: a
    promise is kept by a request that was made.

    >>> nearest_rank([4.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def check_latency(gate: Latency, measured_ms: Sequence[float]) -> GateFinding:
    """Whether the 99th percentile of the measured times is within the bound, over as many requests
    as the gate asks for.

    Args:
        measured_ms: the time of each request in milliseconds, in any order; the least of its tries,
            so what the machine's other tenants do, and also the pauses of this process itself, are
            left out.
    """
    p50, p99 = nearest_rank(measured_ms, 0.5), nearest_rank(measured_ms, 0.99)
    enough = len(measured_ms) >= gate.requests > 0
    facts: dict[str, EvidenceValue] = {
        "p50_ms": p50,
        "p99_ms": p99,
        "bound_ms": gate.p99_ms,
        "requests": len(measured_ms),
    }
    summary = (
        (
            f"p99 {p99:.2f} ms (at most {gate.p99_ms:g} ms), p50 {p50:.2f} ms over "
            f"{len(measured_ms):,} requests, each the best of its tries"
        )
        if enough
        else f"{len(measured_ms):,} requests were measured, where {gate.requests:,} are asked for"
    )
    return GateFinding(
        gate=gate.name,
        passed=enough and p99 <= gate.p99_ms,
        summary=summary,
        evidence=dict(known_values(facts)),
    )
