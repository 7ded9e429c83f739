"""The fast path: most facts are stable, and stable facts need no state that follows the clock.

Seen from a request, a key's facts are of three kinds.  The *stable* ones form a prefix, from the
oldest on, that is visible as a whole and stays so: a window's share of it is the difference of two
prefix sums, a maximum is found on a monotonic stack, the newest fact is the last.  Behind them a
few are *in flight*: they have happened, and some are visible already.  And some are *irregular*,
wherever they lie, because they came very late or were superseded.  Facts of the last two kinds are
looked at one by one for each request.

The answers are those of `sweep`, bit for bit, for a third of the work; a law holds them equal.  The
fast path declines a run of requests where numbers differ too much in size for a narrow sum or are
not finite, and where too many facts are in flight or irregular; the sweep then takes it.  Where
windows begin and how far facts are stable is the business of `edge`, minima and maxima that of
`candidate`.
"""

from mainspring.features.kernel.arrays import EVENT_TIME, Ints, KernelResult
from mainspring.features.kernel.jit import at, compiled_part, whole_part
from mainspring.features.kernel.lane import WHOLE_ROW, Lane
from mainspring.features.kernel.output import AggregateOp
from mainspring.features.kernel.program import Wanted
from mainspring.features.kernel.states.exact_sum import FLOAT_BASE
from mainspring.features.kernel.states.narrow_sum import (
    LOW_BITS,
    LOW_MASK,
    NOT_FINITE,
    fits,
    halves_of_float,
    halves_of_integer,
    narrow_mean,
    narrow_sum,
    shift_of,
    whole_number,
)
from mainspring.features.kernel.windows.candidate import write_extremes
from mainspring.features.kernel.windows.edge import TOO_MANY, Buffers, find_edges, is_value
from mainspring.features.kernel.windows.finalise import note_overflow, put_once, wanted_at
from mainspring.features.kernel.windows.state import (
    BEGIN,
    COLUMN,
    IS_FLOAT,
    KIND,
    NOTHING,
    STOP,
    SweepState,
)

__all__ = ["answer_stable"]


@whole_part
def answer_stable(
    state: SweepState,
    buffers: Buffers,
    outputs: Ints,
    rows: Ints,
    request_times: Ints,
    answer: KernelResult,
) -> bool:
    """Answer requests about one key in order of time; False where the fast path declines, whatever
    has been written by then.
    """
    irregular = find_edges(state, buffers, request_times)
    if irregular == TOO_MANY:
        return False
    for lane in range(state.lanes.shape[0]):
        kind = state.lanes[lane, KIND]
        if buffers.reader_start[lane] == buffers.reader_start[lane + 1]:
            continue
        is_dense = irregular == 0 and is_full(state, lane)
        if kind <= Lane.SUM:
            if not write_totals(state, buffers, outputs, lane, is_dense, rows, answer):
                return False
        elif kind == Lane.NEWEST:
            write_newest_of(state, buffers, outputs, lane, rows, request_times, answer)
        elif kind == Lane.OLDEST:
            write_oldest_of(state, buffers, outputs, lane, rows, answer)
        else:
            write_extremes(state, buffers, outputs, lane, is_dense, rows, answer)
    return True


@compiled_part
def is_full(state: SweepState, lane: int) -> bool:
    """Whether every fact that can matter has a value for a lane."""
    column = state.lanes[lane, COLUMN]
    if column == WHOLE_ROW:
        return True
    flags = state.valid[column, state.scalars[BEGIN] : state.scalars[STOP]]
    present = 0
    for index in range(flags.size):
        present += flags[index]
    return present == flags.size


@compiled_part
def write_totals(
    state: SweepState,
    buffers: Buffers,
    outputs: Ints,
    lane: int,
    is_dense: bool,
    rows: Ints,
    answer: KernelResult,
) -> bool:
    """Write the outputs of an additive lane; False if its numbers do not fit a narrow sum.  Of a
    dense lane, positions are counts.
    """
    unit = 0
    if state.lanes[lane, KIND] != Lane.TALLY or not is_dense:
        unit = sum_up(state, buffers, lane)
    # Infinities and numbers too unlike in size need the wide accumulator of the sweep.
    if unit == NOT_FINITE:
        return False
    for reader in range(buffers.reader_start[lane], buffers.reader_start[lane + 1]):
        wanted = wanted_at(outputs, buffers.readers[reader])
        if is_dense and wanted.op <= AggregateOp.COUNT:
            write_counts(buffers, wanted, rows, answer)
            continue
        for index in range(rows.size):
            count, high, low = total(state, buffers, wanted, lane, unit, index)
            write_total(wanted, count, high, low, unit, answer, rows[index])
    return True


