"""Which aggregates are wanted, and their translation into the small integer tables that the sweep reads.

Outputs share work: every (column, kind of state) is one *lane* however many outputs read it, and windows of equal width are one window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.exact_square import SQUARE_CELLS
from mainspring.features.kernel.exact_sum import CELLS
from mainspring.features.kernel.lane import WHOLE_ROW, Kind, Lane, LaneBook
from mainspring.features.kernel.sketch import DEFAULT_PRECISION

__all__ = [
    "FOREVER",
    "LISTS",
    "WHOLE_ROW",
    "Beyond",
    "Closed",
    "Kind",
    "Lane",
    "Op",
    "Output",
    "Program",
    "Sizes",
    "Tables",
    "Wanted",
    "compile_program",
    "reach_of",
]

FOREVER = 1 << 62

Closed = Literal["left", "right", "both"]
"""Which edges belong to a window of width w asked about at q: [q - w, q), (q - w, q] or [q - w, q]."""


class Op(IntEnum):
    """The aggregates that the sweep knows, in families that share a kind of state; their order is the sweep's.

    COUNT_ROWS counts facts, COUNT the non-null values of a column; nulls are ignored by all others but LATEST, which gives the newest fact's value as it
    stands.  Without a value counts and sums are 0, ANY false, ALL true, lists empty, the rest null.

    * SUM, MEAN, VAR are exact and rounded once, overflow to inf and never give -0; a NaN, or infinities of both signs, make them NaN, any infinity VAR.
      VAR has ddof 1 and is null below two values; STD is its square root, rounded once more.  ANY and ALL read booleans.
    * MIN and MAX are IEEE 754-2019 `minimum` and `maximum`: any NaN gives NaN, -0 is below +0.
    * DISTINCT counts different values, exactly up to a limit: -0 equals +0, and NaN itself.  APPROX_DISTINCT is a HyperLogLog's estimate.
    * FIRST and LAST, in total order, and LATEST keep every bit.  SINCE_LAST is q minus the event time of the newest value, or of the newest fact.
    """

    COUNT_ROWS = 0
    COUNT = 1
    ANY = 2
    ALL = 3
    SUM = 4
    MEAN = 5
    VAR = 6
    STD = 7
    MIN = 8
    MAX = 9
    FIRST = 10
    LAST = 11
    LATEST = 12
    SINCE_LAST = 13
    FIRST_K = 14
    LAST_K = 15
    TOP_K = 16
    BOTTOM_K = 17
    DISTINCT = 18
    APPROX_DISTINCT = 19
    QUANTILES = 20
    HISTOGRAM = 21
    VALUE_COUNTS = 22
    EWMA = 23
    SKEW = 24
    KURT = 25


class Beyond(IntEnum):
    """What DISTINCT answers beyond its limit: the limit, or what a HyperLogLog estimates."""

    SATURATE = 0
    ESTIMATE = 1


LISTS = frozenset({Op.FIRST_K, Op.LAST_K, Op.TOP_K, Op.BOTTOM_K})
"""Those whose answer may be shorter than `size`, and therefore begins with its length."""


@dataclass(frozen=True)
class Output:
    """One wanted aggregate.

    Args:
        op: What to compute.
        column: Index of the fact column; not read by COUNT_ROWS, and SINCE_LAST of `WHOLE_ROW` looks at facts whatever they hold.
        span: Width of the window in microseconds; for LATEST the time to live, event_time < q < event_time + span.  None: no limit.
        size: How many values it has at most: k, bins, or quantiles; 1 for a single value.
        parameters: What the op needs besides.
            DISTINCT: the limit up to which it is exact, and a `Beyond`.
            APPROX_DISTINCT: the precision, 4 … 18; the relative standard error is 1.04 / sqrt(2**precision).
    """

    op: Op
    column: int = WHOLE_ROW
    span: int | None = None
    size: int = 1
    parameters: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """How many rows of the answer it takes: one per value, and for a list one more, before them, with its length."""
        return self.size + (self.op in LISTS)


class Sizes(NamedTuple):
    """How much room the program needs: rows of the answer, cells of an additive lane, trees, multisets, and registers of the largest sketch."""

    height: int
    cells: int
    trees: int
    bags: int
    registers: int


class Tables(NamedTuple):
    """The program as the sweep reads it.

    Shapes:
        lanes: (lanes, 6) int64: see `LaneBook`.
        reach: (windows,) int64: a fact is inside when event_time >= q - reach; aggregated windows first, ascending, then those of LATEST alone.
        aggregated: how many of `reach` are aggregated windows.
        lag: 1 when a fact must have happened before q to be inside a window, 0 when it may happen at q.
        outputs: (outputs, 9) int64, see `Wanted`.
        parameters: (parameters,) int64, those of outputs and lanes one after the other.
        sizes: how much room it needs.
    """

    lanes: Ints
    reach: Ints
    aggregated: int
    lag: int
    outputs: Ints
    parameters: Ints
    sizes: Sizes


class Wanted(NamedTuple):
    """A row of `Tables.outputs`.

    Args:
        op: `Op`.
        lane: The lane that holds its state.
        window: Its window.
        tally: The lane that counts its values.
        column, is_float: What it reads.
        slot: Its first row in the answer.
        size: `Output.size`.
        offset: Where its parameters begin.
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


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled list of outputs.

    Output i answers in the rows `slots(i)` of `Answer.bits` and `Answer.valid`, whose 64 bits are read as `kinds[i]` says.  A single value takes one row.
    QUANTILES, HISTOGRAM and VALUE_COUNTS take `size` rows; quantiles of nothing are all null.  A list (FIRST_K, LAST_K, TOP_K, BOTTOM_K) takes one row
    more, in front: its length, an integer whatever the kind and never null; the rows after it are valid up to that length.
    """

    outputs: tuple[Output, ...]
    kinds: tuple[Kind, ...]
    closed: Closed
    tables: Tables

    def first_slot(self, output: int) -> int:
        """The first row of an output in the answer; of a list, its length."""
        return int(self.tables.outputs[output, Wanted._fields.index("slot")])

    def slots(self, output: int) -> range:
        """All rows of an output in the answer."""
        first = self.first_slot(output)
        return range(first, first + self.outputs[output].height)


def reach_of(output: Output, closed: Closed = "left") -> int:
    """How far back the output sees: the one place that knows how windows open (`event_time >= q - reach`)."""
    if output.span is None:
        return FOREVER
    return output.span - 1 if output.op is Op.LATEST or closed == "right" else output.span


def kind_of(output: Output, kinds: Sequence[Kind]) -> Kind:
    """How the result of an output is read, given the kinds of the fact columns."""
    match output.op:
        case Op.MEAN | Op.VAR | Op.STD | Op.QUANTILES | Op.EWMA | Op.SKEW | Op.KURT:
            return Kind.FLOAT
        case Op.SUM | Op.MIN | Op.MAX | Op.FIRST | Op.LAST | Op.LATEST | Op.FIRST_K | Op.LAST_K | Op.TOP_K | Op.BOTTOM_K:
            return kinds[output.column]
        case _:
            return Kind.INTEGER


def compile_program(outputs: Sequence[Output], *, kinds: Sequence[Kind], closed: Closed = "left") -> Program:
    """Translate outputs over fact columns of these kinds, whose windows close as said.

    Raises:
        ValueError: a span is not in 1 … 2**62, a column does not exist, an op lacks what it needs, or LATEST, which looks strictly before q, is to share a
            program with windows that do not; callers validate declarations before.
    """
    for output in outputs:
        check_output(output, kinds=kinds, closed=closed)
    windows = sorted({(output.op is Op.LATEST, reach_of(output, closed)) for output in outputs})
    lanes = LaneBook(kinds)
    rows, parameters, slot = [], list[int](), 0
    summed = {output.column for output in outputs if output.op in (Op.SUM, Op.MEAN, Op.VAR, Op.STD)}
    for output in outputs:
        column = WHOLE_ROW if output.op is Op.COUNT_ROWS else output.column
        kind = Kind.INTEGER if column == WHOLE_ROW else kinds[column]
        tally = lanes.number(column, Lane.SUM if column in summed else Lane.TALLY) if needs_tally(output) else 0
        window = windows.index((output.op is Op.LATEST, reach_of(output, closed)))
        lane = main_lane(output, lanes, tally=tally, offset=len(parameters))
        rows.append(Wanted(output.op, lane, window, tally, column, kind, slot, output.size, len(parameters)))
        parameters += output.parameters
        slot += output.height
    return Program(
        outputs=tuple(outputs),
        kinds=tuple(kind_of(output, kinds) for output in outputs),
        closed=closed,
        tables=Tables(
            lanes=table(lanes.rows, width=LaneBook.WIDTH),
            reach=np.array([reach for _, reach in windows], dtype=np.int64),
            aggregated=sum(not is_lookup for is_lookup, _ in windows),
            lag=int(closed == "left"),
            outputs=table(rows, width=len(Wanted._fields)),
            parameters=np.array(parameters, dtype=np.int64),
            sizes=Sizes(slot, SQUARE_CELLS if lanes.holds(Lane.SQUARES) else CELLS, lanes.trees, lanes.bags, most_registers(outputs)),
        ),
    )


def most_registers(outputs: Sequence[Output]) -> int:
    """Registers of the largest sketch that answers one of the outputs."""
    return 1 << max([DEFAULT_PRECISION, *(output.parameters[0] for output in outputs if output.op is Op.APPROX_DISTINCT)])


def needs_tally(output: Output) -> bool:
    """Whether the output must know how many values there are."""
    return output.op <= Op.MAX or output.op in LISTS or output.op is Op.QUANTILES


def main_lane(output: Output, lanes: LaneBook, *, tally: int, offset: int) -> int:
    """The lane that holds the output's state; its parameters begin at the offset."""
    match output.op:
        case Op.COUNT_ROWS | Op.COUNT | Op.SUM | Op.MEAN:
            return tally
        case Op.ANY | Op.ALL:
            return lanes.number(output.column, Lane.TRUTHS)
        case Op.VAR | Op.STD:
            return lanes.number(output.column, Lane.SQUARES)
        case Op.MIN:
            return lanes.number(output.column, Lane.LEAST)
        case Op.MAX:
            return lanes.number(output.column, Lane.GREATEST)
        case Op.FIRST:
            return lanes.number(output.column, Lane.OLDEST)
        case Op.LAST | Op.SINCE_LAST:
            return lanes.number(output.column, Lane.NEWEST)
        case Op.LATEST:
            return lanes.number(WHOLE_ROW, Lane.NEWEST)
        case Op.DISTINCT:
            return lanes.number(output.column, Lane.VALUES)
        case Op.APPROX_DISTINCT:
            return lanes.number(output.column, Lane.SKETCH, parameters=output.parameters, offset=offset)
        case _:
            raise ValueError(f"{output.op.name} is not in the kernel yet")


