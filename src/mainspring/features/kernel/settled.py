"""The short way: most facts are settled, and what has settled needs no state that follows the clock.

Seen from a question, a key's facts are of three kinds.  The *settled* ones form a stretch from the oldest on that is visible as a whole and stays so: a
window's share of it is the difference of two prefix sums, a maximum is found on a stack of candidates, the newest fact is the last.  Behind them a few are
*in flight*: they have happened, and some are visible already.  And some stand *apart* wherever they lie, because they came very late or were superseded.
Facts of the last two kinds are looked at one by one for each question.

The answers are those of `sweep`, bit for bit, for a fifth of the work; a law holds them equal.  The short way declines a stretch of questions where numbers
differ too much in size for a narrow sum or are not finite, and where too many facts are in flight or apart; the long way then takes it.
"""

from typing import Final, NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO, Answer, Bytes, Facts, Ints
from mainspring.features.kernel.exact_sum import FLOAT_BASE
from mainspring.features.kernel.extreme import rank_of, value_of
from mainspring.features.kernel.finalise import note_overflow, put, wanted_at
from mainspring.features.kernel.jit import allocating_part, bit_length, compiled_part, whole_part
from mainspring.features.kernel.lane import WHOLE_ROW, Lane
from mainspring.features.kernel.narrow_sum import (
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
from mainspring.features.kernel.order import lower_bound
from mainspring.features.kernel.program import Op, Wanted
from mainspring.features.kernel.state import BEGIN, COLUMN, IS_FLOAT, KIND, LAG, NOTHING, REACH, STOP, State

__all__ = ["Room", "answer_settled", "empty_room"]

APART_SHARE: Final = 5
"""At most one in 2**5 facts stands apart for being late; where lateness is spread more evenly, more are in flight instead."""
SPARSE: Final = 16
"""With more facts to a question than this, bisection finds the next edge sooner than a walk."""

PATIENCE: Final = 4
"""How many facts in flight or apart may be looked at for each fact and question before the long way is cheaper."""


class Room(NamedTuple):
    """Room for one stretch of questions about one key; facts count from the first position that can matter.

    Shapes:
        high, low, tally: (facts + 1,): sums of a column, and how many values, of the settled facts before each.
        ranks, places: (facts + 1,): the stack of candidates for an extreme, and where they lie.
        apart: (facts,): whether a fact stands apart; late: (facts,): the positions of those that do.
        firsts: (windows, rows): the first position inside each window; settled: (rows,): the end of the settled stretch.
        extra, extra_start: (facts + rows,), (rows + 1,): positions in flight or apart that each question sees, and where its own begin.
        classes: (65,): how many facts came late by so many bits.
    """

    high: Ints
    low: Ints
    tally: Ints
    ranks: Ints
    places: Ints
    apart: Bytes
    late: Ints
    firsts: Ints
    settled: Ints
    extra: Ints
    extra_start: Ints
    classes: Ints


@allocating_part
def empty_room(facts: Facts, windows: int, largest: int, questions: int) -> Room:
    """Room for keys of up to so many facts and questions."""
    # Facts that are all visible as they happen are never in flight.
    others = largest if facts.times.shape[0] > 1 else 0
    return Room(
        np.zeros(largest + 1, dtype=np.int64),
        np.zeros(largest + 1, dtype=np.int64),
        np.zeros(largest + 1, dtype=np.int64),
        np.empty(largest + 1, dtype=np.int64),
        np.empty(largest + 1, dtype=np.int64),
        np.zeros(largest, dtype=np.uint8),
        np.empty(others, dtype=np.int64),
        np.empty((windows, questions), dtype=np.int64),
        np.empty(questions, dtype=np.int64),
        np.empty(others + questions, dtype=np.int64),
        np.zeros(questions + 1, dtype=np.int64),
        np.empty(65, dtype=np.int64),
    )


@whole_part
def answer_settled(state: State, room: Room, outputs: Ints, rows: Ints, asked: Ints, answer: Answer) -> bool:
    """Answer questions about one key in order of time; False where the short way declines, whatever has been written by then."""
    if not find_edges(state, room, rows, asked):
        return False
    for lane in range(state.lanes.shape[0]):
        kind = state.lanes[lane, KIND]
        if not is_read(outputs, lane):
            continue
        if kind <= Lane.SUM:
            if not write_totals(state, room, outputs, lane, rows, answer):
                return False
        elif kind == Lane.NEWEST:
            write_newest_of(state, room, outputs, lane, rows, asked, answer)
        elif kind == Lane.OLDEST:
            write_oldest_of(state, room, outputs, lane, rows, answer)
        else:
            write_extremes(state, room, outputs, lane, rows, answer)
    return True


@compiled_part
def is_read(outputs: Ints, lane: int) -> bool:
    """Whether an output takes its value from the lane; some only count on it in the long way."""
    readers = 0
    for output in range(outputs.shape[0]):
        readers += int(wanted_at(outputs, output).lane == lane)
    return readers > 0


@compiled_part
def find_edges(state: State, room: Room, rows: Ints, asked: Ints) -> bool:
    """Find for each question where its windows begin, how far facts have settled, and which others it sees; False if those are too many."""
    times, frame, windows = state.times, state.frame, state.windows
    begin, stop = frame[BEGIN], frame[STOP]
    is_sparse = stop - begin > SPARSE * rows.size
    for window in range(windows.shape[0]):
        first = begin
        for index in range(rows.size):
            first = advance_to(times, first, stop, asked[index] - windows[window, REACH], is_sparse)
            room.firsts[window, index] = first
    if times.shape[0] > 1:
        return settle(state, room, mark_apart(state, room), rows, asked)
    past = begin
    for index in range(rows.size):
        past = advance_to(times, past, stop, asked[index] + 1 - frame[LAG], is_sparse)
        room.settled[index] = past
    return True


@compiled_part
def advance_to(times: Ints, first: int, stop: int, bound: int, is_sparse: bool) -> int:
    """The first position from `first` on whose fact did not happen before `bound`."""
    if is_sparse:
        return lower_bound(times, EVENT_TIME, first, stop, bound)
    while first < stop and times[EVENT_TIME, first] < bound:
        first += 1
    return first


@compiled_part
def mark_apart(state: State, room: Room) -> int:
    """Mark the facts that stand apart; how many do."""
    times, appears, begin, stop = state.times, state.appears, state.frame[BEGIN], state.frame[STOP]
    for bits in range(room.classes.size):
        room.classes[bits] = 0
    for position in range(begin, stop):
        appears[position] = max(times[EVENT_TIME, position] + state.frame[LAG], times[VISIBLE_FROM, position])
        room.classes[bit_length(appears[position] - times[EVENT_TIME, position])] += 1
    limit, later = room.classes.size - 1, 0
    while limit > 0 and later + room.classes[limit] <= (stop - begin) >> APART_SHARE:
        later += room.classes[limit]
        limit -= 1
    count = 0
    for position in range(begin, stop):
        is_apart = times[VISIBLE_TO, position] != NEVER or bit_length(appears[position] - times[EVENT_TIME, position]) > limit
        room.apart[position - begin] = is_apart
        if is_apart:
            room.late[count] = position
            count += 1
    return count


@compiled_part
def settle(state: State, room: Room, apart: int, rows: Ints, asked: Ints) -> bool:
    """For each question the end of the settled stretch, and what it sees of the facts in flight behind that and of those apart before it."""
    times, appears, begin, stop = state.times, state.appears, state.frame[BEGIN], state.frame[STOP]
    settled, past, first_late, count = begin, begin, 0, 0
    patience = PATIENCE * (stop - begin + rows.size)
    for index in range(rows.size):
        time = asked[index]
        while settled < stop and (room.apart[settled - begin] != 0 or appears[settled] <= time):
            settled += 1
        past = advance_to(times, max(past, settled), stop, time + 1 - state.frame[LAG], False)
        oldest = stop
        for window in range(room.firsts.shape[0]):
            oldest = min(oldest, room.firsts[window, index])
        while first_late < apart and room.late[first_late] < oldest:
            first_late += 1
        room.settled[index], room.extra_start[index] = settled, count
        late = first_late
        while late < apart and room.late[late] < settled:
            count = see(state, room, room.late[late], time, count)
            late += 1
        for position in range(max(settled, oldest), past):
            count = see(state, room, position, time, count)
        patience -= late - first_late + past - settled
        if patience < 0 or count == room.extra.size:
            return False
    room.extra_start[rows.size] = count
    return True


@compiled_part
def see(state: State, room: Room, position: int, time: int, count: int) -> int:
    """Note a position if its fact is visible, as long as there is room."""
    if count < room.extra.size and state.appears[position] <= time < state.times[VISIBLE_TO, position]:
        room.extra[count] = position
        return count + 1
    return count


@compiled_part
def is_value(state: State, column: int, position: int) -> bool:
    """Whether a fact counts for a column: its value is not null, or the row as a whole is meant."""
    return bool(column == WHOLE_ROW or state.valid[column, position] != 0)


@compiled_part
def write_totals(state: State, room: Room, outputs: Ints, lane: int, rows: Ints, answer: Answer) -> bool:
    """Write the outputs of an additive lane; False if its numbers do not fit a narrow sum."""
    unit = sum_up(state, room, lane)
    if unit == NOT_FINITE:
        return False
    for output in range(outputs.shape[0]):
        wanted = wanted_at(outputs, output)
        if wanted.lane != lane:
            continue
        for index in range(rows.size):
            count, high, low = total(state, room, wanted, lane, unit, index)
            write_total(wanted, count, high, low, unit, answer, rows[index])
    return True


@compiled_part
def sum_up(state: State, room: Room, lane: int) -> int:
    """Prefix sums of an additive lane over the facts that do not stand apart; the unit of its numbers, `NOT_FINITE` if there is none."""
    unit = unit_of(state, lane)
    begin, high, low, tally = state.frame[BEGIN], 0, 0, 0
    if unit == NOT_FINITE:
        return unit
    for position in range(begin, state.frame[STOP]):
        index = position - begin
        if room.apart[index] == 0 and is_value(state, state.lanes[lane, COLUMN], position):
            one, more, less = parts_of(state, lane, position, unit)
            tally += one
            high += more + ((low + less) >> LOW_BITS)
            low = (low + less) & LOW_MASK
        room.high[index + 1], room.low[index + 1], room.tally[index + 1] = high, low, tally
    return unit


@compiled_part
def unit_of(state: State, lane: int) -> int:
    """The shift that the numbers of a lane are counted in: the least of its floats, 0 for others; `NOT_FINITE` if narrow sums would not do."""
    if state.lanes[lane, KIND] != Lane.SUM or state.lanes[lane, IS_FLOAT] == 0:
        return 0
    column, lowest, highest = state.lanes[lane, COLUMN], NOT_FINITE, 0
    for position in range(state.frame[BEGIN], state.frame[STOP]):
        bits = state.values[column, position]
        # Zeros of both signs weigh nothing, and so does what a null stands over.
        if bits << 1 != 0 and state.valid[column, position] != 0:
            lowest = min(lowest, shift_of(bits))
            highest = max(highest, shift_of(bits))
    if lowest > highest:
        return NOT_FINITE if highest == NOT_FINITE else 0
    return lowest if fits(lowest, highest, state.frame[STOP] - state.frame[BEGIN]) else NOT_FINITE


@compiled_part
def parts_of(state: State, lane: int, position: int, unit: int) -> tuple[int, int, int]:
    """What a fact with a value adds to count, high and low of a lane; of truths, the count is of those, and low counts all."""
    kind, column = state.lanes[lane, KIND], state.lanes[lane, COLUMN]
    if kind != Lane.SUM and kind != Lane.TRUTHS:
        return 1, 0, 0
    bits = state.values[column, position]
    if kind == Lane.TRUTHS:
        return int(bits != 0), 0, 1
    high, low = halves_of_float(bits, unit) if state.lanes[lane, IS_FLOAT] != 0 else halves_of_integer(bits)
    return 1, high, low


@compiled_part
def total(state: State, room: Room, wanted: Wanted, lane: int, unit: int, index: int) -> tuple[int, int, int]:
    """Count, high and low of an additive lane in a window of a question."""
    begin, first = state.frame[BEGIN], room.firsts[wanted.window, index]
    after, before = room.settled[index] - begin, min(first, room.settled[index]) - begin
    count = room.tally[after] - room.tally[before]
    low = room.low[after] - room.low[before]
    high = room.high[after] - room.high[before] + (low >> LOW_BITS)
    low &= LOW_MASK
    for extra in range(room.extra_start[index], room.extra_start[index + 1]):
        position = room.extra[extra]
        if position >= first and is_value(state, wanted.column, position):
            one, more, less = parts_of(state, lane, position, unit)
            count += one
            high += more + ((low + less) >> LOW_BITS)
            low = (low + less) & LOW_MASK
    return count, high, low


@compiled_part
def write_total(wanted: Wanted, count: int, high: int, low: int, unit: int, answer: Answer, row: int) -> None:
    """Write COUNT_ROWS, COUNT, ANY, ALL, SUM or MEAN."""
    op, exponent = wanted.op, unit + FLOAT_BASE if wanted.is_float != 0 else 0
    if op <= Op.ALL:
        put(answer, wanted.slot, row, int(count != 0) if op == Op.ANY else int(count == low) if op == Op.ALL else count, True)
    elif count == 0:
        put(answer, wanted.slot, row, 0, op == Op.SUM)
    elif op == Op.MEAN:
        put(answer, wanted.slot, row, narrow_mean(high, low, exponent, count), True)
    elif wanted.is_float != 0:
        put(answer, wanted.slot, row, narrow_sum(high, low, exponent), True)
    else:
        number, is_whole = whole_number(high, low)
        put(answer, wanted.slot, row, number if is_whole else 0, is_whole)
        if not is_whole:
            note_overflow(answer, row, wanted.number)


@compiled_part
def write_extremes(state: State, room: Room, outputs: Ints, lane: int, rows: Ints, answer: Answer) -> None:
    """Write MIN or MAX from a stack of candidates: settled facts that no later one outranks, the oldest and greatest at the bottom."""
    column, is_float, is_least = state.lanes[lane, COLUMN], state.lanes[lane, IS_FLOAT] != 0, state.lanes[lane, KIND] == Lane.LEAST
    position, height = state.frame[BEGIN], 0
    for index in range(rows.size):
        while position < room.settled[index]:
            if room.apart[position - state.frame[BEGIN]] == 0 and state.valid[column, position] != 0:
                height = push(room, height, rank_of(state.values[column, position], is_float, is_least), position)
            position += 1
        depth = height
        for output in range(outputs.shape[0]):
            wanted = wanted_at(outputs, output)
            if wanted.lane == lane:
                first = room.firsts[wanted.window, index]
                depth = candidate(room, first, depth, height)
                write_extreme_of(state, room, wanted, index, depth < height, room.ranks[min(depth, height)], answer, rows[index])


@compiled_part
def push(room: Room, height: int, rank: int, position: int) -> int:
    """Put a fact on the stack, in the place of all that it outranks; the height from then on."""
    while height > 0 and room.ranks[height - 1] <= rank:
        height -= 1
    room.ranks[height], room.places[height] = rank, position
    return height + 1


@compiled_part
def candidate(room: Room, first: int, depth: int, height: int) -> int:
    """The lowest place on the stack whose fact lies at `first` or later, sought from `depth`; `height` if there is none."""
    while depth < height and room.places[depth] < first:
        depth += 1
    while depth > 0 and room.places[depth - 1] >= first:
        depth -= 1
    return depth


@compiled_part
def write_extreme_of(state: State, room: Room, wanted: Wanted, index: int, is_found: bool, rank: int, answer: Answer, row: int) -> None:
    """Write MIN or MAX, given the rank of the settled candidate."""
    is_float, is_least = wanted.is_float != 0, wanted.op == Op.MIN
    for extra in range(room.extra_start[index], room.extra_start[index + 1]):
        position = room.extra[extra]
        if position >= room.firsts[wanted.window, index] and state.valid[wanted.column, position] != 0:
            own = rank_of(state.values[wanted.column, position], is_float, is_least)
            rank = max(rank, own) if is_found else own
            is_found = True
    put(answer, wanted.slot, row, value_of(rank, is_float, is_least) if is_found else 0, is_found)


@compiled_part
def write_newest_of(state: State, room: Room, outputs: Ints, lane: int, rows: Ints, asked: Ints, answer: Answer) -> None:
    """Write LAST, LATEST and SINCE_LAST."""
    column, begin = state.lanes[lane, COLUMN], state.frame[BEGIN]
    newest, seen = NOTHING, begin
    for index in range(rows.size):
        position = room.settled[index] - 1
        while position >= seen and (room.apart[position - begin] != 0 or not is_value(state, column, position)):
            position -= 1
        newest, seen = (position if position >= seen else newest), room.settled[index]
        found = newest
        for extra in range(room.extra_start[index], room.extra_start[index + 1]):
            if is_value(state, column, room.extra[extra]):
                found = max(found, room.extra[extra])
        for output in range(outputs.shape[0]):
            wanted = wanted_at(outputs, output)
            if wanted.lane == lane:
                write_position(state, wanted, found if found >= room.firsts[wanted.window, index] else NOTHING, asked[index], answer, rows[index])


@compiled_part
def write_oldest_of(state: State, room: Room, outputs: Ints, lane: int, rows: Ints, answer: Answer) -> None:
    """Write FIRST: the settled fact at which the count of values rises above what it was before the window."""
    sum_up(state, room, lane)
    for output in range(outputs.shape[0]):
        wanted = wanted_at(outputs, output)
        if wanted.lane == lane:
            for index in range(rows.size):
                write_position(state, wanted, oldest_of(state, room, wanted, index), 0, answer, rows[index])


@compiled_part
def oldest_of(state: State, room: Room, wanted: Wanted, index: int) -> int:
    """The position of the oldest value in a window of a question, or `NOTHING`."""
    begin, first, settled, found = state.frame[BEGIN], room.firsts[wanted.window, index], room.settled[index], NOTHING
    if first < settled:
        place = begin + first_above(room.tally, first - begin, settled - begin, room.tally[first - begin])
        found = place if place < settled else NOTHING
    for extra in range(room.extra_start[index], room.extra_start[index + 1]):
        position = room.extra[extra]
        if position >= first and is_value(state, wanted.column, position) and (found == NOTHING or position < found):
            found = position
    return found


@compiled_part
def first_above(tally: Ints, low: int, high: int, bound: int) -> int:
    """The first place in low … high after which the tally is above the bound; `high` if there is none."""
    while low < high:
        middle = (low + high) >> 1
        if tally[middle + 1] <= bound:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def write_position(state: State, wanted: Wanted, position: int, time: int, answer: Answer, row: int) -> None:
    """Write FIRST, LAST, LATEST or SINCE_LAST, given the fact."""
    if position == NOTHING:
        put(answer, wanted.slot, row, 0, False)
    elif wanted.op == Op.SINCE_LAST:
        put(answer, wanted.slot, row, time - state.times[EVENT_TIME, position], True)
    else:
        is_present = state.valid[wanted.column, position] != 0
        put(answer, wanted.slot, row, state.values[wanted.column, position] if is_present else 0, is_present)
