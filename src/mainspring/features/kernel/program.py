"""Which aggregates are wanted, and their translation into the small integer tables that the sweep reads.

Outputs share work: every (column, kind of state) is one *lane* however many outputs read it, and windows of equal width are one window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints

__all__ = ["FOREVER", "WHOLE_ROW", "Kind", "Lane", "Op", "Output", "Program", "Tables", "compile_program"]

FOREVER = 1 << 62
WHOLE_ROW = -1


class Kind(IntEnum):
    """What the 64 bits of a value mean; booleans are integers 0 and 1."""

    INTEGER = 0
    FLOAT = 1


class Op(IntEnum):
    """The aggregates that the sweep knows.

    COUNT_ROWS counts facts, COUNT the non-null values of a column; nulls are ignored by all others but LATEST, which gives the newest fact's value as it
    stands.  Without a value COUNT and SUM are 0, the rest null.  SUM and MEAN are exact and rounded once, overflow to inf and never give -0; a NaN, or
    infinities of both signs, make them NaN.  MIN and MAX are IEEE 754-2019 `minimum` and `maximum`: any NaN gives NaN, -0 is below +0.  LAST and LATEST
    keep every bit.
    """

    COUNT_ROWS = 0
    COUNT = 1
    SUM = 2
    MEAN = 3
    MIN = 4
    MAX = 5
    LAST = 6
    LATEST = 7
    VAR = 8
    STD = 9
    ANY = 10
    ALL = 11
    FIRST = 12
    SINCE_LAST = 13
    DISTINCT = 14
    FIRST_K = 15
    LAST_K = 16
    TOP_K = 17
    BOTTOM_K = 18
    QUANTILES = 19
    HISTOGRAM = 20
    VALUE_COUNTS = 21
    APPROX_DISTINCT = 22
    EWMA = 23
    SKEW = 24
    KURT = 25


class Lane(IntEnum):
    """Kinds of intermediate state; the first two are additive and can be subtracted exactly."""

    TALLY = 0
    SUM = 1
    NEWEST = 2
    LEAST = 3
    GREATEST = 4


@dataclass(frozen=True)
class Output:
    """One wanted aggregate.

    Args:
        op: What to compute.
        column: Index of the fact column; not read by COUNT_ROWS.
        span: Width of the window [q - span, q) in microseconds; for LATEST the time to live, event_time < q < event_time + span.  None: no limit.
        size: How many values it has at most: k, bins, or quantiles; 1 for a single value.
        parameters: What the op needs besides, as 64-bit patterns (floats by their bits): edges, ranks, a half-life, a bound.
    """

    op: Op
    column: int = WHOLE_ROW
    span: int | None = None
    size: int = 1
    parameters: tuple[int, ...] = ()


class Tables(NamedTuple):
    """The program as the sweep reads it.

    Shapes:
        lanes: (lanes, 3) int64: column or WHOLE_ROW, `Lane`, `Kind` of the column.
        reach: (windows,) int64: a fact is inside when event_time >= q - reach; aggregated windows first, ascending, then those of LATEST alone.
        aggregated: how many of `reach` are aggregated windows.
        outputs: (outputs, 6) int64: `Op`, lane, window, lane whose tally says whether there is a value, column, `Kind` of the column.
    """

    lanes: Ints
    reach: Ints
    aggregated: int
    outputs: Ints


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled list of outputs: `kinds[i]` says how the bits of output i are read."""

    outputs: tuple[Output, ...]
    kinds: tuple[Kind, ...]
    tables: Tables


def reach_of(output: Output) -> int:
    """How far back the output sees: the one place that knows how windows close (`event_time >= q - reach`; always `event_time < q`)."""
    if output.span is None:
        return FOREVER
    return output.span - 1 if output.op is Op.LATEST else output.span


def kind_of(output: Output, kinds: Sequence[Kind]) -> Kind:
    """How the result of an output is read, given the kinds of the fact columns."""
    match output.op:
        case Op.COUNT_ROWS | Op.COUNT:
            return Kind.INTEGER
        case Op.MEAN:
            return Kind.FLOAT
        case Op.SUM | Op.MIN | Op.MAX | Op.LAST | Op.LATEST:
            return kinds[output.column]


def compile_program(outputs: Sequence[Output], *, kinds: Sequence[Kind]) -> Program:
    """Translate outputs over fact columns of these kinds.

    Raises:
        ValueError: a span is not in 1 … 2**62, or a column does not exist; callers validate declarations before.
    """
    for output in outputs:
        check_output(output, columns=len(kinds))
    aggregated = sorted({reach_of(output) for output in outputs if output.op is not Op.LATEST})
    lookups = sorted({reach_of(output) for output in outputs if output.op is Op.LATEST})
    reaches = [*aggregated, *lookups]
    lanes = LaneBook(outputs, kinds)
    rows = []
    for output in outputs:
        window = (len(aggregated) + lookups.index(reach_of(output))) if output.op is Op.LATEST else aggregated.index(reach_of(output))
        kind = Kind.INTEGER if output.op is Op.COUNT_ROWS else kinds[output.column]
        rows.append([output.op, lanes.main(output), window, lanes.tally(output), output.column, kind])
    return Program(
        outputs=tuple(outputs),
        kinds=tuple(kind_of(output, kinds) for output in outputs),
        tables=Tables(table(lanes.rows, width=3), np.array(reaches, dtype=np.int64), len(aggregated), table(rows, width=6)),
    )


class LaneBook:
    """Numbers the lanes that a list of outputs needs, each once."""

    def __init__(self, outputs: Sequence[Output], kinds: Sequence[Kind]) -> None:
        self.rows: list[list[int]] = []
        self._kinds = kinds
        self._summed = {output.column for output in outputs if output.op in (Op.SUM, Op.MEAN)}

    def main(self, output: Output) -> int:
        """The lane that holds the output's state."""
        match output.op:
            case Op.COUNT_ROWS:
                return self._lane(WHOLE_ROW, Lane.TALLY)
            case Op.COUNT | Op.SUM | Op.MEAN:
                return self.tally(output)
            case Op.MIN:
                return self._lane(output.column, Lane.LEAST)
            case Op.MAX:
                return self._lane(output.column, Lane.GREATEST)
            case Op.LAST:
                return self._lane(output.column, Lane.NEWEST)
            case Op.LATEST:
                return self._lane(WHOLE_ROW, Lane.NEWEST)

    def tally(self, output: Output) -> int:
        """The lane that counts the output's non-null facts: its sum where there is one, or a bare tally."""
        if output.op in (Op.LAST, Op.LATEST):
            return self.main(output)
        if output.op is Op.COUNT_ROWS:
            return self.main(output)
        return self._lane(output.column, Lane.SUM if output.column in self._summed else Lane.TALLY)

    def _lane(self, column: int, lane: Lane) -> int:
        row = [column, int(lane), Kind.INTEGER if column == WHOLE_ROW else int(self._kinds[column])]
        if row not in self.rows:
            self.rows.append(row)
        return self.rows.index(row)


def check_output(output: Output, *, columns: int) -> None:
    """Refuse an output that cannot be computed."""
    if output.span is not None and not 0 < output.span <= FOREVER:
        raise ValueError(f"span {output.span} µs of {output.op.name} lies outside 1 … 2**62")
    if output.op is not Op.COUNT_ROWS and not 0 <= output.column < columns:
        raise ValueError(f"{output.op.name} reads column {output.column} of {columns}")


def table(rows: Sequence[Sequence[int]], *, width: int) -> Ints:
    """Rows of integers as a (rows, width) int64 matrix, also when there is none."""
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)
