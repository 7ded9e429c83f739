"""Order inside arrays: a stable sort of positions, bisection, and grouping of rows by key."""

import numpy as np

from mainspring.features.kernel.arrays import Ints, Spine
from mainspring.features.kernel.jit import allocating_part, at, compiled_part

__all__ = [
    "count_by_key",
    "group_rows",
    "lower_bound",
    "rises",
    "sort_positions",
    "sort_rows",
    "sort_words",
]

RUN = 16


@compiled_part
def lower_bound(table: Ints, row: int, low: int, high: int, bound: int) -> int:
    """The first position in low … high whose value in this row is at least `bound`; `high` if
    none.
    """
    while low < high:
        middle = (low + high) >> 1
        if table[row, at(middle)] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def sort_positions(positions: Ints, by: Ints, spare: Ints) -> None:
    """Sort positions in place by `by[position]`, stably.

    Cost: linear when nearly sorted already, which is what arrival order is; n log n always (numpy's
        quicksort is neither stable nor quick to compile).
    """
    size = positions.size
    # Logs arrive nearly in order: the look costs little and mostly ends it.
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
def sort_words(words: Ints, tally: Ints, spare: Ints) -> None:
    """Sort words that are not negative, in place.

    Cost: linear and almost without comparisons where they lie evenly: they go into as many buckets
        of equal width as there are words first, and little is left to do.  Never more than n log n:
        what is left is merged.
    """
    size = words.size
    if size > RUN:
        spread_words(words, tally, spare)
    for start in range(0, size, RUN):
        insert_words(words, start, min(start + RUN, size))
    width = RUN
    while width < size:
        for start in range(0, size - width, 2 * width):
            if words[start + width - 1] > words[start + width]:
                merge_words(words[start : min(start + 2 * width, size)], width, spare)
        width *= 2


@compiled_part
def spread_words(words: Ints, tally: Ints, spare: Ints) -> None:
    """Bring words close to their order, by buckets."""
    size, shift, high = words.size, 0, words[0]
    for index in range(size):
        high = max(high, words[index])
        tally[index] = 0
    # As many buckets as words, by their highest bits: where words lie evenly each gets about one.
    while high >> shift >= size:
        shift += 1
    for index in range(size):
        tally[at(words[index] >> shift)] += 1
    position = 0
    for bucket in range(size):
        position += tally[bucket]
        tally[bucket] = position - tally[bucket]
    for index in range(size):
        bucket = words[index] >> shift
        spare[at(tally[at(bucket)])] = words[index]
        tally[at(bucket)] += 1
    for index in range(size):
        words[index] = spare[index]


@compiled_part
def insert_words(words: Ints, start: int, stop: int) -> None:
    """Sort a short run in place."""
    for index in range(start + 1, stop):
        moving, hole = words[at(index)], index
        while hole > start and words[at(hole - 1)] > moving:
            words[at(hole)] = words[at(hole - 1)]
            hole -= 1
        words[at(hole)] = moving


@compiled_part
def merge_words(words: Ints, middle: int, spare: Ints) -> None:
    """Merge the sorted halves before and from `middle`; the first half moves to `spare`
    meanwhile.
    """
    for index in range(middle):
        spare[index] = words[index]
    left, right, out = 0, middle, 0
    while left < middle:
        if right < words.size and words[right] < spare[left]:
            words[out] = words[right]
            right += 1
        else:
            words[out] = spare[left]
            left += 1
        out += 1


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
    """Merge the sorted halves before and from `middle`; the first half moves to `spare`
    meanwhile.
    """
    for index in range(middle):
        spare[index] = positions[index]
    left, right, out = 0, middle, 0
    while left < middle:
        # Strictly less: of equals the left one goes first, which keeps the sort stable.
        if right < positions.size and by[positions[right]] < by[spare[left]]:
            positions[out] = positions[right]
            right += 1
        else:
            positions[out] = spare[left]
            left += 1
        out += 1


@allocating_part
def count_by_key(key_code: Ints, keys: int) -> Ints:
    """Offsets (keys + 2,) of rows grouped by key; the last group holds the rows whose key is not in
    0 … keys - 1.
    """
    starts = np.zeros(keys + 2, dtype=np.int64)
    for row in range(key_code.size):
        starts[group_of(key_code[row], keys) + 1] += 1
    for group in range(keys + 1):
        starts[group + 1] += starts[group]
    return starts


@allocating_part
def group_rows(spine: Spine, starts: Ints, first: int, stop: int) -> tuple[Ints, Ints]:
    """The rows of the groups first … stop, in their given order inside each (counting sort), and
    their times; offsets are `starts` less starts[first].
    """
    key_code, time = spine.key_code, spine.time
    rows = np.empty(starts[stop] - starts[first], dtype=np.int64)
    times = np.empty(rows.size, dtype=np.int64)
    fill = starts[first:stop] - starts[first]
    for row in range(key_code.size):
        group = group_of(key_code[row], starts.size - 2)
        if first <= group < stop:
            index = fill[group - first]
            rows[index], times[index] = row, time[row]
            fill[group - first] = index + 1
    return rows, times


@compiled_part
def group_of(key: int, keys: int) -> int:
    """The group of a key code; codes without facts share the last."""
    return key if 0 <= key < keys else keys


@compiled_part
def rises(times: Ints, first: int, stop: int) -> bool:
    """Whether the times first … stop never fall."""
    index = first + 1
    while index < stop and times[index - 1] <= times[index]:
        index += 1
    return index >= stop


@compiled_part
def sort_rows(rows: Ints, times: Ints, positions: Ints, spare: Ints) -> None:
    """Sort rows and their times by time, stably; few by insertion, as a key has few requests."""
    size = rows.size
    if rises(times, 0, size):
        return
    if size <= 2 * RUN:
        insert_rows(rows, times)
        return
    for index in range(size):
        positions[index] = index
    sort_positions(positions[:size], times, spare)
    permute(rows, positions, spare)
    permute(times, positions, spare)


@compiled_part
def insert_rows(rows: Ints, times: Ints) -> None:
    """Sort a short run of rows and times by time, stably."""
    for index in range(1, rows.size):
        row, time, hole = rows[index], times[index], index
        while hole > 0 and times[at(hole - 1)] > time:
            rows[at(hole)], times[at(hole)] = rows[at(hole - 1)], times[at(hole - 1)]
            hole -= 1
        rows[at(hole)], times[at(hole)] = row, time


@compiled_part
def permute(values: Ints, positions: Ints, spare: Ints) -> None:
    """Put the value at each of these positions into their order."""
    for index in range(values.size):
        spare[index] = values[positions[index]]
    for index in range(values.size):
        values[index] = spare[index]
