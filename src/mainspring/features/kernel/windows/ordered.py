"""The aggregates that depend on the order of their additions: facts are applied one by one in total
order, in plain double arithmetic.

Here alone the kernel adds and multiplies floats, and therefore these are called *ordered*, not
exact: the sequence of IEEE operations is fixed and written out, so that every caller gets the same
bits.  They call no mathematical library, whose last bits differ between platforms.  Each costs one
or two walks over the facts of its window per request.
"""

import math
from typing import Final

from mainspring.features.kernel.arrays import EVENT_TIME
from mainspring.features.kernel.jit import compiled_part, double_of_bits
from mainspring.features.kernel.order import lower_bound
from mainspring.features.kernel.output import AggregateOp
from mainspring.features.kernel.program import Wanted
from mainspring.features.kernel.windows.state import FIRST, LAG, STOP, SweepState, is_seen

__all__ = ["decayed_mean", "standard_moment"]

NOTHING_LEFT: Final = 1100.0
"""2**-1100 is 0."""


@compiled_part
def halves(age: float) -> float:
    """2**-age for an age of at least 0, within one unit in the last place; exact for whole numbers.

    The fraction, in -0.5 … 0.5, goes through the Taylor polynomial of 2**x of degree 13, by
    Horner's rule; its remainder is below 2**-57.
    """
    if age >= NOTHING_LEFT:
        return 0.0
    whole = int(age + 0.5)
    part = float(whole) - age
    # Written out and not a loop over a table, so that every compiler sees the same sequence of
    # operations.
    total = 1.3691488853904128e-12
    total = total * part + 2.5678435993488206e-11
    total = total * part + 4.4455382718708116e-10
    total = total * part + 7.054911620801123e-09
    total = total * part + 1.01780860092397e-07
    total = total * part + 1.3215486790144309e-06
    total = total * part + 1.5252733804059841e-05
    total = total * part + 0.00015403530393381608
    total = total * part + 0.0013333558146428443
    total = total * part + 0.009618129107628477
    total = total * part + 0.05550410866482158
    total = total * part + 0.24022650695910072
    total = total * part + 0.6931471805599453
    total = total * part + 1.0
    # Two steps, because 2**-whole itself may be too small for a normal double.
    return total * power(whole >> 1) * power(whole - (whole >> 1))


@compiled_part
def power(halvings: int) -> float:
    """2**-halvings, for 0 … 1022."""
    return double_of_bits((1023 - halvings) << 52)


@compiled_part
def last_position(state: SweepState, window: int, time: int) -> int:
    """Where the facts of a window end: before the first that has not happened yet."""
    return lower_bound(
        state.times,
        EVENT_TIME,
        state.windows[window, FIRST],
        state.scalars[STOP],
        time + 1 - state.scalars[LAG],
    )


@compiled_part
def next_value(state: SweepState, column: int, position: int, stop: int, time: int) -> int:
    """The first position from here on that is seen and not null, `stop` if there is none before
    it.
    """
    while position < stop and not (
        is_seen(state, position, time) and state.valid[column, position] != 0
    ):
        position += 1
    return position


@compiled_part
def value_at(state: SweepState, wanted: Wanted, position: int) -> float:
    """A value as a double."""
    bits = state.values[wanted.column, position]
    return double_of_bits(bits) if wanted.is_float != 0 else float(bits)


@compiled_part
def decayed_mean(state: SweepState, wanted: Wanted, time: int) -> tuple[float, bool]:
    """EWMA, and whether there is a value.

    Sum and weight halve with every half-life between one value and the next; then the value is
    added to the sum, and 1 to the weight.  The mean is their quotient, which is that of the sums of
    x * 2**-(age / half-life) and 2**-(age / half-life) at any time after: common factors cancel.
    """
    half_life = float(state.parameters[wanted.offset])
    stop = last_position(state, wanted.window, time)
    position = next_value(state, wanted.column, state.windows[wanted.window, FIRST], stop, time)
    # Decayed from value to value, not from q: the decay from the last value to q cancels in the
    # quotient.
    total, weight, before = 0.0, 0.0, position
    while position < stop:
        left = halves(
            float(state.times[EVENT_TIME, position] - state.times[EVENT_TIME, before]) / half_life
        )
        total = total * left + value_at(state, wanted, position)
        weight = weight * left + 1.0
        before = position
        position = next_value(state, wanted.column, position + 1, stop, time)
    return total / weight, weight > 0.0


@compiled_part
def standard_moment(state: SweepState, wanted: Wanted, time: int) -> tuple[float, bool]:
    """SKEW (g1) or KURT (g2) of the population, and whether there are enough different values.

    One walk adds the values and divides the sum by their number; a second adds powers of the
    deviations d, as d * d, (d * d) * d and (d * d) * (d * d), and divides those sums by the number.
    """
    start, stop = state.windows[wanted.window, FIRST], last_position(state, wanted.window, time)
    number, mean = 0.0, 0.0
    position = next_value(state, wanted.column, start, stop, time)
    while position < stop:
        number += 1.0
        mean += value_at(state, wanted, position)
        position = next_value(state, wanted.column, position + 1, stop, time)
    if number < (3.0 if wanted.op == AggregateOp.SKEW else 4.0):
        return 0.0, False
    # Two passes: sums of raw powers would cancel catastrophically, and no exact state of third
    # powers is kept.
    mean /= number
    second, third, fourth = 0.0, 0.0, 0.0
    position = next_value(state, wanted.column, start, stop, time)
    while position < stop:
        deviation = value_at(state, wanted, position) - mean
        square = deviation * deviation
        second, third, fourth = (
            second + square,
            third + square * deviation,
            fourth + square * square,
        )
        position = next_value(state, wanted.column, position + 1, stop, time)
    second /= number
    scale = second * math.sqrt(second) if wanted.op == AggregateOp.SKEW else second * second
    if scale == 0.0:
        return 0.0, False
    return (
        third / number / scale if wanted.op == AggregateOp.SKEW else fourth / number / scale - 3.0
    ), True
