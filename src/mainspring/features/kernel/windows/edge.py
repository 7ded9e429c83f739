"""Where the windows of each question begin, how far a key's facts have settled by then, and which
others it sees.
"""

from typing import Final, NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import (
    EVENT_TIME,
    NEVER,
    VISIBLE_FROM,
    VISIBLE_TO,
    Bytes,
    Facts,
    Ints,
)
from mainspring.features.kernel.jit import allocating_part, at, bit_length, compiled_part
from mainspring.features.kernel.lane import WHOLE_ROW
from mainspring.features.kernel.order import lower_bound
from mainspring.features.kernel.program import Tables, Wanted
from mainspring.features.kernel.windows.state import BEGIN, LAG, REACH, STOP, SweepState

__all__ = ["TOO_MANY", "Room", "empty_room", "find_edges", "is_value"]

APART_SHARE: Final = 5
"""At most one in 2**5 facts stands apart for being late; where lateness is spread more evenly, more
are in flight instead.
"""
SPARSE: Final = 16
"""With more facts to a question than this, bisection finds the next edge sooner than a walk."""

STRIDE: Final = 6
"""How far a walk looks ahead."""
PATIENCE: Final = 4
"""How many facts in flight or apart may be looked at for each fact and question before the long way
is cheaper.
"""
TOO_MANY: Final = -1
LANE: Final = Wanted._fields.index("lane")
WINDOW: Final = Wanted._fields.index("window")


