"""Facts that lie by key and time already, as those of a table that was put in order do: their keys
are found as runs of equal values, and nothing is coded, moved or sorted.

Only the keys of the runs go through a dictionary, a hundredth of the facts.  What the kernel is
given is what grouping would give it, so that the answers are the same to the bit.
"""

from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
import polars as pl

from mainspring.features.history.keys import key_codes
from mainspring.features.kernel.arrays import Ints, ShortInts
from mainspring.features.kernel.grouping.chunks import concatenated
from mainspring.features.kernel.grouping.group import Grouping, rise_between
from mainspring.features.physical import chunks_of
from mainspring.features.spec import Entity

__all__ = ["KeyRuns", "key_runs"]

_SAMPLE = 4_096
_UNKNOWN = -1


class KeyRuns(NamedTuple):
    """How the facts lie, and the run of each row of the spine, -1 for a key without facts.

    Shapes: spine (rows,) int64.
    """

    grouping: Grouping
    spine: Ints


def key_runs(entity: Entity, facts: pl.DataFrame, spine: pl.DataFrame) -> KeyRuns | None:
    """The runs of facts that lie by key, and those of a key by time; None where they do not.

    Cost: 2 ns a fact; nearly nothing where they lie in no order.
    """
    keys = facts.select(entity.join_keys)
    if not entity.join_keys or not facts.height or not _may_lie_by_key(keys):
        return None
    starts = _run_starts(keys)
    codes = key_codes(entity, keys[starts], spine)
    run_of = _runs_by_code(codes.facts, codes.keys)
    if run_of is None:
        return None
    key_start = np.append(starts, facts.height)
    times = concatenated(chunks_of(facts["_event_time"]))
    if not rise_between(times, key_start):
        return None
    # A code that the facts do not have takes the last place, which says so.
    none = np.empty(0, dtype=np.int64)
    return KeyRuns(Grouping(key_start, times, None, None, none), run_of[codes.spine])


def _may_lie_by_key(keys: pl.DataFrame) -> bool:
    """Whether no key comes twice among the first rows with another between."""
    first = keys.head(_SAMPLE)
    return len(_run_starts(first)) == first.n_unique()


def _run_starts(keys: pl.DataFrame) -> Ints:
    """The rows whose key is not that of the row before."""
    differs = [pl.col(name).ne_missing(pl.col(name).shift()) for name in keys.columns]
    rows = keys.select(reduce(or_, differs)).to_series().arg_true().cast(pl.Int64).to_numpy()
    return np.append(0, rows[rows > 0])


def _runs_by_code(codes: ShortInts, keys: int) -> Ints | None:
    """The run of each code, and last -1 for none; None where two runs have one key."""
    runs = np.full(keys + 1, _UNKNOWN, dtype=np.int64)
    known = np.flatnonzero(codes >= 0)
    runs[codes[known]] = known
    return runs if np.count_nonzero(runs >= 0) == known.size else None
