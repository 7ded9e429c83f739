"""Which aggregates are wanted, and their translation into the small integer tables that the sweep
reads.

Outputs share work: every (column, kind of state) is one *lane* however many outputs read it, and
windows of equal width are one window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints, bits_of
from mainspring.features.kernel.lane import WHOLE_ROW, Lane, LaneBook, ValueKind
from mainspring.features.kernel.output import (
    DEFAULT_PRECISION,
    LISTS,
    PARTS,
    UNBOUNDED_SPAN,
    AggregateOp,
    ClosedEdges,
    OutOfRangeMode,
    OutputSpec,
    check_output,
    double_from_bits,
    reach_of,
    value_kind_of,
)

__all__ = [
    "LISTS",
    "UNBOUNDED_SPAN",
    "WHOLE_ROW",
    "AggregateOp",
    "ClosedEdges",
    "Lane",
    "OutOfRangeMode",
    "OutputSpec",
    "Program",
    "Sizes",
    "Tables",
    "ValueKind",
    "Wanted",
    "compile_program",
    "reach_of",
]

NO_LANE = 0
"""What stands for the lane of an output that reads facts themselves; it is never looked at."""

LANE_OF = {
    AggregateOp.ANY: Lane.TRUTHS,
    AggregateOp.ALL: Lane.TRUTHS,
    AggregateOp.VAR: Lane.SQUARES,
    AggregateOp.STD: Lane.SQUARES,
    AggregateOp.MIN: Lane.LEAST,
    AggregateOp.MAX: Lane.GREATEST,
    AggregateOp.FIRST: Lane.OLDEST,
    AggregateOp.LAST: Lane.NEWEST,
    AggregateOp.LATEST: Lane.NEWEST,
    AggregateOp.SINCE_LAST: Lane.NEWEST,
    AggregateOp.FIRST_K: Lane.OLDEST,
    AggregateOp.LAST_K: Lane.RECENT,
    AggregateOp.TOP_K: Lane.GREATEST,
    AggregateOp.BOTTOM_K: Lane.LEAST,
    AggregateOp.DISTINCT: Lane.VALUES,
    AggregateOp.APPROX_DISTINCT: Lane.SKETCH,
    AggregateOp.QUANTILES: Lane.BUCKETS,
    AggregateOp.HISTOGRAM: Lane.BINS,
    AggregateOp.VALUE_COUNTS: Lane.LISTED,
}
"""Where an output's state is, if not in what counts its values."""

FAST = frozenset(
    {*(op for op in AggregateOp if op <= AggregateOp.SINCE_LAST)}
    - {AggregateOp.VAR, AggregateOp.STD}
)
"""Those that have a fast path."""

PARAMETRISED = (Lane.SKETCH, Lane.BINS, Lane.LISTED)
"""Lanes that depend on their outputs' parameters."""

QUIET_NAN = 0x7FF8 << 48
ALL_BUT_SIGN = (1 << 63) - 1


class Sizes(NamedTuple):
    """How much room the program needs.

    Args:
        height: Rows of the answer.
        squares: Whether there are sums of squares.
        trees, bags: How many trees and multisets there are.
        codes: The most that a multiset has from the start.
        registers: Of the largest sketch.
        ranks: The length of the longest list.
    """

    height: int
    squares: bool
    trees: int
    bags: int
    codes: int
    registers: int
    ranks: int


class Tables(NamedTuple):
    """The program as the sweep reads it.

    Shapes:
        lanes: (lanes, 6) int64: see `LaneBook`.
        reach: (windows,) int64: a fact is inside when event_time >= q - reach; aggregated windows
            first, ascending, then those of LATEST alone.
        aggregated: how many of `reach` are aggregated windows.
        lag: 1 when a fact must have happened before q to be inside a window, 0 when it may happen
            at q.
        outputs: (outputs, 10) int64, see `Wanted`.
        parameters: (parameters,) int64, those of outputs and lanes one after the other.
        sizes: how much room it needs.
        has_fast_path: whether the fast path (see `stable`) knows every output.
    """

    lanes: Ints
    reach: Ints
    aggregated: int
    lag: int
    outputs: Ints
    parameters: Ints
    sizes: Sizes
    has_fast_path: bool


