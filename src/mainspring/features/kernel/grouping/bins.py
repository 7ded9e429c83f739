"""Grouping, compiled: rows go to their place in two hops.

A single hop would miss the cache with every row, because neighbouring rows have distant keys.  So
rows go into a few hundred *bins* of neighbouring keys first, which writes to as many places at a
time as a processor can follow, and then to their place inside a bin, which fits into the cache.
Each column takes the same two hops; measured on 10M rows, that is five times as fast as fetching
rows in their final order.

Arrays of hops are int32: row j goes to place hop[j].  Row indices and key codes therefore stay
below 2**31.
"""

from typing import NamedTuple, TypeVar

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints, ShortInts
from mainspring.features.kernel.jit import allocating_part, at, bit_length, compiled_part
from mainspring.features.kernel.order import rises, sort_positions, sort_words

__all__ = [
    "Bins",
    "SortedBins",
    "bin_rows",
    "count_bins",
    "find_ties",
    "is_in_order",
    "move_rows",
    "order_bins",
]

NOWHERE = -1

T = TypeVar("T", Ints, Bytes)


class Bins(NamedTuple):
    """Rows in bins, of which one holds the keys whose codes agree but for `shift` bits.

    Shapes: start (bins + 1,) int64, offsets; code (rows,) int32 and time (rows,) int64 of each row.
    """

    start: Ints
    code: ShortInts
    time: Ints
    shift: int


class SortedBins(NamedTuple):
    """Rows in their final order.

    Shapes: key_start (keys + 1,) int64, offsets; hop (rows,) int32, where each row of the bins
        goes; time (rows,) int64.
    """

    key_start: Ints
    hop: ShortInts
    time: Ints


@compiled_part
def count_bins(code: ShortInts, shift: int, counts: Ints) -> None:
    """Count the rows of each bin; rows with a negative code belong to none."""
    for row in range(code.size):
        if code[row] >= 0:
            counts[at(code[row] >> shift)] += 1


@compiled_part
def bin_rows(code: ShortInts, fill: Ints, bins: Bins) -> None:
    """The codes of rows in the bins, and in place of each code the first hop of its row; `fill`
    holds the next free place of each bin.
    """
    for row in range(code.size):
        key = code[row]
        if key < 0:
            code[row] = NOWHERE
            continue
        # In the order of rows, so that the first hop is stable.
        index = fill[at(key >> bins.shift)]
        fill[at(key >> bins.shift)] = index + 1
        code[row] = index
        bins.code[at(index)] = key


@compiled_part
def move_rows(source: T, hop: ShortInts, target: T) -> None:
    """One hop of a column."""
    for row in range(source.size):
        if hop[row] >= 0:
            target[at(hop[row])] = source[row]


@compiled_part
def is_in_order(code: ShortInts, event_time: Ints) -> bool:
    """Whether no row is without a key, and all are grouped by ascending code and sorted by time
    inside.
    """
    row = 1
    while row < code.size and (
        code[row - 1] < code[row]
        or (code[row - 1] == code[row] and event_time[row - 1] <= event_time[row])
    ):
        row += 1
    return row >= code.size and (code.size == 0 or code[0] >= 0)


@compiled_part
def find_ties(time: Ints, key_start: Ints, indices: Ints, sets: Ints) -> int:
    """Count the places whose time is that of a neighbour of the same key, and note them and a
    number for each set of equals as far as there is room.
    """
    count, number = 0, -1
    for key in range(key_start.size - 1):
        for index in range(key_start[key] + 1, key_start[key + 1]):
            if time[at(index)] != time[at(index - 1)]:
                continue
            # The first of a set is noted together with its second: a row alone is no tie.
            is_new = index - 1 == key_start[key] or time[at(index - 2)] != time[at(index)]
            number += int(is_new)
            count = note_tie(indices, sets, index - 1, number, count) if is_new else count
            count = note_tie(indices, sets, index, number, count)
    return count


@compiled_part
def note_tie(indices: Ints, sets: Ints, index: int, number: int, count: int) -> int:
    """Note one tied place; how many there are from then on."""
    if count < indices.size:
        indices[at(count)], sets[at(count)] = index, number
    return count + 1


