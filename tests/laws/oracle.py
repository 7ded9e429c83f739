"""What the kernel must answer, said as plainly as possible: filter every fact for every question,
add Fractions, round once.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mainspring.features.kernel.program import (
    WHOLE_ROW,
    AggregateOp,
    ClosedEdges,
    OutOfRangeMode,
    OutputSpec,
)
from tests.laws.approximate_oracle import (
    bucket_middle,
    decayed_mean,
    hyperloglog_of,
    standard_moment,
)

__all__ = ["Fact", "answer_of", "bits_of_value", "value_of_bits"]

Value = float | int | None


@dataclass(frozen=True)
class Fact:
    """One row; facts of a key stand in total order."""

    key: int
    event_time: int
    visible_from: int
    visible_to: int
    values: tuple[Value, ...]


def answer_of(
    output: OutputSpec, facts: Sequence[Fact], key: int, time: int, closed: ClosedEdges = "left"
) -> list[Value]:
    """The rows of one output for one question; OverflowError when an integer sum does not fit
    int64.
    """
    happened = [
        f
        for f in facts
        if f.key == key and (f.event_time < time or (f.event_time == time and closed != "left"))
    ]
    seen = [f for f in happened if f.visible_from <= time < f.visible_to]
    if output.op is AggregateOp.LATEST:
        return [
            seen[-1].values[output.column]
            if seen and (output.span is None or time < seen[-1].event_time + output.span)
            else None
        ]
    opens = -math.inf if output.span is None else time - output.span + (closed == "right")
    inside = [f for f in seen if opens <= f.event_time]
    if output.op is AggregateOp.COUNT_ROWS:
        return [len(inside)]
    counted = (
        inside
        if output.column == WHOLE_ROW
        else [f for f in inside if f.values[output.column] is not None]
    )
    if output.op is AggregateOp.SINCE_LAST:
        return [time - counted[-1].event_time if counted else None]
    return rows_of(
        output, counted, [v for f in counted if (v := f.values[output.column]) is not None]
    )


def rows_of(
    output: OutputSpec, counted: Sequence[Fact], values: Sequence[float | int]
) -> list[Value]:
    """The rows of one output over facts that count, in total order."""
    size, parameters = output.size, output.parameters
    match output.op:
        case AggregateOp.FIRST_K | AggregateOp.LAST_K | AggregateOp.TOP_K | AggregateOp.BOTTOM_K:
            listed = list(chosen(output.op, values, size))
            return [len(listed), *listed, *[None] * (size - len(listed))]
        case AggregateOp.DISTINCT:
            count = len(set(map(canonical, values)))
            saturated = count <= parameters[0] or parameters[1] == OutOfRangeMode.SATURATE
            return [
                min(count, parameters[0])
                if saturated
                else hyperloglog_of(map(canonical, values), 12)
            ]
        case AggregateOp.APPROX_DISTINCT:
            return [hyperloglog_of(map(canonical, values), parameters[0])]
        case AggregateOp.QUANTILES:
            return [
                quantile_of(values, value_of_bits(bits)) if values else None for bits in parameters
            ]
        case AggregateOp.HISTOGRAM:
            edges = [
                bits if isinstance(value, int) else value_of_bits(bits)
                for value in values[:1]
                for bits in parameters
            ]
            bins = [
                sum(edge <= value for edge in edges) for value in values if not math.isnan(value)
            ]
            return [bins.count(place) for place in range(size)]
        case AggregateOp.VALUE_COUNTS:
            listed = [
                canonical(bits if isinstance(value, int) else value_of_bits(bits))
                for value in values[:1]
                for bits in parameters
            ]
            places = [
                listed.index(canonical(value)) if canonical(value) in listed else size - 1
                for value in values
            ]
            return [places.count(place) for place in range(size)]
        case AggregateOp.EWMA:
            return [
                decayed_mean(
                    [f.event_time for f in counted], list(map(float, values)), parameters[0]
                )
            ]
        case AggregateOp.SKEW | AggregateOp.KURT:
            return [
                standard_moment(list(map(float, values)), 3 if output.op is AggregateOp.SKEW else 4)
            ]
        case op:
            return [AGGREGATES[op](values) if values else EMPTY[op]]


def chosen(op: AggregateOp, values: Sequence[float | int], size: int) -> Sequence[float | int]:
    """The values that a list holds."""
    if op in (AggregateOp.FIRST_K, AggregateOp.LAST_K):
        return values[:size] if op is AggregateOp.FIRST_K else values[-size:]
    nan = [v for v in values if math.isnan(v)]
    ordered = sorted(
        (v for v in values if not math.isnan(v)),
        key=lambda v: (v, math.copysign(1.0, v)),
        reverse=op is AggregateOp.TOP_K,
    )
    return [*nan, *ordered][:size]


def quantile_of(values: Sequence[float | int], share: float) -> float:
    """The nearest rank's bucket: 64 between two powers of two."""
    if any(map(math.isnan, values)):
        return math.nan
    rank = max(math.ceil(Fraction(round(share * 10**9), 10**9) * len(values)), 1)
    return bucket_middle(sorted(map(float, values))[rank - 1])


