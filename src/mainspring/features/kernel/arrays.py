"""What goes into the kernel and what comes out: plain arrays under names.

Values travel as 64-bit patterns: integers and booleans as int64, floats by their IEEE 754 bits.
One matrix then holds columns of both kinds, and the kernel, which contains no floating-point
instruction, cannot differ between compilers.  The exceptions are few and use only what IEEE 754
rounds correctly, in a fixed order: the root of a standard deviation, the estimate of a HyperLogLog,
and the aggregates of `ordered`.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EVENT_TIME",
    "NEVER",
    "VISIBLE_FROM",
    "VISIBLE_TO",
    "Bytes",
    "Facts",
    "Floats",
    "Ints",
    "KernelResult",
    "ShortInts",
    "Spine",
    "bits_of",
    "read_only",
]

Ints = NDArray[np.int64]
ShortInts = NDArray[np.int32]
Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

EVENT_TIME, VISIBLE_FROM, VISIBLE_TO = 0, 1, 2
NEVER = np.iinfo(np.int64).max

Array = TypeVar("Array", Ints, ShortInts, Bytes)


class Facts(NamedTuple):
    """Facts grouped by key, inside a key in total order (event_time, source, id).

    Shapes:
        key_start: (keys + 1,) int64, offsets: facts of key k are key_start[k] … key_start[k + 1].
        times: (3, facts) int64 microseconds: event time, visible from, visible to (exclusive;
            `NEVER` when not superseded); or event time alone, (1, facts), where each fact is
            visible from when it happens, for good.
        values: (columns, facts) int64 patterns.
        valid: (columns, facts) uint8, 0 where null.
    """

    key_start: Ints
    times: Ints
    values: Ints
    valid: Bytes

    @classmethod
    def of(
        cls,
        *,
        key_start: ArrayLike,
        event_time: ArrayLike,
        visible_from: ArrayLike,
        visible_to: ArrayLike | None = None,
        columns: Sequence[tuple[ArrayLike, ArrayLike | None]] = (),
    ) -> Self:
        """Pack arrays (copied); a column is (float, integer or boolean values, validity or None
        when nothing is null).
        """
        events = np.asarray(event_time, dtype=np.int64)
        times = np.empty((3, events.size), dtype=np.int64)
        times[EVENT_TIME], times[VISIBLE_FROM] = events, visible_from
        times[VISIBLE_TO] = NEVER if visible_to is None else visible_to
        values = np.empty((len(columns), events.size), dtype=np.int64)
        valid = np.ones((len(columns), events.size), dtype=np.uint8)
        for index, (column, present) in enumerate(columns):
            values[index] = bits_of(column)
            if present is not None:
                valid[index] = np.asarray(present, dtype=np.bool_)
        return cls(np.array(key_start, dtype=np.int64), times, values, valid)


class Spine(NamedTuple):
    """The requests, in any order.

    Shapes: key_code (rows,) int64, -1 for a key without facts; time (rows,) int64, prediction times
        in microseconds.
    """

    key_code: Ints
    time: Ints


class KernelResult(NamedTuple):
    """One or more rows for each output, as `Program.slots` says, one column per spine row, in the
    spine's order.

    Shapes:
        bits: (slots, rows) int64 patterns, read through `floats` or `integers` as the program's
            `kinds` say; 0 where null.
        valid: (slots, rows) uint8, 0 where null.
        note: (2,) int64: first overflow (spine row times slots, plus output) or -1, edition of the
            kernel that answered.
    """

    bits: Ints
    valid: Bytes
    note: Ints

    def floats(self, slot: int) -> Floats:
        """The values of a row that holds floats, (rows,) float64."""
        row: Ints = self.bits[slot]
        return row.view(np.float64)

    def integers(self, slot: int) -> Ints:
        """The values of a row that holds integers, (rows,) int64."""
        row: Ints = self.bits[slot]
        return row

    @property
    def overflow(self) -> tuple[int, int] | None:
        """(spine row, output) of the first integer sum that does not fit int64, or None; such an
        answer must not be used.
        """
        first = int(self.note[0])
        return None if first < 0 else divmod(first, self.bits.shape[0])


def bits_of(column: ArrayLike) -> Ints:
    """A column as 64-bit patterns: floats by their IEEE bits, integers and booleans by value."""
    values = np.ascontiguousarray(column)
    if values.dtype.kind == "f":
        return values.astype(np.float64, copy=False).view(np.int64)
    return values.astype(np.int64, casting="safe", copy=False)


def read_only(array: Array) -> Array:
    """A view that cannot be written to, as columns of frames are: a kernel compiled for it takes
    both kinds.
    """
    view = array.view()
    view.flags.writeable = False
    return view