class Wanted(NamedTuple):
    """A row of `Tables.outputs`.

    Args:
        op: `AggregateOp`.
        lane: The lane that holds its state.
        window: Its window.
        tally: The lane that counts its values.
        column, is_float: What it reads.
        slot: Its first row in the answer.
        size: `OutputSpec.size`.
        offset: Where its parameters begin.
        number: Which of the program's outputs it is.
    """

    op: int
    lane: int
    window: int
    tally: int
    column: int
    is_float: int
    slot: int
    size: int
    offset: int
    number: int


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled list of outputs.

    Output i answers in the rows `slots(i)` of `Answer.bits` and `Answer.valid`, whose 64 bits are
    read as `kinds[i]` says.  A single value takes one row. QUANTILES, HISTOGRAM and VALUE_COUNTS
    take `size` rows; quantiles of nothing are all null.  A list (FIRST_K, LAST_K, TOP_K, BOTTOM_K)
    takes one row more, in front: its length, an integer whatever the kind and never null; the rows
    after it are valid up to that length.

    `passes` are the tables that the sweep goes through one after the other, each over all
    requests: those outputs that have a fast path, and the others. `tables` has all of them.
    """

    outputs: tuple[OutputSpec, ...]
    kinds: tuple[ValueKind, ...]
    closed: ClosedEdges
    tables: Tables
    passes: tuple[Tables, ...]

    def first_slot(self, output: int) -> int:
        """The first row of an output in the answer; of a list, its length."""
        return int(self.tables.outputs[output, Wanted._fields.index("slot")])

    def slots(self, output: int) -> range:
        """All rows of an output in the answer."""
        first = self.first_slot(output)
        return range(first, first + self.outputs[output].height)


def compile_program(
    outputs: Sequence[OutputSpec], *, kinds: Sequence[ValueKind], closed: ClosedEdges = "left"
) -> Program:
    """Translate outputs over fact columns of these kinds, whose windows close as said.

    Raises:
        ValueError: a span is not in 1 … 2**62, a column does not exist, an op lacks what it needs,
            or LATEST, which looks strictly before q, is to share a program with windows that do
            not; callers validate declarations before.
    """
    for output in outputs:
        check_output(output, kinds=kinds, closed=closed)
    slots = accumulate((output.height for output in outputs), initial=0)
    placed = [
        Placed(number, slot, output)
        for number, (slot, output) in enumerate(zip(slots, outputs, strict=False))
    ]
    # Two passes rather than one: a deviation beside a mean must not take the mean off the fast
    # path.
    parts = [
        [each for each in placed if (each.output.op in FAST) is has_fast_path]
        for has_fast_path in (True, False)
    ]
    return Program(
        outputs=tuple(outputs),
        kinds=tuple(value_kind_of(output, kinds) for output in outputs),
        closed=closed,
        tables=tables_of(placed, kinds=kinds, closed=closed),
        passes=tuple(tables_of(part, kinds=kinds, closed=closed) for part in parts if part),
    )


class Placed(NamedTuple):
    """An output, which one it is, and its first row in the answer."""

    number: int
    slot: int
    output: OutputSpec


def tables_of(
    placed: Sequence[Placed], *, kinds: Sequence[ValueKind], closed: ClosedEdges
) -> Tables:
    """The tables of some or all outputs of a program."""
    outputs = [output for _, _, output in placed]
    # Windows of aggregates first and ascending: the sweep finds those that lost a fact by one walk.
    windows = sorted(
        {(output.op is AggregateOp.LATEST, reach_of(output, closed)) for output in outputs}
    )
    # A sum counts its values itself, so its column needs no tally beside it.
    summed = {
        output.column
        for output in outputs
        if output.op in (AggregateOp.SUM, AggregateOp.MEAN, AggregateOp.VAR, AggregateOp.STD)
    }
    lanes = LaneBook(kinds)
    rows, parameters = [], list[int]()
    for number, slot, output in placed:
        column = WHOLE_ROW if output.op is AggregateOp.COUNT_ROWS else output.column
        kind = ValueKind.INTEGER if column == WHOLE_ROW else kinds[column]
        stored = stored_parameters(output, kind)
        tally = (
            lanes.number(column, Lane.SUM if column in summed else Lane.TALLY)
            if needs_tally(output)
            else NO_LANE
        )
        lane = (
            main_lane(output, lanes, stored, offset=len(parameters))
            if output.op in LANE_OF
            else tally
        )
        window = windows.index((output.op is AggregateOp.LATEST, reach_of(output, closed)))
        rows.append(
            Wanted(
                output.op,
                lane,
                window,
                tally,
                column,
                kind,
                slot,
                output.size,
                len(parameters),
                number,
            )
        )
        parameters += stored
    return Tables(
        lanes=table(lanes.rows, width=LaneBook.WIDTH),
        reach=np.array([reach for _, reach in windows], dtype=np.int64),
        aggregated=sum(not is_lookup for is_lookup, _ in windows),
        lag=int(closed == "left"),
        outputs=table(rows, width=len(Wanted._fields)),
        parameters=np.array(parameters, dtype=np.int64),
        sizes=sizes_of(outputs, lanes),
        has_fast_path=FAST.issuperset(output.op for output in outputs),
    )


def needs_tally(output: OutputSpec) -> bool:
    """Whether the output must know how many values there are."""
    return output.op <= AggregateOp.MAX or output.op in LISTS or output.op is AggregateOp.QUANTILES


def main_lane(
    output: OutputSpec, lanes: LaneBook, parameters: Sequence[int], *, offset: int
) -> int:
    """The lane that holds the output's state."""
    lane = LANE_OF[output.op]
    column = WHOLE_ROW if output.op is AggregateOp.LATEST else output.column
    return lanes.number(
        column, lane, parameters=parameters if lane in PARAMETRISED else (), offset=offset
    )