@allocating_part
def order_bins(bins: Bins, indices: SortedBins, first: int, stop: int) -> None:
    """The second hop of the rows of the bins first … stop: by key, and inside a key by time, rows
    of equal time in their given order.
    """
    start, code, time, shift = bins.start, bins.code, bins.time, bins.shift
    key_start, hop, ordered = indices.key_start, indices.hop, indices.time
    largest = 0
    for index in range(first, stop):
        largest = max(largest, start[index + 1] - start[index])
    stops = np.empty(1 << shift, dtype=np.int64)
    own, tally = np.empty(largest, dtype=np.int64), np.empty(largest, dtype=np.int64)
    spare, moved = np.empty(largest, dtype=np.int64), np.empty(largest, dtype=np.int64)
    # A bin at a time, which fits into the cache: that is what the first hop was for.
    for index in range(first, stop):
        begin, end, low = start[index], start[index + 1], index << shift
        group_bin(code[begin:end], time[begin:end], low, stops, hop[begin:end], ordered[begin:end])
        is_moved = sort_bin(ordered[begin:end], stops, own, tally, spare, moved)
        settle_hops(hop[begin:end], moved, is_moved, begin)
        for key in range(low, min(low + stops.size, key_start.size - 1)):
            key_start[key] = begin + (stops[key - low - 1] if key > low else 0)


@compiled_part
def group_bin(
    code: ShortInts, time: Ints, low: int, stops: Ints, hop: ShortInts, ordered: Ints
) -> None:
    """Group the rows of a bin by key (counting sort), and find where each key's rows stop."""
    for key in range(stops.size):
        stops[key] = 0
    for row in range(code.size):
        stops[at(code[row] - low)] += 1
    index = 0
    for key in range(stops.size):
        index += stops[key]
        stops[key] = index - stops[key]
    for row in range(code.size):
        index = stops[at(code[row] - low)]
        stops[at(code[row] - low)] = index + 1
        hop[row] = index
        ordered[at(index)] = time[row]


@compiled_part
def sort_bin(ordered: Ints, stops: Ints, own: Ints, tally: Ints, spare: Ints, moved: Ints) -> bool:
    """Sort each key's times in place; whether any of the bin moved, and if so where to, in
    `moved`.
    """
    is_moved = False
    first = 0
    for key in range(stops.size):
        if not rises(ordered, first, stops[key]):
            # Numbered only for a bin in which something moves: mostly facts of a key are in order
            # already.
            if not is_moved:
                number_places(moved[: ordered.size])
            is_moved = True
            sort_key(ordered, first, own[: stops[key] - first], tally, spare, moved)
        first = stops[key]
    return is_moved


@compiled_part
def number_places(moved: Ints) -> None:
    """As long as nothing moves, each place is its own."""
    for index in range(moved.size):
        moved[index] = index


@compiled_part
def settle_hops(hop: ShortInts, moved: Ints, is_moved: bool, begin: int) -> None:
    """Take the moves of a bin, which begins at a place, into its hops."""
    for row in range(hop.size):
        hop[row] = begin + (moved[at(hop[row])] if is_moved else hop[row])


@compiled_part
def sort_key(ordered: Ints, first: int, own: Ints, tally: Ints, spare: Ints, moved: Ints) -> None:
    """Sort one key's times, of which there are as many as places in `own`."""
    size, low, high = own.size, ordered[first], ordered[first]
    for position in range(first, first + size):
        low, high = min(low, ordered[position]), max(high, ordered[position])
    bits = bit_length(size)
    if bit_length(high - low) + bits < 64 and high - low >= 0:
        # A time and its place in one word: words are sorted where they stand, and no two are equal.
        for index in range(size):
            own[index] = ((ordered[at(first + index)] - low) << bits) | index
        sort_words(own, tally, spare)
        for index in range(size):
            moved[at(first + (own[index] & ((1 << bits) - 1)))] = first + index
            ordered[at(first + index)] = low + (own[index] >> bits)
        return
    for index in range(size):
        own[index] = first + index
    sort_positions(own, ordered, spare)
    for index in range(size):
        moved[own[index]] = first + index
        spare[index] = ordered[own[index]]
    for index in range(size):
        ordered[first + index] = spare[index]
