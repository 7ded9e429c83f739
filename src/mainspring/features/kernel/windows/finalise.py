"""From a state to a value: the one place where an aggregate gets its bits, for every caller."""

import math

from mainspring.features.kernel.arrays import EVENT_TIME, Ints, KernelResult
from mainspring.features.kernel.jit import at, bits_of_double, compiled_part, double_of_bits
from mainspring.features.kernel.lane import Lane
from mainspring.features.kernel.output import DEFAULT_PRECISION, PARTS, AggregateOp, OutOfRangeMode
from mainspring.features.kernel.program import Wanted
from mainspring.features.kernel.states.bucket import NAN_BUCKET, bucket_value
from mainspring.features.kernel.states.exact_square import variance_of
from mainspring.features.kernel.states.exact_sum import (
    COUNT,
    FALLING,
    FLOAT_BASE,
    INFINITY,
    LIMB_BITS,
    NANS,
    QUIET_NAN,
    RISING,
    SIGN_BIT,
    gather_limbs,
    integer_of,
    mean_of,
    sum_of,
)
from mainspring.features.kernel.states.extreme import LOWEST_RANK, value_of
from mainspring.features.kernel.states.multiset import LIVE, NUMBER_FIELD
from mainspring.features.kernel.states.sketch import (
    estimate_of,
    observation_of,
    observe,
    reset_registers,
)
from mainspring.features.kernel.windows.ordered import decayed_mean, standard_moment
from mainspring.features.kernel.windows.ranking import (
    greatest_rank,
    greatest_ranks,
    recent_positions,
)
from mainspring.features.kernel.windows.state import (
    AGGREGATED,
    FIRST,
    HIGH,
    KIND,
    LOW,
    NEWEST,
    NOTHING,
    STATE_INDEX,
    SweepState,
)

__all__ = [
    "note_overflow",
    "put",
    "put_once",
    "special_sum",
    "summed_value",
    "wanted_at",
    "write_row",
]


@compiled_part
def write_row(state: SweepState, outputs: Ints, answer: KernelResult, row: int, time: int) -> None:
    """Write every output of one spine row; the first integer overflow in spine order is noted."""
    for index in range(outputs.shape[0]):
        wanted = wanted_at(outputs, index)
        # Null first: an output that finds no value writes nothing, and null values have zero bits.
        put(answer, wanted.slot, row, 0, False)
        if wanted.op <= AggregateOp.ALL:
            write_count(state, wanted, answer, row)
        elif wanted.op <= AggregateOp.STD:
            if not write_sum(state, wanted, answer, row):
                note_overflow(answer, row, wanted.number)
        elif wanted.op <= AggregateOp.FIRST:
            write_extreme(state, wanted, answer, row, time)
        elif wanted.op <= AggregateOp.SINCE_LAST:
            write_newest(state, wanted, answer, row, time)
        elif wanted.op <= AggregateOp.BOTTOM_K:
            write_list(state, wanted, answer, row, time)
        elif wanted.op <= AggregateOp.APPROX_DISTINCT:
            write_distinct(state, wanted, answer, row)
        elif wanted.op == AggregateOp.QUANTILES:
            write_quantiles(state, wanted, answer, row)
        elif wanted.op <= AggregateOp.VALUE_COUNTS:
            write_counts(state, wanted, answer, row)
        else:
            write_ordered(state, wanted, answer, row, time)


@compiled_part
def wanted_at(outputs: Ints, index: int) -> Wanted:
    """A row of the program's outputs under its names."""
    row = outputs[at(index)]
    return Wanted(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9])


@compiled_part
def put(answer: KernelResult, slot: int, row: int, bits: int, is_value: bool) -> None:
    """Write one value, or null."""
    answer.bits[at(slot), at(row)] = bits
    answer.valid[at(slot), at(row)] = is_value


@compiled_part
def put_once(answer: KernelResult, slot: int, row: int, bits: int, is_value: bool) -> None:
    """Write one value, or null, where nothing was written yet: `blank_answer` holds values only,
    and to leave them so spares a third of the writing.
    """
    answer.bits[at(slot), at(row)] = bits
    if not is_value:
        answer.valid[at(slot), at(row)] = 0


