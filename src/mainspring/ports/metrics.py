"""What is measured, as records: what counts fills them in, and what renders metrics reads them."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["DURATION_BOUNDS_S", "METRICS_MEDIA_TYPE", "InferenceCounts"]

DURATION_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
"""The upper bounds of the buckets that durations are counted in; what took longer has one more."""

METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of Prometheus' text format."""


class InferenceCounts(NamedTuple):
    """What a version of a model has answered since its server started.

    Args:
        rows: in all requests that were answered.
        durations: how many requests took as long as each bucket of `DURATION_BOUNDS_S` says, the
            last one without a bound.
        seconds: that they took in all.
    """

    name: str
    version: str
    rows: int
    durations: Sequence[int]
    seconds: float
