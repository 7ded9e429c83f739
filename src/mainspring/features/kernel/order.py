"""Order inside arrays: a stable sort of positions, bisection, and grouping by key."""

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import allocating_part, compiled_part

__all__ = ["group_rows", "lower_bound", "sort_positions"]

RUN = 16


@compiled_part
def lower_bound(table: Ints, row: int, low: int, high: int, bound: int) -> int:
    """The first position in low … high whose value in this row is at least `bound`; `high` if none."""
    while low < high:
        middle = (low + high) >> 1
        if table[row, middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def sort_positions(positions: Ints, by: Ints, spare: Ints) -> None:
    """Sort positions in place by `by[position]`, stably.

    Cost: linear when nearly sorted already, which is what arrival order is; n log n always (numpy's quicksort is neither stable nor quick to compile).
    """
    size = positions.size
    if is_sorted(positions, by):
        return
    for start in range(0, size, RUN):
        insertion_sort(positions, by, start, min(start + RUN, size))
    width = RUN
    while width < size:
        for start in range(0, size - width, 2 * width):
            middle = start + width
            if by[positions[middle - 1]] > by[positions[middle]]:
                merge(positions[start : min(middle + width, size)], by, width, spare)
        width *= 2


@compiled_part
def is_sorted(positions: Ints, by: Ints) -> bool:
    """Whether `by[position]` never falls."""
    index = 1
    while index < positions.size and by[positions[index - 1]] <= by[positions[index]]:
        index += 1
    return index >= positions.size


@compiled_part
def insertion_sort(positions: Ints, by: Ints, start: int, stop: int) -> None:
    """Sort a short run in place, stably."""
    for index in range(start + 1, stop):
        moving = positions[index]
        hole = index
        while hole > start and by[positions[hole - 1]] > by[moving]:
            positions[hole] = positions[hole - 1]
            hole -= 1
        positions[hole] = moving


@compiled_part
def merge(positions: Ints, by: Ints, middle: int, spare: Ints) -> None:
    """Merge the sorted halves before and from `middle`; the first half moves to `spare` meanwhile."""
    for index in range(middle):
        spare[index] = positions[index]
    left, right, out = 0, middle, 0
    while left < middle:
        if right < positions.size and by[positions[right]] < by[spare[left]]:
            positions[out] = positions[right]
            right += 1
        else:
            positions[out] = spare[left]
            left += 1
        out += 1


@allocating_part
def group_rows(key_code: Ints, keys: int) -> tuple[Ints, Ints]:
    """Rows grouped by key in their given order (counting sort).

    Returns: offsets (keys + 2,) and rows; the last group holds the rows whose key is not in 0 … keys - 1.
    """
    starts = np.zeros(keys + 2, dtype=np.int64)
    for row in range(key_code.size):
        starts[group_of(key_code[row], keys) + 1] += 1
    for group in range(keys + 1):
        starts[group + 1] += starts[group]
    rows = np.empty(key_code.size, dtype=np.int64)
    fill = starts[:-1].copy()
    for row in range(key_code.size):
        group = group_of(key_code[row], keys)
        rows[fill[group]] = row
        fill[group] += 1
    return starts, rows


@compiled_part
def group_of(key: int, keys: int) -> int:
    """The group of a key code; codes without facts share the last."""
    return key if 0 <= key < keys else keys