@compiled_part
def note_overflow(answer: KernelResult, row: int, output: int) -> None:
    """Note the first output, in the spine's order, whose sum does not fit."""
    index = row * answer.bits.shape[0] + output
    # By row and output, not by when it was met: threads and keys run in another order than the
    # spine.
    if answer.note[0] < 0 or index < answer.note[0]:
        answer.note[0] = index


@compiled_part
def tally_of(state: SweepState, lane: int, window: int) -> int:
    """What an additive lane counts inside a window."""
    row = lane * (state.scalars[AGGREGATED] + 1)
    return int(
        state.cells[row + state.scalars[AGGREGATED], COUNT] - state.cells[row + window, COUNT]
    )


@compiled_part
def write_count(state: SweepState, wanted: Wanted, answer: KernelResult, row: int) -> None:
    """Write COUNT_ROWS, COUNT, ANY or ALL."""
    count = tally_of(state, wanted.lane, wanted.window)
    if wanted.op == AggregateOp.ANY:
        count = int(count != 0)
    elif wanted.op == AggregateOp.ALL:
        count = int(count == tally_of(state, wanted.tally, wanted.window))
    put(answer, wanted.slot, row, count, True)


@compiled_part
def write_sum(state: SweepState, wanted: Wanted, answer: KernelResult, row: int) -> bool:
    """Write SUM, MEAN, VAR or STD; whether it fits."""
    lanes, aggregated = state.lanes, state.scalars[AGGREGATED]
    count = tally_of(state, wanted.tally, wanted.window)
    if count < (2 if wanted.op >= AggregateOp.VAR else 1):
        put(answer, wanted.slot, row, 0, wanted.op == AggregateOp.SUM)
        return True
    whole = wanted.tally * (aggregated + 1) + aggregated
    expired = wanted.tally * (aggregated + 1) + wanted.window
    low, high = lanes[wanted.tally, LOW], lanes[wanted.tally, HIGH]
    if wanted.op >= AggregateOp.VAR:
        put(answer, wanted.slot, row, spread_value(state, wanted, whole, expired, count), True)
        return True
    value, fits = summed_value(
        wanted.op,
        wanted.is_float != 0,
        state.cells,
        whole,
        expired,
        low,
        high,
        state.scratch.number,
    )
    put(answer, wanted.slot, row, value, fits)
    return fits


@compiled_part
def spread_value(state: SweepState, wanted: Wanted, whole: int, expired: int, count: int) -> int:
    """The bits of the variance or standard deviation of at least two values."""
    cells, lanes, aggregated, is_float = (
        state.cells,
        state.lanes,
        state.scalars[AGGREGATED],
        wanted.is_float != 0,
    )
    # Any infinity or NaN: a deviation from an infinite mean is not a number.
    if is_float and special_sum(cells, whole, expired) != 0:
        return QUIET_NAN
    low, high = lanes[wanted.tally, LOW], lanes[wanted.lane, HIGH]
    if high == NOTHING:
        return 0
    number, wide = state.scratch.number, state.scratch.wide
    top = gather_limbs(cells, whole, expired, low, lanes[wanted.tally, HIGH], number)
    row = wanted.lane * (aggregated + 1)
    variance = variance_of(
        number, top, low, cells, row + aggregated, row + wanted.window, high, count, is_float, wide
    )
    # IEEE 754 rounds the square root correctly.
    return (
        variance
        if wanted.op == AggregateOp.VAR
        else bits_of_double(math.sqrt(double_of_bits(variance)))
    )


@compiled_part
def write_extreme(
    state: SweepState, wanted: Wanted, answer: KernelResult, row: int, time: int
) -> None:
    """Write MIN, MAX or FIRST."""
    first = state.windows[wanted.window, FIRST]
    if wanted.op != AggregateOp.FIRST and tally_of(state, wanted.tally, wanted.window) == 0:
        return
    rank = greatest_rank(state, wanted.lane, first, time)
    if wanted.op != AggregateOp.FIRST:
        put(
            answer,
            wanted.slot,
            row,
            value_of(rank, wanted.is_float != 0, wanted.op == AggregateOp.MIN),
            True,
        )
    elif rank != LOWEST_RANK:
        # Of OLDEST a rank is the complement of a position, so that the greatest is the oldest.
        put(answer, wanted.slot, row, state.values[wanted.column, ~rank], True)