def stored_parameters(output: OutputSpec, kind: ValueKind) -> tuple[int, ...]:
    """Parameters as the sweep compares them: shares as whole `PARTS`, edges as ranks, listed values
    as the pattern that stands for all equal ones.
    """
    match output.op:
        case AggregateOp.QUANTILES:
            return tuple(round(double_from_bits(bits) * PARTS) for bits in output.parameters)
        case AggregateOp.HISTOGRAM if kind is ValueKind.FLOAT:
            return tuple(
                bits ^ ALL_BUT_SIGN if bits < 0 else bits
                for bits in map(canonical_pattern, output.parameters)
            )
        case AggregateOp.VALUE_COUNTS if kind is ValueKind.FLOAT:
            return tuple(map(canonical_pattern, output.parameters))
        case _:
            return output.parameters


def canonical_pattern(bits: int) -> int:
    """The pattern that stands for all doubles equal to this one: +0 for both zeros, one NaN."""
    value = double_from_bits(bits)
    return QUIET_NAN if math.isnan(value) else int(bits_of([value + 0.0])[0])


def sizes_of(outputs: Sequence[OutputSpec], lanes: LaneBook) -> Sizes:
    """How much room the outputs and their lanes need."""
    return Sizes(
        height=sum(output.height for output in outputs),
        squares=lanes.holds(Lane.SQUARES),
        trees=lanes.trees,
        bags=lanes.bags,
        codes=max(
            (
                output.size
                for output in outputs
                if output.op in (AggregateOp.HISTOGRAM, AggregateOp.VALUE_COUNTS)
            ),
            default=0,
        ),
        registers=1
        << max(
            [
                DEFAULT_PRECISION,
                *(
                    output.parameters[0]
                    for output in outputs
                    if output.op is AggregateOp.APPROX_DISTINCT
                ),
            ]
        ),
        ranks=max((output.size for output in outputs if output.op in LISTS), default=0),
    )


def table(rows: Sequence[Sequence[int]], *, width: int) -> Ints:
    """Rows of integers as a (rows, width) int64 matrix, also when there is none."""
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)