class Room(NamedTuple):
    """Room for one stretch of questions about one key; facts count from the first position that can
    matter.

    Shapes:
        high, low, tally: (facts + 1,): sums of a column, and how many values, of the settled facts
            before each.
        ranks, places: (facts + 1,): the stack of candidates for an extreme, and where they lie.
        apart: (facts,): whether a fact stands apart; late: (facts,): the positions of those that
            do.
        firsts: (windows, rows): the first position inside each window; settled: (rows,): the end of
            the settled stretch.
        extra, extra_start: (facts + rows,), (rows + 1,): positions in flight or apart that each
            question sees, and where its own begin.
        classes: (65,): how many facts came late by so many bits.
        readers, reader_start: (outputs,), (lanes + 1,): the outputs that take their value from each
            lane, narrow windows first.
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
    readers: Ints
    reader_start: Ints


@allocating_part
def empty_room(tables: Tables, facts: Facts, largest: int, questions: int) -> Room:
    """Room for keys of up to so many facts and questions."""
    readers, reader_start = readers_of(tables.outputs, tables.lanes.shape[0], tables.reach.size)
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
        np.empty((tables.reach.size, questions), dtype=np.int64),
        np.empty(questions, dtype=np.int64),
        np.empty(others + questions, dtype=np.int64),
        np.zeros(questions + 1, dtype=np.int64),
        np.empty(65, dtype=np.int64),
        readers,
        reader_start,
    )


@allocating_part
def readers_of(outputs: Ints, lanes: int, windows: int) -> tuple[Ints, Ints]:
    """The outputs that take their value from each lane, narrow windows first, and where each lane's
    begin.
    """
    readers, start = np.empty(outputs.shape[0], dtype=np.int64), np.zeros(lanes + 1, dtype=np.int64)
    count = 0
    for place in range(lanes * windows):
        for output in range(outputs.shape[0]):
            if (
                outputs[output, LANE] == place // windows
                and outputs[output, WINDOW] == place % windows
            ):
                readers[count] = output
                count += 1
        start[place // windows + 1] = count
    return readers, start


@compiled_part
def find_edges(state: SweepState, room: Room, asked: Ints) -> int:
    """Find for each question where its windows begin, how far facts have settled, and which others
    it sees.

    Returns: how many facts stand apart, `TOO_MANY` if the short way would be long.
    """
    times, frame = state.times, state.frame
    begin, stop = frame[BEGIN], frame[STOP]
    is_sparse = stop - begin > SPARSE * asked.size
    past = begin
    for index in range(asked.size):
        past = advance_to(times, past, stop, asked[index] + 1 - frame[LAG], is_sparse)
        room.settled[index] = past
    for window in range(state.windows.shape[0]):
        find_firsts(state, room, window, asked, is_sparse)
    if times.shape[0] == 1:
        return 0
    apart = mark_apart(state, room)
    return apart if settle(state, room, apart, asked) else TOO_MANY


@compiled_part
def find_firsts(state: SweepState, room: Room, window: int, asked: Ints, is_sparse: bool) -> None:
    """Find where a window begins for each question: by a walk back from what has happened where
    windows are short, or on from question to question.
    """
    times, begin, stop, reach = (
        state.times,
        state.frame[BEGIN],
        state.frame[STOP],
        state.windows[window, REACH],
    )
    covered = times[EVENT_TIME, stop - 1] - times[EVENT_TIME, begin] if begin < stop else 0
    first = begin
    if reach < covered // asked.size:
        for index in range(asked.size):
            first = room.settled[at(index)]
            while first > begin and times[EVENT_TIME, at(first - 1)] >= asked[index] - reach:
                first -= 1
            room.firsts[at(window), at(index)] = first
        return
    for index in range(asked.size):
        first = advance_to(times, first, stop, asked[index] - reach, is_sparse)
        room.firsts[at(window), at(index)] = first


@compiled_part
def advance_to(times: Ints, first: int, stop: int, bound: int, is_sparse: bool) -> int:
    """The first position from `first` on whose fact did not happen before `bound`."""
    if is_sparse:
        return lower_bound(times, EVENT_TIME, first, stop, bound)
    while first + STRIDE < stop and times[EVENT_TIME, at(first + STRIDE)] < bound:
        first += STRIDE
    while first < stop and times[EVENT_TIME, at(first)] < bound:
        first += 1
    return first


@compiled_part
def mark_apart(state: SweepState, room: Room) -> int:
    """Mark the facts that stand apart; how many do."""
    times, appears, begin, stop = state.times, state.appears, state.frame[BEGIN], state.frame[STOP]
    for bits in range(room.classes.size):
        room.classes[bits] = 0
    for position in range(begin, stop):
        happened = times[EVENT_TIME, at(position)]
        appears[at(position)] = max(happened + state.frame[LAG], times[VISIBLE_FROM, at(position)])
        room.classes[at(bit_length(appears[at(position)] - happened))] += 1
    limit, later = room.classes.size - 1, 0
    while limit > 0 and later + room.classes[limit] <= (stop - begin) >> APART_SHARE:
        later += room.classes[limit]
        limit -= 1
    count = 0
    for position in range(begin, stop):
        lateness = appears[at(position)] - times[EVENT_TIME, at(position)]
        is_apart = times[VISIBLE_TO, at(position)] != NEVER or bit_length(lateness) > limit
        room.apart[at(position - begin)] = is_apart
        if is_apart:
            room.late[at(count)] = position
            count += 1
    return count


@compiled_part
def settle(state: SweepState, room: Room, apart: int, asked: Ints) -> bool:
    """For each question the end of the settled stretch, and what it sees of the facts in flight
    behind that and of those apart before it.
    """
    appears, begin, stop = state.appears, state.frame[BEGIN], state.frame[STOP]
    settled, first_late, count = begin, 0, 0
    patience = PATIENCE * (stop - begin + asked.size)
    for index in range(asked.size):
        time = asked[index]
        while settled < stop and (
            room.apart[at(settled - begin)] != 0 or appears[at(settled)] <= time
        ):
            settled += 1
        past = max(room.settled[index], settled)
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
    room.extra_start[asked.size] = count
    return True


@compiled_part
def see(state: SweepState, room: Room, position: int, time: int, count: int) -> int:
    """Note a position if its fact is visible, as long as there is room."""
    if (
        count < room.extra.size
        and state.appears[at(position)] <= time < state.times[VISIBLE_TO, at(position)]
    ):
        room.extra[at(count)] = position
        return count + 1
    return count


@compiled_part
def is_value(state: SweepState, column: int, position: int) -> bool:
    """Whether a fact counts for a column: its value is not null, or the row as a whole is meant."""
    return bool(column == WHOLE_ROW or state.valid[at(column), at(position)] != 0)