@compiled_part
def write_newest(
    state: SweepState, wanted: Wanted, answer: KernelResult, row: int, time: int
) -> None:
    """Write LAST, LATEST or SINCE_LAST."""
    position, column = state.lanes[wanted.lane, NEWEST], wanted.column
    if position == NOTHING or position < state.windows[wanted.window, FIRST]:
        return
    if wanted.op == AggregateOp.SINCE_LAST:
        put(answer, wanted.slot, row, time - state.times[EVENT_TIME, position], True)
    elif state.valid[column, position] != 0:
        put(answer, wanted.slot, row, state.values[column, position], True)


@compiled_part
def write_list(
    state: SweepState, wanted: Wanted, answer: KernelResult, row: int, time: int
) -> None:
    """Write FIRST_K, LAST_K, TOP_K or BOTTOM_K: the length, then the values."""
    ranks, op, is_float = state.scratch.ranks[: wanted.size], wanted.op, wanted.is_float != 0
    length = min(tally_of(state, wanted.tally, wanted.window), wanted.size)
    if op == AggregateOp.LAST_K:
        recent_positions(state, wanted.lane, state.windows[wanted.window, FIRST], time, ranks)
    else:
        greatest_ranks(state, wanted.lane, state.windows[wanted.window, FIRST], time, ranks)
    put(answer, wanted.slot, row, length, True)
    for index in range(wanted.size):
        bits = 0
        if index < length and op <= AggregateOp.LAST_K:
            bits = state.values[
                wanted.column,
                ~ranks[index] if op == AggregateOp.FIRST_K else ranks[length - 1 - index],
            ]
        elif index < length:
            bits = value_of(ranks[index], is_float, op == AggregateOp.BOTTOM_K)
        put(answer, wanted.slot + 1 + index, row, bits, index < length)