@compiled_part
def write_counts(buffers: Buffers, wanted: Wanted, rows: Ints, answer: KernelResult) -> None:
    """Write COUNT_ROWS or COUNT of a dense lane; what is in flight counts besides."""
    for index in range(rows.size):
        first = buffers.firsts[at(wanted.window), at(index)]
        count = max(buffers.stable[at(index)] - first, 0)
        for extra in range(buffers.extra_start[index], buffers.extra_start[index + 1]):
            count += int(buffers.extra[at(extra)] >= first)
        put_once(answer, wanted.slot, rows[index], count, True)


@compiled_part
def sum_up(state: SweepState, buffers: Buffers, lane: int) -> int:
    """Prefix sums of an additive lane over the facts that are not irregular; the unit of its
    numbers, `NOT_FINITE` if there is none.
    """
    unit = unit_of(state, lane)
    begin, high, low, tally = state.scalars[BEGIN], 0, 0, 0
    if unit == NOT_FINITE:
        return unit
    for position in range(begin, state.scalars[STOP]):
        index = position - begin
        if buffers.irregular[at(index)] == 0 and is_value(
            state, state.lanes[lane, COLUMN], position
        ):
            one, more, less = parts_of(state, lane, position, unit)
            tally += one
            # Carried at once: prefix sums are subtracted later, and both halves must be in range
            # for that.
            high += more + ((low + less) >> LOW_BITS)
            low = (low + less) & LOW_MASK
        buffers.high[at(index + 1)], buffers.low[at(index + 1)], buffers.tally[at(index + 1)] = (
            high,
            low,
            tally,
        )
    return unit


@compiled_part
def unit_of(state: SweepState, lane: int) -> int:
    """The shift that the numbers of a lane are counted in: the least of its floats, 0 for others;
    `NOT_FINITE` if narrow sums would not do.
    """
    if state.lanes[lane, KIND] != Lane.SUM or state.lanes[lane, IS_FLOAT] == 0:
        return 0
    column, lowest, highest = state.lanes[lane, COLUMN], NOT_FINITE, 0
    for position in range(state.scalars[BEGIN], state.scalars[STOP]):
        bits = state.values[at(column), at(position)]
        # Zeros of both signs weigh nothing, and so does what a null stands over.
        if bits << 1 != 0 and state.valid[at(column), at(position)] != 0:
            lowest = min(lowest, shift_of(bits))
            highest = max(highest, shift_of(bits))
    if lowest > highest:
        return 0
    return (
        lowest if fits(lowest, highest, state.scalars[STOP] - state.scalars[BEGIN]) else NOT_FINITE
    )


@compiled_part
def parts_of(state: SweepState, lane: int, position: int, unit: int) -> tuple[int, int, int]:
    """What a fact with a value adds to count, high and low of a lane; of truths, the count is of
    those, and low counts all.
    """
    kind, column = state.lanes[lane, KIND], state.lanes[lane, COLUMN]
    if kind != Lane.SUM and kind != Lane.TRUTHS:
        return 1, 0, 0
    bits = state.values[at(column), at(position)]
    if kind == Lane.TRUTHS:
        return int(bits != 0), 0, 1
    high, low = (
        halves_of_float(bits, unit) if state.lanes[lane, IS_FLOAT] != 0 else halves_of_integer(bits)
    )
    return 1, high, low


@compiled_part
def total(
    state: SweepState, buffers: Buffers, wanted: Wanted, lane: int, unit: int, index: int
) -> tuple[int, int, int]:
    """Count, high and low of an additive lane in a window of a request."""
    begin, first = state.scalars[BEGIN], buffers.firsts[at(wanted.window), at(index)]
    stable = buffers.stable[at(index)]
    # A window may begin behind the stable prefix; then it holds facts in flight alone.
    after, before = stable - begin, min(first, stable) - begin
    count = buffers.tally[at(after)] - buffers.tally[at(before)]
    low = buffers.low[at(after)] - buffers.low[at(before)]
    high = buffers.high[at(after)] - buffers.high[at(before)] + (low >> LOW_BITS)
    low &= LOW_MASK
    for extra in range(buffers.extra_start[index], buffers.extra_start[index + 1]):
        position = buffers.extra[extra]
        if position >= first and is_value(state, wanted.column, position):
            one, more, less = parts_of(state, lane, position, unit)
            count += one
            high += more + ((low + less) >> LOW_BITS)
            low = (low + less) & LOW_MASK
    return count, high, low


