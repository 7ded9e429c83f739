"""Group facts by key and put each key's facts into order of time, on all processors.

What is compiled is in `bins`, which says why rows take two hops.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints, ShortInts, read_only
from mainspring.features.kernel.grouping.bins import (
    Bins,
    SortedBins,
    bin_rows,
    count_bins,
    find_ties,
    is_in_order,
    move_rows,
    order_bins,
)
from mainspring.features.kernel.grouping.chunks import concatenated, iter_between
from mainspring.features.kernel.jit import entry_point, kernel_edition
from mainspring.features.kernel.shares import even_bounds, run_shares

__all__ = ["Grouping", "compiled_grouping", "group_facts", "rise_between"]

BIN_BITS = 9
"""512 bins: as many streams of writing as a processor follows without missing its caches and
address tables; measured flat from 100 to 800.
"""

T = TypeVar("T", Ints, Bytes)


class Ties(NamedTuple):
    """Tied places, the number of the set of equals that each belongs to, and how many were found,
    (1,).
    """

    positions: Ints
    sets: Ints
    found: Ints


class Grouping(NamedTuple):
    """How the rows of a frame lie once they are grouped; rows without a key are left out.

    Shapes:
        key_start: (keys + 1,) int64, offsets: rows of key k are key_start[k] … key_start[k + 1].
        event_time: (grouped rows,) int64, sorted inside each key.
        into_bins, into_order: the two hops, (rows,) and (grouped rows,) int32; None where rows lie
            as they should already.
        halfway: (grouped rows,) int64, where a column lies between the hops; one memory for all
            columns, because memory that is new costs as much as a hop.
    """

    key_start: Ints
    event_time: Ints
    into_bins: ShortInts | None
    into_order: ShortInts | None
    halfway: Ints

    def words(self, chunks: Sequence[Ints], target: Ints) -> None:
        """Write a column of 64-bit words, in the order of the frame, into `target`, in the order of
        the groups; one at a time.  Cost: about 2 ns a row.
        """
        two_hops(compiled_grouping().move_words, self, chunks, target)

    def flags(self, chunks: Sequence[Bytes], target: Bytes) -> None:
        """Likewise a column of bytes."""
        two_hops(compiled_grouping().move_flags, self, chunks, target)

    def indices(self, rows: Ints) -> Ints:
        """Where some rows of the frame lie, -1 for those left out."""
        if self.into_bins is None or self.into_order is None:
            return rows
        binned = self.into_bins[rows]
        indices = np.full(rows.size, -1, dtype=np.int64)
        indices[binned >= 0] = self.into_order[binned[binned >= 0]]
        return indices

    def ties(self) -> tuple[Ints, Ints]:
        """The places whose time is that of a neighbour of the same key, ascending, and a number for
        each set of equals.
        """
        found, none = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64)
        compiled_grouping().find_ties(self.event_time, self.key_start, Ties(none, none, found))
        ties = Ties(
            np.empty(int(found[0]), dtype=np.int64), np.empty(int(found[0]), dtype=np.int64), found
        )
        if ties.positions.size:
            compiled_grouping().find_ties(self.event_time, self.key_start, ties)
        return ties.positions, ties.sets

    def rows(self) -> Ints:
        """The row of the frame at each place, (grouped rows,)."""
        numbers = np.arange(self.event_time.size if self.into_bins is None else self.into_bins.size)
        rows = numbers[: self.event_time.size]
        self.words([numbers], rows)
        return rows

    def with_rows(self, rows: Ints, indices: Ints) -> "Grouping":
        """The grouping with these rows at these places, which held the same rows in another
        order.
        """
        into_bins, into_order, halfway = self.into_bins, self.into_order, self.halfway
        if into_bins is None or into_order is None:
            into_bins = into_order = np.arange(self.event_time.size, dtype=np.int32)
            halfway = np.empty_like(self.event_time)
        into_order = into_order.copy()
        into_order[into_bins[rows]] = indices
        return self._replace(into_bins=into_bins, into_order=into_order, halfway=halfway)


def group_facts(code: ShortInts, keys: int, event_time: Sequence[Ints]) -> Grouping:
    """Group rows by key code (negative: no key) and sort each key's rows by time, stably.

    Args:
        code: (rows,), below `keys`; fewer than 2**31 rows.  It is used up where rows have to be
            moved: the first hop is written over it.
        event_time: of the same rows, in chunks.

    Cost: without the interpreter lock, about 10 ns a row; nothing but a look for rows that lie in
        order already.
    """
    # A file that was written by key needs no hop at all.
    if lie_in_order(code, event_time):
        starts = np.searchsorted(code, np.arange(keys + 1, dtype=np.int32)).astype(np.int64)
        return Grouping(starts, concatenated(event_time), None, None, np.empty(0, dtype=np.int64))
    # By the leading bits of the code: bins then hold neighbouring keys, and the second hop ends in
    # order of keys.
    shift = max(int(keys - 1).bit_length() - BIN_BITS, 0)
    bins, into_bins = rows_in_bins(code, ((keys - 1) >> shift) + 1, shift)
    one_hop(compiled_grouping().move_words, into_bins, event_time, bins.time)
    # Where a row goes is written over its code, which is read before.
    in_order = SortedBins(np.empty(keys + 1, dtype=np.int64), bins.code, np.empty_like(bins.time))
    run_shares(
        lambda _, first, stop: compiled_grouping().order_bins(bins, in_order, first, stop),
        cut_by_weight(bins.start),
    )
    in_order.key_start[keys] = bins.code.size
    return Grouping(in_order.key_start, in_order.time, into_bins, in_order.hop, bins.time)


def lie_in_order(code: ShortInts, event_time: Sequence[Ints]) -> bool:
    """Whether no row is without a key, and all are grouped by ascending code and sorted by time
    inside.
    """
    found, before = np.zeros(1, dtype=np.uint8), (-1, 0)
    for first, times in iter_between(event_time, 0, code.size):
        codes = code[first : first + times.size]
        compiled_grouping().is_in_order(codes, times, found)
        if not found[0] or before > (codes[0], times[0]):
            return False
        before = codes[-1], times[-1]
    return True


def rise_between(event_time: Ints, key_start: Ints) -> bool:
    """Whether times never fall inside a key; offsets as those of a grouping."""
    falls = np.zeros(len(even_bounds(event_time.size)), dtype=np.bool_)

    def look(share: int, first: int, stop: int) -> None:
        # A fall is allowed from one key to the next, which are few.
        low = max(first - 1, 0)
        fallen = np.flatnonzero(event_time[low + 1 : stop] < event_time[low : stop - 1]) + low + 1
        places = np.searchsorted(key_start, fallen)
        falls[share] = bool((key_start[places] != fallen).any())

    run_shares(look, even_bounds(event_time.size))
    return not falls.any()


def rows_in_bins(code: ShortInts, count: int, shift: int) -> tuple[Bins, ShortInts]:
    """So many bins, in which times are still to be moved, and the first hop of each row, in place
    of its code.
    """
    bounds = even_bounds(code.size)
    counts = np.zeros((len(bounds) - 1, count), dtype=np.int64)
    run_shares(
        lambda share, first, stop: compiled_grouping().count_bins(
            code[first:stop], shift, counts[share]
        ),
        bounds,
    )
    # Each share has a stretch of each bin to itself, in the order of the shares: that keeps the hop
    # stable.
    stops = np.cumsum(counts.T).reshape(count, -1).T
    start, fill = np.append(0, stops[-1]), np.ascontiguousarray(stops - counts)
    bins = Bins(
        start,
        np.empty(int(start[-1]), dtype=np.int32),
        np.empty(int(start[-1]), dtype=np.int64),
        shift,
    )
    run_shares(
        lambda share, first, stop: compiled_grouping().bin_rows(
            code[first:stop], fill[share], bins
        ),
        bounds,
    )
    return bins, code


def cut_by_weight(starts: Ints) -> list[int]:
    """Bounds between which consecutive groups hold about equally many rows."""
    cuts = np.searchsorted(starts, even_bounds(int(starts[-1]))).tolist()
    return [*cuts[:-1], starts.size - 1]


Move = Callable[[T, ShortInts, T], None]


def two_hops(move: "Move[T]", grouping: Grouping, chunks: Sequence[T], target: T) -> None:
    """Move a column into its bins, and on to its place; `target` may be the column's own memory."""
    if grouping.into_bins is None or grouping.into_order is None:
        run_shares(
            lambda _, first, stop: copy_chunks(chunks, first, stop, target),
            even_bounds(target.size),
        )
        return
    # Columns take turns in this memory, which is why a grouping moves one column at a time.
    halfway = grouping.halfway.view(target.dtype)[: target.size]
    one_hop(move, grouping.into_bins, chunks, halfway)
    one_hop(move, grouping.into_order, [halfway], target)


