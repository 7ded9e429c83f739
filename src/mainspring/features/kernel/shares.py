"""Work cut into equal shares, a thread for each: compiled parts run without the interpreter lock,
and shares never write to the same place.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

__all__ = ["even_bounds", "run_shares", "shares_of"]

SMALLEST = 1 << 16
"""Below this many items a second thread costs more than it brings."""


def shares_of(size: int) -> int:
    """Into how many shares to cut this many items: one for each processor, fewer when there is
    little to do.
    """
    # Asking for the number of processors takes longer than a small answer does.
    return 1 if size < 2 * SMALLEST else min(os.cpu_count() or 1, size // SMALLEST)


def even_bounds(size: int) -> list[int]:
    """Where to cut this many items into equal shares."""
    shares = shares_of(size)
    return [size * share // shares for share in range(shares + 1)]


def run_shares(work: Callable[[int, int, int], None], bounds: Sequence[int]) -> None:
    """Call `work(share, first, stop)` for all bounds at once, and wait; a single share runs in the
    caller's thread.
    """
    shares = [(share, first, stop) for share, (first, stop) in enumerate(pairwise(bounds))]
    if len(shares) == 1:
        work(*shares[0])
        return
    # Threads and not processes: the arrays are shared, and compiled parts hold no interpreter lock.
    with ThreadPoolExecutor(len(shares)) as pool:
        for done in [pool.submit(work, *share) for share in shares]:
            done.result()
