"""What the kernel must answer, said as plainly as possible: filter every fact for every question, add Fractions, round once."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mainspring.features.kernel.program import Op, Output

__all__ = ["Fact", "answer_of", "bits_of_value"]

Value = float | int | None


@dataclass(frozen=True)
class Fact:
    """One row; facts of a key stand in total order."""

    key: int
    event_time: int
    visible_from: int
    visible_to: int
    values: tuple[Value, ...]


def answer_of(output: Output, facts: Sequence[Fact], key: int, time: int) -> Value:
    """The value of one output for one question; OverflowError when an integer sum does not fit int64."""
    seen = [f for f in facts if f.key == key and f.event_time < time and f.visible_from <= time < f.visible_to]
    if output.op is Op.LATEST:
        return seen[-1].values[output.column] if seen and (output.span is None or time < seen[-1].event_time + output.span) else None
    inside = [f for f in seen if output.span is None or time - output.span <= f.event_time]
    if output.op is Op.COUNT_ROWS:
        return len(inside)
    return aggregate_of(output.op, [v for f in inside if (v := f.values[output.column]) is not None])


def aggregate_of(op: Op, values: Sequence[float | int]) -> Value:
    """One aggregate of non-null values in total order."""
    if op is Op.COUNT:
        return len(values)
    if op is Op.SUM and not values:
        return 0
    if not values:
        return None
    if op is Op.LAST:
        return values[-1]
    if op in (Op.MIN, Op.MAX):
        nan = [v for v in values if math.isnan(v)]
        return math.nan if nan else (min if op is Op.MIN else max)(values, key=lambda v: (v, math.copysign(1.0, v)))
    return mean_or_sum(op, values)


def mean_or_sum(op: Op, values: Sequence[float | int]) -> Value:
    """An exact sum or mean, rounded once; NaN and infinities as IEEE 754 adds them."""
    special = [v for v in values if not math.isfinite(v)]
    if special:
        return sum(special)
    total = sum(map(Fraction, values), Fraction(0)) / (len(values) if op is Op.MEAN else 1)
    if op is Op.SUM and isinstance(values[0], int):
        if not -(2**63) <= total < 2**63:
            raise OverflowError
        return int(total)
    try:
        return float(total) + 0.0
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def bits_of_value(value: float | int) -> int:
    """The 64-bit pattern under which the kernel stores a value; every NaN is the same NaN."""
    if isinstance(value, int):
        return value
    return int(struct.unpack("<q", struct.pack("<d", math.nan if math.isnan(value) else value))[0])