@compiled_part
def write_quantiles(state: SweepState, wanted: Wanted, answer: KernelResult, row: int) -> None:
    """Write QUANTILES: for each rank the middle of the bucket that holds it; NaN where any value
    is.
    """
    count = tally_of(state, wanted.tally, wanted.window)
    for index in range(wanted.size):
        share = state.parameters[wanted.offset + index]
        bucket = (
            # In whole numbers, so that ceil(share * count) does not hang on how a product of
            # doubles is rounded.
            ranked_bucket(state, wanted, max((share * count + PARTS - 1) // PARTS, 1))
            if count > 0
            else 0
        )
        put(answer, wanted.slot + index, row, bucket_value(bucket), count > 0)


@compiled_part
def ranked_bucket(state: SweepState, wanted: Wanted, rank: int) -> int:
    """The bucket of the value with a rank, 1 … the number of values, inside a window."""
    bags, bag = state.bags, state.lanes[wanted.lane, STATE_INDEX]
    number = bags.sizes[bag, NUMBER_FIELD]
    last = bags.order[bag, number - 1]
    # NaN has the greatest bucket; one of them makes every quantile NaN, as it does MIN and MAX.
    if bags.held[bag, last] == NAN_BUCKET and bags.counts[bag, last, wanted.window] != 0:
        return NAN_BUCKET
    index, below = 0, bags.counts[bag, bags.order[bag, 0], wanted.window]
    while below < rank:
        index += 1
        below += bags.counts[bag, bags.order[bag, index], wanted.window]
    return int(bags.held[bag, bags.order[bag, index]])


@compiled_part
def write_counts(state: SweepState, wanted: Wanted, answer: KernelResult, row: int) -> None:
    """Write HISTOGRAM or VALUE_COUNTS."""
    bag = state.lanes[wanted.lane, STATE_INDEX]
    for code in range(wanted.size):
        put(answer, wanted.slot + code, row, state.bags.counts[bag, code, wanted.window], True)


@compiled_part
def write_ordered(
    state: SweepState, wanted: Wanted, answer: KernelResult, row: int, time: int
) -> None:
    """Write EWMA, SKEW or KURT; every NaN as the one quiet NaN."""
    value, is_value = (
        decayed_mean(state, wanted, time)
        if wanted.op == AggregateOp.EWMA
        else standard_moment(state, wanted, time)
    )
    if is_value:
        put(answer, wanted.slot, row, bits_of_double(value) if value == value else QUIET_NAN, True)


@compiled_part
def write_distinct(state: SweepState, wanted: Wanted, answer: KernelResult, row: int) -> None:
    """Write DISTINCT or APPROX_DISTINCT."""
    parameters, offset = state.parameters, wanted.offset
    if wanted.op == AggregateOp.APPROX_DISTINCT:
        put(
            answer,
            wanted.slot,
            row,
            estimated(state, wanted.lane, wanted.window, parameters[offset]),
            True,
        )
        return
    live = state.bags.sizes[state.lanes[wanted.lane, STATE_INDEX], LIVE + wanted.window]
    # The count stays exact underneath: once values leave the window, so does the approximation.
    if live > parameters[offset]:
        live = (
            parameters[offset]
            if parameters[offset + 1] == OutOfRangeMode.SATURATE
            else estimated(state, wanted.lane, wanted.window, DEFAULT_PRECISION)
        )
    put(answer, wanted.slot, row, live, True)


@compiled_part
def estimated(state: SweepState, lane: int, window: int, precision: int) -> int:
    """The estimate of a HyperLogLog that has seen what a multiset holds inside a window, values or
    observations.
    """
    bags, bag, registers, histogram = (
        state.bags,
        state.lanes[lane, STATE_INDEX],
        state.scratch.registers,
        state.scratch.histogram,
    )
    is_observed = state.lanes[lane, KIND] == Lane.SKETCH
    histogram[0] = 1 << precision
    for code in range(bags.sizes[bag, NUMBER_FIELD]):
        if bags.counts[bag, code, window] != 0:
            held = bags.held[bag, code]
            observe(registers, histogram, held if is_observed else observation_of(held, precision))
    estimate = estimate_of(histogram, precision)
    for rank in range(histogram.size):
        histogram[rank] = 0
    # Cleared by going through what was set: thousands of registers, of which few were touched.
    for code in range(bags.sizes[bag, NUMBER_FIELD]):
        held = bags.held[bag, code]
        reset_registers(registers, held if is_observed else observation_of(held, precision))
    return estimate


@compiled_part
def special_sum(cells: Ints, whole: int, expired: int) -> int:
    """The bits of a sum that contains NaN or infinities, 0 when it contains neither."""
    # Counters, not flags: an infinity that has expired leaves the window as exactly as a number
    # does.
    rising = cells[whole, RISING] != cells[expired, RISING]
    falling = cells[whole, FALLING] != cells[expired, FALLING]
    if cells[whole, NANS] != cells[expired, NANS] or (rising and falling):
        return QUIET_NAN
    if rising:
        return INFINITY
    return (INFINITY | SIGN_BIT) if falling else 0


@compiled_part
def summed_value(
    op: int,
    is_float: bool,
    cells: Ints,
    whole: int,
    expired: int,
    low: int,
    high: int,
    number: Ints,
) -> tuple[int, bool]:
    """The bits of an exact sum or mean of at least one value, rounded once, and whether it fits."""
    if is_float:
        special = special_sum(cells, whole, expired)
        if special != 0:
            return special, True
    else:
        # Tiles keep no zeros below their lowest limb, nor any limb of a sum that is zero; an int64
        # is two limbs all the same.
        low, high = 0, max(high, 1)
    signed_top = gather_limbs(cells, whole, expired, low, high, number)
    exponent = LIMB_BITS * low + (FLOAT_BASE if is_float else 0)
    if op == AggregateOp.MEAN:
        return mean_of(
            number, signed_top, exponent, cells[whole, COUNT] - cells[expired, COUNT]
        ), True
    if is_float:
        return sum_of(number, signed_top, exponent), True
    return integer_of(number, signed_top)