def check_output(output: Output, *, kinds: Sequence[Kind], closed: Closed) -> None:
    """Refuse an output that cannot be computed."""
    name = output.op.name
    if output.span is not None and not 0 < output.span <= FOREVER:
        raise ValueError(f"span {output.span} µs of {name} lies outside 1 … 2**62")
    if output.op is not Op.COUNT_ROWS and not 0 <= output.column < len(kinds) and (output.op, output.column) != (Op.SINCE_LAST, WHOLE_ROW):
        raise ValueError(f"{name} reads column {output.column} of {len(kinds)}")
    if output.op in (Op.ANY, Op.ALL) and kinds[output.column] is Kind.FLOAT:
        raise ValueError(f"{name} reads booleans, not floats")
    if output.op is Op.DISTINCT and not (len(output.parameters) == 2 and output.parameters[0] >= 0 and output.parameters[1] in list(Beyond)):
        raise ValueError(f"{name} needs a limit and what lies beyond, not {output.parameters}")
    if output.op is Op.APPROX_DISTINCT and not (len(output.parameters) == 1 and 4 <= output.parameters[0] <= 18):
        raise ValueError(f"{name} needs a precision in 4 … 18, not {output.parameters}")
    if output.op is Op.LATEST and closed != "left":
        raise ValueError(f"LATEST looks strictly before q and cannot share a program with windows closed {closed}")


def table(rows: Sequence[Sequence[int]], *, width: int) -> Ints:
    """Rows of integers as a (rows, width) int64 matrix, also when there is none."""
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)
