"""Where the windows of each request begin, how far a key's facts are stable by then, and which
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

__all__ = ["TOO_MANY", "Buffers", "allocate_buffers", "find_edges", "is_value"]

IRREGULAR_SHARE: Final = 5
"""At most one in 2**5 facts is irregular for being late; where lateness is spread more evenly, more
are in flight instead.
"""
SPARSE: Final = 16
"""With more facts to a request than this, bisection finds the next edge sooner than a walk."""

STRIDE: Final = 6
"""How far a walk looks ahead."""
PATIENCE: Final = 4
"""How many facts in flight or irregular may be looked at for each fact and request before the sweep
is cheaper.
"""
TOO_MANY: Final = -1
LANE: Final = Wanted._fields.index("lane")
WINDOW: Final = Wanted._fields.index("window")


class Buffers(NamedTuple):
    """Working memory for one run of requests about one key; facts count from the first position
    that can matter.

    Shapes:
        high, low, tally: (facts + 1,): sums of a column, and how many values, of the stable facts
            before each.
        ranks, places: (facts + 1,): the stack of candidates for an extreme, and where they lie.
        irregular: (facts,): whether a fact is; late: (facts,): the positions of those that are.
        firsts: (windows, rows): the first position inside each window; stable: (rows,): the end of
            the stable prefix.
        extra, extra_start: (facts + rows,), (rows + 1,): positions in flight or irregular that each
            request sees, and where its own begin.
        classes: (65,): how many facts came late by so many bits.
        readers, reader_start: (outputs,), (lanes + 1,): the outputs that take their value from each
            lane, narrow windows first.
    """

    high: Ints
    low: Ints
    tally: Ints
    ranks: Ints
    positions: Ints
    irregular: Bytes
    late: Ints
    firsts: Ints
    stable: Ints
    extra: Ints
    extra_start: Ints
    classes: Ints
    readers: Ints
    reader_start: Ints


@allocating_part
def allocate_buffers(tables: Tables, facts: Facts, largest: int, requests: int) -> Buffers:
    """Working memory for keys of up to so many facts and requests."""
    readers, reader_start = readers_of(tables.outputs, tables.lanes.shape[0], tables.reach.size)
    # Facts that are all visible as they happen are never in flight.
    others = largest if facts.times.shape[0] > 1 else 0
    return Buffers(
        np.zeros(largest + 1, dtype=np.int64),
        np.zeros(largest + 1, dtype=np.int64),
        np.zeros(largest + 1, dtype=np.int64),
        np.empty(largest + 1, dtype=np.int64),
        np.empty(largest + 1, dtype=np.int64),
        np.zeros(largest, dtype=np.uint8),
        np.empty(others, dtype=np.int64),
        np.empty((tables.reach.size, requests), dtype=np.int64),
        np.empty(requests, dtype=np.int64),
        np.empty(others + requests, dtype=np.int64),
        np.zeros(requests + 1, dtype=np.int64),
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
    for index in range(lanes * windows):
        for output in range(outputs.shape[0]):
            if (
                outputs[output, LANE] == index // windows
                and outputs[output, WINDOW] == index % windows
            ):
                readers[count] = output
                count += 1
        start[index // windows + 1] = count
    return readers, start


@compiled_part
def find_edges(state: SweepState, buffers: Buffers, request_times: Ints) -> int:
    """Find for each request where its windows begin, how far facts are stable, and which others
    it sees.

    Returns: how many facts are irregular, `TOO_MANY` if the fast path would be slow.
    """
    times, scalars = state.times, state.scalars
    begin, stop = scalars[BEGIN], scalars[STOP]
    is_sparse = stop - begin > SPARSE * request_times.size
    past = begin
    for index in range(request_times.size):
        past = advance_to(times, past, stop, request_times[index] + 1 - scalars[LAG], is_sparse)
        buffers.stable[index] = past
    for window in range(state.windows.shape[0]):
        find_firsts(state, buffers, window, request_times, is_sparse)
    # Facts visible from when they happen: the whole past is the stable prefix.
    if times.shape[0] == 1:
        return 0
    irregular = mark_irregular(state, buffers)
    return irregular if find_stable_prefix(state, buffers, irregular, request_times) else TOO_MANY


@compiled_part
def find_firsts(
    state: SweepState, buffers: Buffers, window: int, request_times: Ints, is_sparse: bool
) -> None:
    """Find where a window begins for each request: by a walk back from what has happened where
    windows are short, or on from request to request.
    """
    times, begin, stop, reach = (
        state.times,
        state.scalars[BEGIN],
        state.scalars[STOP],
        state.windows[window, REACH],
    )
    covered = times[EVENT_TIME, stop - 1] - times[EVENT_TIME, begin] if begin < stop else 0
    first = begin
    # Short windows among wide gaps: walking back from each request touches fewer facts.
    if reach < covered // request_times.size:
        for index in range(request_times.size):
            first = buffers.stable[at(index)]
            while (
                first > begin and times[EVENT_TIME, at(first - 1)] >= request_times[index] - reach
            ):
                first -= 1
            buffers.firsts[at(window), at(index)] = first
        return
    for index in range(request_times.size):
        first = advance_to(times, first, stop, request_times[index] - reach, is_sparse)
        buffers.firsts[at(window), at(index)] = first


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
def mark_irregular(state: SweepState, buffers: Buffers) -> int:
    """Mark the irregular facts; how many there are."""
    times, appears, begin, stop = (
        state.times,
        state.appears,
        state.scalars[BEGIN],
        state.scalars[STOP],
    )
    for bits in range(buffers.classes.size):
        buffers.classes[bits] = 0
    for position in range(begin, stop):
        happened = times[EVENT_TIME, at(position)]
        appears[at(position)] = max(
            happened + state.scalars[LAG], times[VISIBLE_FROM, at(position)]
        )
        buffers.classes[at(bit_length(appears[at(position)] - happened))] += 1
    # The limit of lateness comes from the facts themselves: whatever is late for this key is
    # irregular, and the rest holds the prefix back by no more than that.
    limit, later = buffers.classes.size - 1, 0
    while limit > 0 and later + buffers.classes[limit] <= (stop - begin) >> IRREGULAR_SHARE:
        later += buffers.classes[limit]
        limit -= 1
    count = 0
    for position in range(begin, stop):
        lateness = appears[at(position)] - times[EVENT_TIME, at(position)]
        is_irregular = times[VISIBLE_TO, at(position)] != NEVER or bit_length(lateness) > limit
        buffers.irregular[at(position - begin)] = is_irregular
        if is_irregular:
            buffers.late[at(count)] = position
            count += 1
    return count


@compiled_part
def find_stable_prefix(
    state: SweepState, buffers: Buffers, irregular: int, request_times: Ints
) -> bool:
    """For each request the end of the stable prefix, and what it sees of the facts in flight
    behind that and of the irregular ones before it.
    """
    appears, begin, stop = state.appears, state.scalars[BEGIN], state.scalars[STOP]
    stable, first_late, count = begin, 0, 0
    patience = PATIENCE * (stop - begin + request_times.size)
    for index in range(request_times.size):
        time = request_times[index]
        # Irregular facts do not hold the prefix back; each request looks at them one by one.
        while stable < stop and (
            buffers.irregular[at(stable - begin)] != 0 or appears[at(stable)] <= time
        ):
            stable += 1
        past = max(buffers.stable[index], stable)
        oldest = stop
        for window in range(buffers.firsts.shape[0]):
            oldest = min(oldest, buffers.firsts[window, index])
        while first_late < irregular and buffers.late[first_late] < oldest:
            first_late += 1
        buffers.stable[index], buffers.extra_start[index] = stable, count
        late = first_late
        while late < irregular and buffers.late[late] < stable:
            count = see(state, buffers, buffers.late[late], time, count)
            late += 1
        for position in range(max(stable, oldest), past):
            count = see(state, buffers, position, time, count)
        # A budget for all requests together: a few hard ones may be paid for by many easy ones.
        patience -= late - first_late + past - stable
        if patience < 0 or count == buffers.extra.size:
            return False
    buffers.extra_start[request_times.size] = count
    return True


@compiled_part
def see(state: SweepState, buffers: Buffers, position: int, time: int, count: int) -> int:
    """Note a position if its fact is visible, as long as there is space."""
    if (
        count < buffers.extra.size
        and state.appears[at(position)] <= time < state.times[VISIBLE_TO, at(position)]
    ):
        buffers.extra[at(count)] = position
        return count + 1
    return count


@compiled_part
def is_value(state: SweepState, column: int, position: int) -> bool:
    """Whether a fact counts for a column: its value is not null, or the row as a whole is meant."""
    return bool(column == WHOLE_ROW or state.valid[at(column), at(position)] != 0)