def canonical(value: float | int) -> int:
    """One pattern for all equal values."""
    return bits_of_value(value + 0.0 if isinstance(value, float) else value)


def extreme_of(values: Sequence[float | int], choose: Callable[..., float | int]) -> float | int:
    """IEEE 754-2019 `minimum` or `maximum`."""
    nan = [v for v in values if math.isnan(v)]
    return nan[0] if nan else choose(values, key=lambda v: (v, math.copysign(1.0, v)))


def sum_of(values: Sequence[float | int]) -> float | int:
    """The exact sum, rounded once; NaN and infinities as IEEE 754 adds them."""
    special = [v for v in values if not math.isfinite(v)]
    if special:
        return sum(special)
    total = sum(map(Fraction, values), Fraction(0))
    if isinstance(values[0], float):
        return rounded(total)
    if not -(2**63) <= total < 2**63:
        raise OverflowError
    return int(total)


def mean_of(values: Sequence[float | int]) -> float:
    """The exact mean, rounded once; NaN and infinities as IEEE 754 adds them."""
    special = [v for v in values if not math.isfinite(v)]
    return (
        sum(special) if special else rounded(sum(map(Fraction, values), Fraction(0)) / len(values))
    )


def variance_of(values: Sequence[float | int]) -> float | None:
    """The exact variance with ddof 1, rounded once; NaN when a value is not finite."""
    if len(values) < 2:
        return None
    if not all(map(math.isfinite, values)):
        return math.nan
    mean = sum(map(Fraction, values), Fraction(0)) / len(values)
    return rounded(sum((Fraction(v) - mean) ** 2 for v in values) / (len(values) - 1))


def deviation_of(values: Sequence[float | int]) -> float | None:
    """The square root of the rounded variance, rounded once more."""
    variance = variance_of(values)
    return None if variance is None else math.sqrt(variance)


def rounded(exact: Fraction) -> float:
    """The nearest double."""
    try:
        return float(exact) + 0.0
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


AGGREGATES: dict[AggregateOp, Callable[[Sequence[float | int]], Value]] = {
    AggregateOp.COUNT: len,
    AggregateOp.ANY: lambda values: int(any(values)),
    AggregateOp.ALL: lambda values: int(all(values)),
    AggregateOp.SUM: sum_of,
    AggregateOp.MEAN: mean_of,
    AggregateOp.VAR: variance_of,
    AggregateOp.STD: deviation_of,
    AggregateOp.MIN: lambda values: extreme_of(values, min),
    AggregateOp.MAX: lambda values: extreme_of(values, max),
    AggregateOp.FIRST: lambda values: values[0],
    AggregateOp.LAST: lambda values: values[-1],
}
EMPTY: dict[AggregateOp, Value] = dict.fromkeys(AGGREGATES) | {
    AggregateOp.COUNT: 0,
    AggregateOp.ANY: 0,
    AggregateOp.ALL: 1,
    AggregateOp.SUM: 0,
}


def bits_of_value(value: float | int) -> int:
    """The 64-bit pattern under which the kernel stores a value; every NaN is the same NaN."""
    if isinstance(value, int):
        return value
    return int(struct.unpack("<q", struct.pack("<d", math.nan if math.isnan(value) else value))[0])


def value_of_bits(bits: int) -> float:
    """The double that has this pattern."""
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
