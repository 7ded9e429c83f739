"""Grouping, compiled: rows go to their place in two hops.

A single hop would miss the cache with every row, because neighbouring rows have distant keys.  So rows go into a few hundred *bins* of neighbouring keys
first, which writes to as many places at a time as a processor can follow, and then to their place inside a bin, which fits into the cache.  Each column
takes the same two hops; measured on 10M rows, that is five times as fast as fetching rows in their final order.

Arrays of hops are int32: row j goes to place hop[j].  Row indices and key codes therefore stay below 2**31.
"""

from typing import TypeVar

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints, ShortInts
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.order import rises, sort_positions, spread_positions

__all__ = ["bin_rows", "count_bins", "is_in_order", "move_rows", "order_bins"]

NOWHERE = -1

T = TypeVar("T", Ints, Bytes)


@compiled_part
def count_bins(code: ShortInts, shift: int, first: int, stop: int, counts: Ints) -> None:
    """Count the rows first … stop of each bin; rows with a negative code belong to none."""
    for row in range(first, stop):
        if code[row] >= 0:
            counts[code[row] >> shift] += 1


@compiled_part
def bin_rows(code: ShortInts, shift: int, first: int, stop: int, fill: Ints, hop: ShortInts, binned: ShortInts) -> None:
    """The first hop of the rows first … stop, and their codes in the bins; `fill` holds the next free place of each bin."""
    for row in range(first, stop):
        key = code[row]
        if key < 0:
            hop[row] = NOWHERE
            continue
        place = fill[key >> shift]
        fill[key >> shift] = place + 1
        hop[row] = place
        binned[place] = key


@compiled_part
def move_rows(source: T, hop: ShortInts, first: int, stop: int, target: T) -> None:
    """One hop of a column."""
    for row in range(first, stop):
        if hop[row] >= 0:
            target[hop[row]] = source[row]


@compiled_part
def is_in_order(code: ShortInts, event_time: Ints) -> bool:
    """Whether no row is without a key, and all are grouped by ascending code and sorted by time inside."""
    if code.size > 0 and code[0] < 0:
        return False
    for row in range(1, code.size):
        if code[row] < code[row - 1] or (code[row] == code[row - 1] and event_time[row] < event_time[row - 1]):
            return False
    return True


@allocating_part
def order_bins(code: ShortInts, time: Ints, bin_start: Ints, shift: int, first: int, stop: int, key_start: Ints, hop: ShortInts, ordered: Ints) -> None:
    """The second hop of the rows of the bins first … stop: by key, and inside a key by time, rows of equal time in their given order.

    Args:
        code, time: of the rows as they lie in the bins.
        key_start: (keys + 1,), filled for the keys of these bins.
        hop, ordered: filled for the rows of these bins: their place, and the times in their final order.
    """
    largest = 0
    for index in range(first, stop):
        largest = max(largest, bin_start[index + 1] - bin_start[index])
    fill = np.empty(1 << shift, dtype=np.int64)
    own, tally, spare, moved = (
        np.empty(largest, dtype=np.int64),
        np.empty(largest, dtype=np.int64),
        np.empty(largest, dtype=np.int64),
        np.empty(largest, dtype=np.int64),
    )
    for index in range(first, stop):
        begin, end = bin_start[index], bin_start[index + 1]
        group_bin(code[begin:end], time[begin:end], index << shift, fill, hop[begin:end], ordered[begin:end])
        if sort_bin(ordered[begin:end], fill, own, tally, spare, moved):
            for row in range(begin, end):
                hop[row] = moved[hop[row]]
        for key in range(index << shift, min((index + 1) << shift, key_start.size - 1)):
            key_start[key] = begin + (fill[key - (index << shift) - 1] if key > index << shift else 0)
        for row in range(begin, end):
            hop[row] += begin


@compiled_part
def group_bin(code: ShortInts, time: Ints, low: int, fill: Ints, hop: ShortInts, ordered: Ints) -> None:
    """Group the rows of a bin by key (counting sort); `fill` holds where each key's rows end afterwards."""
    for key in range(fill.size):
        fill[key] = 0
    for row in range(code.size):
        fill[code[row] - low] += 1
    place = 0
    for key in range(fill.size):
        place += fill[key]
        fill[key] = place - fill[key]
    for row in range(code.size):
        place = fill[code[row] - low]
        fill[code[row] - low] = place + 1
        hop[row] = place
        ordered[place] = time[row]


@compiled_part
def sort_bin(ordered: Ints, stops: Ints, own: Ints, tally: Ints, spare: Ints, moved: Ints) -> bool:
    """Sort each key's times in place; whether any of the bin moved, and if so where to, in `moved`."""
    is_moved = False
    first = 0
    for key in range(stops.size):
        if not rises(ordered, first, stops[key]):
            if not is_moved:
                for place in range(ordered.size):
                    moved[place] = place
            is_moved = True
            sort_key(ordered, first, own[: stops[key] - first], tally, spare, moved)
        first = stops[key]
    return is_moved


@compiled_part
def sort_key(ordered: Ints, first: int, own: Ints, tally: Ints, spare: Ints, moved: Ints) -> None:
    """Sort one key's times, of which there are as many as places in `own`."""
    for index in range(own.size):
        own[index] = first + index
    spread_positions(own, ordered, tally, spare)
    sort_positions(own, ordered, spare)
    for index in range(own.size):
        moved[own[index]] = first + index
        spare[index] = ordered[own[index]]
    for index in range(own.size):
        ordered[first + index] = spare[index]
