"""From a state to a value: the one place where an aggregate gets its bits, for every caller."""

from mainspring.features.kernel.arrays import Answer, Ints
from mainspring.features.kernel.exact_sum import (
    COUNT,
    FALLING,
    FLOAT_BASE,
    INFINITY,
    LIMB_BITS,
    NANS,
    QUIET_NAN,
    RISING,
    SIGN_BIT,
    collect,
    integer_of,
    mean_of,
    sum_of,
)
from mainspring.features.kernel.extreme import value_of
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.program import Op
from mainspring.features.kernel.state import AGGREGATED, FIRST, HIGH, LOW, NEWEST, NOTHING, State, greatest_rank

__all__ = ["write_row"]


@compiled_part
def write_row(state: State, outputs: Ints, answer: Answer, row: int, time: int) -> None:
    """Write every output of one spine row; the first integer overflow in spine order is noted."""
    bits, present, note = answer.bits, answer.valid, answer.note
    lanes, cells, aggregated = state.lanes, state.cells, state.frame[AGGREGATED]
    for output in range(outputs.shape[0]):
        op, lane, window, tally = outputs[output, 0], outputs[output, 1], outputs[output, 2], outputs[output, 3]
        column, is_float = outputs[output, 4], outputs[output, 5] != 0
        bits[output, row] = 0
        present[output, row] = 0
        first = state.windows[window, FIRST]
        if op >= Op.LAST:
            position = lanes[lane, NEWEST]
            if position != NOTHING and position >= first and state.valid[column, position] != 0:
                bits[output, row] = state.values[column, position]
                present[output, row] = 1
            continue
        whole = tally * (aggregated + 1) + aggregated
        expired = tally * (aggregated + 1) + window
        count = cells[whole, COUNT] - cells[expired, COUNT]
        if op <= Op.COUNT:
            bits[output, row] = count
            present[output, row] = 1
        elif count == 0:
            present[output, row] = op == Op.SUM
        elif op >= Op.MIN:
            bits[output, row] = value_of(greatest_rank(state, lane, first, time), is_float, op == Op.MIN)
            present[output, row] = 1
        else:
            value, fits = summed_value(op, is_float, cells, whole, expired, lanes[lane, LOW], lanes[lane, HIGH], state.number)
            bits[output, row] = value
            present[output, row] = fits
            place = row * outputs.shape[0] + output
            if not fits and (note[0] < 0 or place < note[0]):
                note[0] = place


@compiled_part
def special_sum(cells: Ints, whole: int, expired: int) -> int:
    """The bits of a sum that contains NaN or infinities, 0 when it contains neither."""
    rising = cells[whole, RISING] != cells[expired, RISING]
    falling = cells[whole, FALLING] != cells[expired, FALLING]
    if cells[whole, NANS] != cells[expired, NANS] or (rising and falling):
        return QUIET_NAN
    if rising:
        return INFINITY
    return (INFINITY | SIGN_BIT) if falling else 0


@compiled_part
def summed_value(op: int, is_float: bool, cells: Ints, whole: int, expired: int, low: int, high: int, number: Ints) -> tuple[int, bool]:
    """The bits of an exact sum or mean of at least one value, rounded once, and whether it fits."""
    if is_float:
        special = special_sum(cells, whole, expired)
        if special != 0:
            return special, True
    signed_top = collect(cells, whole, expired, low, high, number)
    exponent = LIMB_BITS * low + (FLOAT_BASE if is_float else 0)
    if op == Op.MEAN:
        return mean_of(number, signed_top, exponent, cells[whole, COUNT] - cells[expired, COUNT]), True
    if is_float:
        return sum_of(number, signed_top, exponent), True
    return integer_of(number, signed_top)
