"""Group facts by key and put each key's facts into order of time, on all processors.

What is compiled is in `bins`, which says why rows take two hops.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints, ShortInts, read_only
from mainspring.features.kernel.bins import bin_rows, count_bins, is_in_order, move_rows, order_bins
from mainspring.features.kernel.jit import entry_point, kernel_edition
from mainspring.features.kernel.shares import even_bounds, run_shares

__all__ = ["Grouping", "group_facts", "warm_grouping"]

BIN_BITS = 9
"""512 bins: as many streams of writing as a processor follows without missing its caches and address tables; measured flat from 100 to 800."""

T = TypeVar("T", Ints, Bytes)


class Grouping(NamedTuple):
    """How the rows of a frame lie once they are grouped; rows without a key are left out.

    Shapes:
        key_start: (keys + 1,) int64, offsets: rows of key k are key_start[k] … key_start[k + 1].
        event_time: (grouped rows,) int64, sorted inside each key.
        into_bins, into_place: the two hops, (rows,) and (grouped rows,) int32; None where rows lie as they should already.
    """

    key_start: Ints
    event_time: Ints
    into_bins: ShortInts | None
    into_place: ShortInts | None

    def words(self, column: Ints, target: Ints) -> None:
        """Write a column of 64-bit words, in the order of the frame, into `target`, in the order of the groups.  Cost: about 2 ns a row."""
        two_hops(warm_grouping().move_words, self, column, target)

    def flags(self, column: Bytes, target: Bytes) -> None:
        """Likewise a column of bytes."""
        two_hops(warm_grouping().move_flags, self, column, target)

    def rows(self) -> Ints:
        """The row of the frame at each place, (grouped rows,)."""
        rows = np.empty(self.event_time.size, dtype=np.int64)
        self.words(np.arange(self.event_time.size if self.into_bins is None else self.into_bins.size), rows)
        return rows

    def with_rows(self, rows: Ints, places: Ints) -> "Grouping":
        """The grouping with these rows at these places, which held the same rows in another order."""
        into_bins, into_place = self.into_bins, self.into_place
        if into_bins is None or into_place is None:
            into_bins = into_place = np.arange(self.event_time.size, dtype=np.int32)
        into_place = into_place.copy()
        into_place[into_bins[rows]] = places
        return self._replace(into_bins=into_bins, into_place=into_place)


def group_facts(code: ShortInts, keys: int, event_time: Ints) -> Grouping:
    """Group rows by key code (negative: no key) and sort each key's rows by time, stably.

    Args:
        code: (rows,), below `keys`; fewer than 2**31 rows.

    Cost: without the interpreter lock, about 10 ns a row; nothing but a look for rows that lie in order already.
    """
    in_order = np.zeros(1, dtype=np.uint8)
    warm_grouping().is_in_order(code, event_time, in_order)
    if in_order[0]:
        return Grouping(np.searchsorted(code, np.arange(keys + 1, dtype=np.int32)).astype(np.int64), event_time, None, None)
    shift = max(int(keys - 1).bit_length() - BIN_BITS, 0)
    bin_start, hop, binned = rows_in_bins(code, ((keys - 1) >> shift) + 1, shift)
    grouping = Grouping(np.empty(keys + 1, dtype=np.int64), np.empty(binned.size, dtype=np.int64), hop, np.empty(binned.size, dtype=np.int32))
    times = np.empty(binned.size, dtype=np.int64)
    one_hop(warm_grouping().move_words, hop, event_time, times)

    def order(_: int, first: int, stop: int) -> None:
        warm_grouping().order_bins(binned, times, bin_start, shift, first, stop, grouping.key_start, grouping.into_place, grouping.event_time)

    run_shares(order, cut_by_weight(bin_start))
    grouping.key_start[keys] = binned.size
    return grouping


def rows_in_bins(code: ShortInts, bins: int, shift: int) -> tuple[Ints, ShortInts, ShortInts]:
    """Where each bin starts, the first hop of each row, and the codes of the rows as they lie in the bins."""
    bounds = even_bounds(code.size)
    counts = np.zeros((len(bounds) - 1, bins), dtype=np.int64)
    run_shares(lambda share, first, stop: warm_grouping().count_bins(code, shift, first, stop, counts[share]), bounds)
    # Each share has a stretch of each bin to itself, in the order of the shares: that keeps the hop stable.
    stops = np.cumsum(counts.T).reshape(bins, -1).T
    fill, bin_start = np.ascontiguousarray(stops - counts), np.append(0, stops[-1])
    hop, binned = np.empty(code.size, dtype=np.int32), np.empty(int(bin_start[-1]), dtype=np.int32)
    run_shares(lambda share, first, stop: warm_grouping().bin_rows(code, shift, first, stop, fill[share], hop, binned), bounds)
    return bin_start, hop, binned


def cut_by_weight(starts: Ints) -> list[int]:
    """Bounds between which consecutive groups hold about equally many rows."""
    cuts = np.searchsorted(starts, even_bounds(int(starts[-1]))).tolist()
    return [*cuts[:-1], starts.size - 1]


Move = Callable[[T, ShortInts, int, int, T], None]


def two_hops(move: "Move[T]", grouping: Grouping, column: T, target: T) -> None:
    """Move a column into its bins and on to its place."""
    if grouping.into_bins is None or grouping.into_place is None:
        run_shares(lambda _, first, stop: np.copyto(target[first:stop], column[first:stop]), even_bounds(column.size))
        return
    binned = np.empty_like(target)
    one_hop(move, grouping.into_bins, column, binned)
    one_hop(move, grouping.into_place, binned, target)


def one_hop(move: "Move[T]", hop: ShortInts, column: T, target: T) -> None:
    """Move a column on all processors: no two rows have the same place."""
    run_shares(lambda _, first, stop: move(column, hop, first, stop, target), even_bounds(column.size))


class Kernels(NamedTuple):
    """The compiled entries, which are those of `bins`."""

    is_in_order: Callable[[ShortInts, Ints, Bytes], None]
    count_bins: Callable[[ShortInts, int, int, int, Ints], None]
    bin_rows: Callable[[ShortInts, int, int, int, Ints, ShortInts, ShortInts], None]
    move_words: Callable[[Ints, ShortInts, int, int, Ints], None]
    move_flags: Callable[[Bytes, ShortInts, int, int, Bytes], None]
    order_bins: Callable[[ShortInts, Ints, Ints, int, int, int, Ints, ShortInts, Ints], None]


@cache
def warm_grouping() -> Kernels:
    """The compiled entries; the first call loads them from numba's cache or compiles them (two seconds)."""
    short, words, flags = (np.empty(0, dtype=dtype) for dtype in (np.int32, np.int64, np.uint8))
    given_short, given_words, given_flags = (read_only(each) for each in (short, words, flags))
    entries = sealed_entries(kernel_edition())
    return Kernels(
        entry_point(entries.is_in_order, given_short, given_words, flags),
        entry_point(entries.count_bins, given_short, 0, 0, 0, words),
        entry_point(entries.bin_rows, given_short, 0, 0, 0, words, short, short),
        entry_point(entries.move_words, given_words, given_short, 0, 0, words),
        entry_point(entries.move_flags, given_flags, given_short, 0, 0, flags),
        entry_point(entries.order_bins, given_short, given_words, given_words, 0, 0, 0, words, short, words),
    )


