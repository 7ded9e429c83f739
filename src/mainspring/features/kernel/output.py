"""The aggregates that can be wanted, and what each needs."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Literal

from mainspring.features.kernel.lane import WHOLE_ROW, ValueKind

__all__ = [
    "DEFAULT_PRECISION",
    "LISTS",
    "PARTS",
    "UNBOUNDED_SPAN",
    "AggregateOp",
    "ClosedEdges",
    "OutOfRangeMode",
    "OutputSpec",
    "check_output",
    "double_from_bits",
    "reach_of",
    "value_kind_of",
]

UNBOUNDED_SPAN = 1 << 62
DEFAULT_PRECISION = 12
"""Of the HyperLogLog that DISTINCT answers with beyond its limit, if it is to estimate."""

PARTS = 1_000_000_000
"""QUANTILES takes shares to the nearest such part of one."""

ClosedEdges = Literal["left", "right", "both"]
"""Which edges belong to a window of width w at prediction time q: [q - w, q), (q - w, q] or [q - w,
q].
"""


class AggregateOp(IntEnum):
    """The aggregates that the sweep knows, in families that share a kind of state; their order is
    the sweep's.

    COUNT_ROWS counts facts, COUNT the non-null values of a column; nulls are ignored by all others
    but LATEST, which gives the newest fact's value as it stands.  Without a value counts and sums
    are 0, ANY false, ALL true, lists empty, the rest null.

    * SUM, MEAN, VAR are exact and rounded once, overflow to inf and never give -0; a NaN, or
      infinities of both signs, make them NaN, any infinity VAR. VAR has ddof 1 and is null below
      two values; STD is its square root, rounded once more.  ANY and ALL read booleans.
    * MIN and MAX are IEEE 754-2019 `minimum` and `maximum`: any NaN gives NaN, -0 is below +0.
    * DISTINCT counts different values, exactly up to a limit: -0 equals +0, and NaN itself.
      APPROX_DISTINCT is a HyperLogLog's estimate.
    * QUANTILES are nearest ranks, ceil(share * number) from the least value on, and at least 1; a
      value is given within 2**-7 of itself, zero and infinities exactly.  Any NaN makes them NaN.
    * HISTOGRAM counts values below the first edge, from each edge to before the next, and from the
      last edge on; NaN counts nowhere.  VALUE_COUNTS counts the listed values, and all others
      together.
    * EWMA, SKEW and KURT are *ordered*: applied in total order by a fixed sequence of IEEE
      operations (see `ordered`); an integer is first rounded to a double. EWMA is the mean weighted
      by 2**-(age / half-life).  SKEW (g1) is null below three values, KURT (g2, in excess) below
      four, both where all are equal.
    * FIRST and LAST, in total order, and LATEST keep every bit.  SINCE_LAST is q minus the event
      time of the newest value, or of the newest fact.
    * FIRST_K and LAST_K list values in total order, oldest first; TOP_K and BOTTOM_K the greatest
      and the least, best first, in the order of MAX and MIN, where NaN is best.
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


class OutOfRangeMode(IntEnum):
    """What DISTINCT answers beyond its limit: the limit, or what a HyperLogLog estimates."""

    SATURATE = 0
    ESTIMATE = 1


LISTS = frozenset(
    {AggregateOp.FIRST_K, AggregateOp.LAST_K, AggregateOp.TOP_K, AggregateOp.BOTTOM_K}
)
"""Those whose answer may be shorter than `size`, and therefore begins with its length."""


@dataclass(frozen=True)
class OutputSpec:
    """One wanted aggregate.

    Args:
        op: What to compute.
        column: Index of the fact column; not read by COUNT_ROWS, and SINCE_LAST of `WHOLE_ROW`
            looks at facts whatever they hold.
        span: Width of the window in microseconds; for LATEST the time to live, event_time < q <
            event_time + span.  None: no limit.
        size: How many values it has at most: k, bins, or quantiles; 1 for a single value.
        parameters: What the op needs besides. DISTINCT: the limit up to which it is exact, and a
            `OutOfRangeMode`. APPROX_DISTINCT: the precision, 4 … 18; the relative standard error is
            1.04 / sqrt(2**precision). QUANTILES: `size` shares in 0 … 1, doubles, which are taken
            to nine decimals. HISTOGRAM: `size` - 1 ascending edges of the column's kind.
            VALUE_COUNTS: `size` - 1 different values of the column. EWMA: the half-life in
            microseconds.
    """

    op: AggregateOp
    column: int = WHOLE_ROW
    span: int | None = None
    size: int = 1
    parameters: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """How many rows of the answer it takes: one per value, and for a list one more, before
        them, with its length.
        """
        return self.size + (self.op in LISTS)


