"""Columns as they lie in a frame that was read from many files: in chunks, one after the other.
Making them contiguous would copy every one of them.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints

__all__ = ["concatenated", "iter_between"]

T = TypeVar("T", Ints, Bytes)


def concatenated(chunks: Sequence[Ints]) -> Ints:
    """The whole column; a copy, unless it is one chunk."""
    return chunks[0] if len(chunks) == 1 else np.concatenate([np.empty(0, dtype=np.int64), *chunks])


def iter_between(chunks: Sequence[T], first: int, stop: int) -> Iterator[tuple[int, T]]:
    """What lies between two rows: the row at which each part begins, and the part.

    >>> list(iter_between([np.array([5, 6]), np.array([7, 8])], 1, 3))
    [(1, array([6])), (2, array([7]))]
    """
    begin = 0
    for chunk in chunks:
        end = begin + chunk.size
        if max(begin, first) < min(end, stop):
            yield max(begin, first), chunk[max(first - begin, 0) : stop - begin]
        begin = end
