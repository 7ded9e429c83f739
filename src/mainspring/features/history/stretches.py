"""Facts that lie in order of time but for their files: a table names its newest files first, and a
lookup walks facts in order of time.
"""

from itertools import pairwise

import numpy as np
import polars as pl

from mainspring.features.kernel.arrays import Ints

__all__ = ["stretches_by_time", "taken_in"]

_MOST = 4_096
_SAMPLE, _MOST_IN_SAMPLE = 4_096, 16

Stretch = tuple[int, int]
"""The first row, and how many there are."""


def stretches_by_time(facts: pl.DataFrame) -> list[Stretch] | None:
    """The stretches of rows, taken in which facts lie in order of time; None where they would be
    too many, or overlap.

    Cost: 3 ns a fact; nearly nothing where they lie in no order.
    """
    own = facts["_event_time"].to_physical().to_numpy()
    if not own.size or len(_falls(own[:_SAMPLE])) > _MOST_IN_SAMPLE:
        return None
    starts = _falls(own)
    if len(starts) >= _MOST:
        return None
    bounds = pairwise([0, *starts, own.size])
    found = sorted(
        ((first, stop - first) for first, stop in bounds),
        key=lambda stretch: (int(own[stretch[0]]), stretch[0]),
    )
    is_apart = all(
        own[first + size - 1] <= own[following] for (first, size), (following, _) in pairwise(found)
    )
    return found if is_apart else None


def _falls(times: Ints) -> list[int]:
    """The rows that happened before the row in front of them."""
    rows: list[int] = (np.flatnonzero(times[1:] < times[:-1]) + 1).tolist()
    return rows


def taken_in(stretches: list[Stretch], frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a frame, stretch by stretch; no row is copied."""
    return pl.concat([frame.slice(first, size) for first, size in stretches])