def sealed_entries(edition: int) -> Kernels:
    """The entries with the edition of their source inside, which keeps numba's cache honest (see `jit`)."""

    def look(code: ShortInts, event_time: Ints, found: Bytes) -> None:
        found[0] = edition >= 0 and is_in_order(code, event_time)

    def count(code: ShortInts, shift: int, first: int, stop: int, counts: Ints) -> None:
        if edition >= 0:
            count_bins(code, shift, first, stop, counts)

    def fill_bins(code: ShortInts, shift: int, first: int, stop: int, fill: Ints, hop: ShortInts, binned: ShortInts) -> None:
        if edition >= 0:
            bin_rows(code, shift, first, stop, fill, hop, binned)

    def words(source: Ints, hop: ShortInts, first: int, stop: int, target: Ints) -> None:
        if edition >= 0:
            move_rows(source, hop, first, stop, target)

    def flags(source: Bytes, hop: ShortInts, first: int, stop: int, target: Bytes) -> None:
        if edition >= 0:
            move_rows(source, hop, first, stop, target)

    def order(code: ShortInts, time: Ints, bin_start: Ints, shift: int, first: int, stop: int, key_start: Ints, hop: ShortInts, ordered: Ints) -> None:
        if edition >= 0:
            order_bins(code, time, bin_start, shift, first, stop, key_start, hop, ordered)

    return Kernels(look, count, fill_bins, words, flags, order)