@compiled_part
def write_total(
    wanted: Wanted, count: int, high: int, low: int, unit: int, answer: KernelResult, row: int
) -> None:
    """Write COUNT_ROWS, COUNT, ANY, ALL, SUM or MEAN."""
    op, exponent = wanted.op, unit + FLOAT_BASE if wanted.is_float != 0 else 0
    if op <= AggregateOp.ALL:
        put_once(
            answer,
            wanted.slot,
            row,
            int(count != 0)
            if op == AggregateOp.ANY
            else int(count == low)
            if op == AggregateOp.ALL
            else count,
            True,
        )
    elif count == 0:
        put_once(answer, wanted.slot, row, 0, op == AggregateOp.SUM)
    elif op == AggregateOp.MEAN:
        put_once(answer, wanted.slot, row, narrow_mean(high, low, exponent, count), True)
    elif wanted.is_float != 0:
        put_once(answer, wanted.slot, row, narrow_sum(high, low, exponent), True)
    else:
        number, is_whole = whole_number(high, low)
        put_once(answer, wanted.slot, row, number if is_whole else 0, is_whole)
        if not is_whole:
            note_overflow(answer, row, wanted.number)


@compiled_part
def write_newest_of(
    state: SweepState,
    buffers: Buffers,
    outputs: Ints,
    lane: int,
    rows: Ints,
    request_times: Ints,
    answer: KernelResult,
) -> None:
    """Write LAST, LATEST and SINCE_LAST."""
    column, begin = state.lanes[lane, COLUMN], state.scalars[BEGIN]
    newest, seen = NOTHING, begin
    for index in range(rows.size):
        position = buffers.stable[at(index)] - 1
        # Back to what the request before has looked at, and no further: each fact is passed once.
        while position >= seen and (
            buffers.irregular[at(position - begin)] != 0 or not is_value(state, column, position)
        ):
            position -= 1
        newest, seen = (position if position >= seen else newest), buffers.stable[index]
        found = newest
        for extra in range(buffers.extra_start[index], buffers.extra_start[index + 1]):
            if is_value(state, column, buffers.extra[extra]):
                found = max(found, buffers.extra[extra])
        for reader in range(buffers.reader_start[lane], buffers.reader_start[lane + 1]):
            wanted = wanted_at(outputs, buffers.readers[reader])
            write_position(
                state,
                wanted,
                found if found >= buffers.firsts[at(wanted.window), at(index)] else NOTHING,
                request_times[index],
                answer,
                rows[index],
            )


@compiled_part
def write_oldest_of(
    state: SweepState, buffers: Buffers, outputs: Ints, lane: int, rows: Ints, answer: KernelResult
) -> None:
    """Write FIRST: the stable fact at which the count of values rises above what it was before the
    window.
    """
    # The running count of values tells by bisection where the first value after a position lies.
    sum_up(state, buffers, lane)
    for reader in range(buffers.reader_start[lane], buffers.reader_start[lane + 1]):
        wanted = wanted_at(outputs, buffers.readers[reader])
        for index in range(rows.size):
            write_position(
                state, wanted, oldest_of(state, buffers, wanted, index), 0, answer, rows[index]
            )


@compiled_part
def oldest_of(state: SweepState, buffers: Buffers, wanted: Wanted, index: int) -> int:
    """The position of the oldest value in a window of a request, or `NOTHING`."""
    begin, first, stable, found = (
        state.scalars[BEGIN],
        buffers.firsts[wanted.window, index],
        buffers.stable[index],
        NOTHING,
    )
    if first < stable:
        oldest = begin + first_above(
            buffers.tally, first - begin, stable - begin, buffers.tally[first - begin]
        )
        found = oldest if oldest < stable else NOTHING
    for extra in range(buffers.extra_start[index], buffers.extra_start[index + 1]):
        position = buffers.extra[extra]
        if (
            position >= first
            and is_value(state, wanted.column, position)
            and (found == NOTHING or position < found)
        ):
            found = position
    return found


@compiled_part
def first_above(tally: Ints, low: int, high: int, bound: int) -> int:
    """The first place in low … high after which the tally is above the bound; `high` if there is
    none.
    """
    while low < high:
        middle = (low + high) >> 1
        if tally[middle + 1] <= bound:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def write_position(
    state: SweepState, wanted: Wanted, position: int, time: int, answer: KernelResult, row: int
) -> None:
    """Write FIRST, LAST, LATEST or SINCE_LAST, given the fact."""
    if position == NOTHING:
        put_once(answer, wanted.slot, row, 0, False)
    elif wanted.op == AggregateOp.SINCE_LAST:
        put_once(answer, wanted.slot, row, time - state.times[EVENT_TIME, at(position)], True)
    else:
        is_present = state.valid[at(wanted.column), at(position)] != 0
        put_once(
            answer,
            wanted.slot,
            row,
            state.values[at(wanted.column), at(position)] if is_present else 0,
            is_present,
        )