def reach_of(output: OutputSpec, closed: ClosedEdges = "left") -> int:
    """How far back the output sees: the one place that knows how windows open (`event_time >= q -
    reach`).
    """
    if output.span is None:
        return UNBOUNDED_SPAN
    # Times are whole microseconds: an open end is the closed one a microsecond further on.
    return output.span - 1 if output.op is AggregateOp.LATEST or closed == "right" else output.span


def value_kind_of(output: OutputSpec, kinds: Sequence[ValueKind]) -> ValueKind:
    """How the result of an output is read, given the kinds of the fact columns."""
    match output.op:
        case (
            AggregateOp.MEAN
            | AggregateOp.VAR
            | AggregateOp.STD
            | AggregateOp.QUANTILES
            | AggregateOp.EWMA
            | AggregateOp.SKEW
            | AggregateOp.KURT
        ):
            return ValueKind.FLOAT
        case (
            AggregateOp.SUM
            | AggregateOp.MIN
            | AggregateOp.MAX
            | AggregateOp.FIRST
            | AggregateOp.LAST
            | AggregateOp.LATEST
            | AggregateOp.FIRST_K
            | AggregateOp.LAST_K
            | AggregateOp.TOP_K
            | AggregateOp.BOTTOM_K
        ):
            return kinds[output.column]
        case _:
            return ValueKind.INTEGER


def check_output(output: OutputSpec, *, kinds: Sequence[ValueKind], closed: ClosedEdges) -> None:
    """Refuse an output that cannot be computed."""
    name = output.op.name
    if output.span is not None and not 0 < output.span <= UNBOUNDED_SPAN:
        raise ValueError(f"span {output.span} µs of {name} lies outside 1 … 2**62")
    if (
        output.op is not AggregateOp.COUNT_ROWS
        and not 0 <= output.column < len(kinds)
        and (output.op, output.column) != (AggregateOp.SINCE_LAST, WHOLE_ROW)
    ):
        raise ValueError(f"{name} reads column {output.column} of {len(kinds)}")
    if output.op in (AggregateOp.ANY, AggregateOp.ALL) and kinds[output.column] is ValueKind.FLOAT:
        raise ValueError(f"{name} reads booleans, not floats")
    if output.op is AggregateOp.LATEST and closed != "left":
        raise ValueError(
            f"LATEST looks strictly before q and cannot share a program with windows "
            f"closed {closed}"
        )
    if not has_what_it_needs(output, kinds):
        raise ValueError(
            f"{name} of size {output.size} cannot do with parameters {output.parameters}"
        )


def has_what_it_needs(output: OutputSpec, kinds: Sequence[ValueKind]) -> bool:
    """Whether size and parameters are as `OutputSpec` says."""
    size, parameters = output.size, output.parameters
    match output.op:
        case AggregateOp.DISTINCT:
            return (
                size == 1
                and len(parameters) == 2
                and parameters[0] >= 0
                and parameters[1] in list(OutOfRangeMode)
            )
        case AggregateOp.APPROX_DISTINCT:
            return size == 1 and len(parameters) == 1 and 4 <= parameters[0] <= 18
        case AggregateOp.QUANTILES:
            return size == len(parameters) >= 1 and all(
                0.0 <= double_from_bits(bits) <= 1.0 for bits in parameters
            )
        case AggregateOp.HISTOGRAM:
            edges = (
                parameters
                if kinds[output.column] is ValueKind.INTEGER
                else list(map(double_from_bits, parameters))
            )
            return size == len(parameters) + 1 and all(
                edge < following for edge, following in pairwise(edges)
            )
        case AggregateOp.VALUE_COUNTS:
            return size == len(parameters) + 1 == len(set(parameters)) + 1
        case AggregateOp.EWMA:
            return size == 1 and len(parameters) == 1 and parameters[0] > 0
        case AggregateOp.FIRST_K | AggregateOp.LAST_K | AggregateOp.TOP_K | AggregateOp.BOTTOM_K:
            return size >= 1 and not parameters
        case _:
            return size == 1 and not parameters


def double_from_bits(bits: int) -> float:
    """The double that has these 64 bits."""
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