def one_hop(move: "Move[T]", hop: ShortInts, chunks: Sequence[T], target: T) -> None:
    """Move a column on all processors: no two rows have the same place."""

    def move_share(_: int, first: int, stop: int) -> None:
        for row, part in iter_between(chunks, first, stop):
            move(part, hop[row : row + part.size], target)

    run_shares(move_share, even_bounds(hop.size))


def copy_chunks(chunks: Sequence[T], first: int, stop: int, target: T) -> None:
    """The rows first … stop of a column where they are."""
    for row, part in iter_between(chunks, first, stop):
        target[row : row + part.size] = part


class Kernels(NamedTuple):
    """The compiled entries, which are those of `bins`."""

    is_in_order: Callable[[ShortInts, Ints, Bytes], None]
    count_bins: Callable[[ShortInts, int, Ints], None]
    bin_rows: Callable[[ShortInts, Ints, Bins], None]
    move_words: Callable[[Ints, ShortInts, Ints], None]
    move_flags: Callable[[Bytes, ShortInts, Bytes], None]
    order_bins: Callable[[Bins, SortedBins, int, int], None]
    find_ties: Callable[[Ints, Ints, Ties], None]


@cache
def compiled_grouping() -> Kernels:
    """The compiled entries, loaded or compiled by the first call."""
    short, words, flags = (
        np.empty(0, dtype=np.int32),
        np.empty(0, dtype=np.int64),
        np.empty(0, dtype=np.uint8),
    )
    given_short, given_words, given_flags = read_only(short), read_only(words), read_only(flags)
    entries, bins = sealed_entries(kernel_edition()), Bins(words, short, words, 0)
    return Kernels(
        entry_point(entries.is_in_order, given_short, given_words, flags),
        entry_point(entries.count_bins, given_short, 0, words),
        entry_point(entries.bin_rows, short, words, bins),
        entry_point(entries.move_words, given_words, given_short, words),
        entry_point(entries.move_flags, given_flags, given_short, flags),
        entry_point(entries.order_bins, bins, SortedBins(words, short, words), 0, 0),
        entry_point(entries.find_ties, given_words, words, Ties(words, words, words)),
    )


def sealed_entries(edition: int) -> Kernels:
    """The entries with the edition of their source inside, which keeps numba's cache honest (see
    `jit`).
    """

    def look(code: ShortInts, event_time: Ints, found: Bytes) -> None:
        found[0] = edition >= 0 and is_in_order(code, event_time)

    def count(code: ShortInts, shift: int, counts: Ints) -> None:
        if edition >= 0:
            count_bins(code, shift, counts)

    def fill_bins(code: ShortInts, fill: Ints, bins: Bins) -> None:
        if edition >= 0:
            bin_rows(code, fill, bins)

    def words(source: Ints, hop: ShortInts, target: Ints) -> None:
        if edition >= 0:
            move_rows(source, hop, target)

    def flags(source: Bytes, hop: ShortInts, target: Bytes) -> None:
        if edition >= 0:
            move_rows(source, hop, target)

    def order(bins: Bins, in_order: SortedBins, first: int, stop: int) -> None:
        if edition >= 0:
            order_bins(bins, in_order, first, stop)

    def find(time: Ints, key_start: Ints, ties: Ties) -> None:
        if edition >= 0:
            ties.found[0] = find_ties(time, key_start, ties.positions, ties.sets)

    return Kernels(look, count, fill_bins, words, flags, order, find)
