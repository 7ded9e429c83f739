"""The sweep: each key's requests in order of time, its facts appearing, being superseded and
expiring on the way.

A fact is seen at q when `event_time < q` (or `<= q`, where windows close so) and `visible_from <= q
< visible_to`.  The first two conditions are one threshold, `appears`, so that a key's facts form
two lists sorted by time (entering, leaving) and each window one pointer over event time.  Every
list is walked once: the cost of a key is its facts times its windows plus its requests times its
outputs, whatever the pattern of lateness.  Requests so far apart that hardly a fact can matter to
both sides of a gap are separate episodes, so that facts that no window sees are never touched.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import (
    EVENT_TIME,
    NEVER,
    VISIBLE_FROM,
    VISIBLE_TO,
    Facts,
    Ints,
    KernelResult,
    Spine,
)
from mainspring.features.kernel.jit import allocating_part, compiled_part, whole_part
from mainspring.features.kernel.order import (
    count_by_key,
    group_rows,
    lower_bound,
    sort_positions,
    sort_rows,
)
from mainspring.features.kernel.program import Tables
from mainspring.features.kernel.states.exact_square import NO_SQUARE_LIMB, SQUARE_CELLS, WIDE_CELLS
from mainspring.features.kernel.states.exact_sum import CELLS, NUMBER_CELLS
from mainspring.features.kernel.states.extreme import leaves_for
from mainspring.features.kernel.states.multiset import empty_bags
from mainspring.features.kernel.states.sketch import REGISTER_VALUES
from mainspring.features.kernel.windows.edge import allocate_buffers
from mainspring.features.kernel.windows.finalise import write_row
from mainspring.features.kernel.windows.stable import answer_stable
from mainspring.features.kernel.windows.state import (
    AGGREGATED,
    BEGIN,
    ENTERED,
    ENTERING,
    FIRST,
    FRAME_FIELDS,
    HIGH,
    LAG,
    LANE_FIELDS,
    LEAVING,
    LEFT,
    LOW,
    NOTHING,
    REACH,
    STOP,
    SweepBuffers,
    SweepState,
    clear,
)
from mainspring.features.kernel.windows.transition import enter, expire, leave

__all__ = ["Part", "sealed_sweep"]

REQUEST_WEIGHT = 8
"""How many facts cost as much as a request."""
FEW = 128
"""Up to so many facts of a key are touched sooner than it is found out which of them nobody asks
about.
"""


class Part(NamedTuple):
    """One thread's part of a pass: the keys that fall to one of so many shares of about equal
    work.
    """

    tables: Tables
    share: int
    shares: int


def sealed_sweep(edition: int) -> Callable[[Part, Facts, Spine, KernelResult], None]:
    """The sweep with the edition of its source inside, which keeps numba's cache honest (see `jit`)
    and the answer attributable.
    """

    def sweep(part: Part, facts: Facts, spine: Spine, answer: KernelResult) -> None:
        tables, key_start, outputs, keys = (
            part.tables,
            facts.key_start,
            part.tables.outputs,
            facts.key_start.size - 1,
        )
        answer.note[1] = edition
        starts = count_by_key(spine.key_code, keys)
        first_key, stop_key = (
            share_bound(key_start, starts, part.share, part.shares),
            share_bound(key_start, starts, part.share + 1, part.shares),
        )
        rows, request_times = group_rows(spine, starts, first_key, stop_key)
        facts_of_key, rows_of_key = (
            largest_key(key_start, first_key, min(stop_key, keys)),
            largest_key(starts, first_key, stop_key),
        )
        most = max(facts_of_key, rows_of_key)
        state, buffers = (
            empty_state(tables, facts, facts_of_key),
            allocate_buffers(tables, facts, facts_of_key, rows_of_key),
        )
        entering, leaving, spare = (
            np.empty(most, dtype=np.int64),
            np.empty(most, dtype=np.int64),
            np.empty(most, dtype=np.int64),
        )
        stop = 0
        for key in range(first_key, stop_key):
            first, last = stop, starts[key + 1] - starts[first_key]
            # Requests may come in any order; time only moves forward inside a key.
            sort_rows(rows[first:last], request_times[first:last], entering, spare)
            while first < last:
                stop = (
                    last
                    if key_start[min(key + 1, keys)] - key_start[key] <= FEW
                    else episode_end(state, request_times, first, last)
                )
                choose(state, key_start, key, request_times[first], request_times[stop - 1])
                # Whatever the fast path wrote before it declined is written over by the sweep.
                if not tables.has_fast_path or not answer_stable(
                    state, buffers, outputs, rows[first:stop], request_times[first:stop], answer
                ):
                    answer_episode(
                        state,
                        outputs,
                        rows[first:stop],
                        request_times[first:stop],
                        entering,
                        leaving,
                        spare,
                        answer,
                    )
                first = stop

    return sweep


@compiled_part
def share_bound(key_start: Ints, starts: Ints, share: int, shares: int) -> int:
    """The first key of a share: the work of a key is its facts, and its requests several times."""
    keys = key_start.size - 1
    if share == shares:
        return keys + 1
    # Whole keys only: a key has one state, which threads would have to share.
    wanted = (key_start[keys] + REQUEST_WEIGHT * starts[keys + 1]) // shares * share
    low, high = 0, keys
    while low < high:
        middle = (low + high) >> 1
        if key_start[middle] + REQUEST_WEIGHT * starts[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@whole_part
def answer_episode(
    state: SweepState,
    outputs: Ints,
    rows: Ints,
    request_times: Ints,
    entering: Ints,
    leaving: Ints,
    spare: Ints,
    answer: KernelResult,
) -> None:
    """Answer requests about the facts between BEGIN and STOP, in order of time."""
    clear(state)
    schedule(state, request_times[request_times.size - 1], entering, leaving, spare)
    for index in range(rows.size):
        advance(state, request_times[index], entering, leaving)
        write_row(state, outputs, answer, rows[index], request_times[index])


@compiled_part
def episode_end(state: SweepState, request_times: Ints, first: int, stop: int) -> int:
    """The end of the requests after `first` that can share facts with it: before the first gap
    that no window spans.
    """
    longest = 0
    for window in range(state.windows.shape[0]):
        longest = max(longest, state.windows[window, REACH])
    for index in range(first + 1, stop):
        # Beyond such a gap no fact is in a window on both sides, and those in between are skipped.
        if request_times[index] - longest >= request_times[index - 1]:
            return index
    return stop


@compiled_part
def largest_key(key_start: Ints, first: int, stop: int) -> int:
    """The most facts that one of the keys first … stop has."""
    largest = 0
    for key in range(first, stop):
        largest = max(largest, key_start[key + 1] - key_start[key])
    return largest


@allocating_part
def empty_state(tables: Tables, facts: Facts, largest: int) -> SweepState:
    """The state before any key, with room for keys of up to this many facts."""
    times, sizes, lanes = facts.times, tables.sizes, empty_lanes(tables.lanes)
    windows, scalars = empty_windows(tables.reach)
    scalars[AGGREGATED], scalars[LAG] = tables.aggregated, tables.lag
    # Every lane gets the width that squares need if any has squares: one matrix, and no branch.
    cells = np.zeros(
        (lanes.shape[0] * (tables.aggregated + 1), SQUARE_CELLS if sizes.squares else CELLS),
        dtype=np.int64,
    )
    trees = np.empty((sizes.trees, 2 * leaves_for(largest)), dtype=np.int64)
    bags = empty_bags(sizes.bags, max(largest, sizes.codes), tables.aggregated)
    appears = np.empty(times.shape[1], dtype=np.int64)
    leaves_at = (
        times[VISIBLE_TO] if times.shape[0] > 1 else np.empty(times.shape[1], dtype=np.int64)
    )
    scratch = empty_scratch(sizes.registers, sizes.ranks)
    return SweepState(
        lanes,
        windows,
        scalars,
        cells,
        trees,
        bags,
        tables.parameters,
        times,
        facts.values,
        facts.valid,
        appears,
        leaves_at,
        scratch,
    )


@allocating_part
def empty_lanes(program: Ints) -> Ints:
    """The lanes of a program before any fact."""
    lanes = np.empty((program.shape[0], LANE_FIELDS), dtype=np.int64)
    for lane in range(lanes.shape[0]):
        for field in range(program.shape[1]):
            lanes[lane, field] = program[lane, field]
        lanes[lane, LOW] = NO_SQUARE_LIMB
        lanes[lane, HIGH] = NOTHING
    return lanes


@allocating_part
def empty_windows(reach: Ints) -> tuple[Ints, Ints]:
    """The windows of a program, and the scalars of a key."""
    windows = np.zeros((reach.size, 2), dtype=np.int64)
    for window in range(reach.size):
        windows[window, REACH] = reach[window]
    return windows, np.zeros(FRAME_FIELDS, dtype=np.int64)


@allocating_part
def empty_scratch(registers: int, ranks: int) -> SweepBuffers:
    """Room to read a state in."""
    number, wide = np.zeros(NUMBER_CELLS, dtype=np.int64), np.zeros(WIDE_CELLS, dtype=np.int64)
    histogram = np.zeros(REGISTER_VALUES, dtype=np.int64)
    return SweepBuffers(
        number,
        wide,
        np.zeros(registers, dtype=np.uint8),
        histogram,
        np.zeros(ranks, dtype=np.int64),
    )


@compiled_part
def choose(state: SweepState, key_start: Ints, key: int, earliest: int, latest: int) -> None:
    """Set BEGIN and STOP to the positions of a key's facts that can matter to requests between two
    times; none for an unknown key.
    """
    windows, scalars, times = state.windows, state.scalars, state.times
    scalars[BEGIN] = scalars[STOP] = 0
    if key == key_start.size - 1:
        return
    low = key_start[key]
    stop = lower_bound(times, EVENT_TIME, low, key_start[key + 1], latest + 1 - scalars[LAG])
    begin, last = stop, windows.shape[0] - 1
    # Of the aggregated windows and of the lookups the last is the widest.
    if scalars[AGGREGATED] > 0:
        begin = lower_bound(
            times, EVENT_TIME, low, stop, earliest - windows[scalars[AGGREGATED] - 1, REACH]
        )
    if last >= scalars[AGGREGATED]:
        begin = min(
            begin,
            newest_stable(
                lower_bound(times, EVENT_TIME, low, stop, earliest - windows[last, REACH]),
                stop,
                earliest,
                times,
            ),
        )
    scalars[BEGIN] = begin
    scalars[STOP] = stop


@compiled_part
def newest_stable(first: int, stop: int, time: int, times: Ints) -> int:
    """The newest fact that is seen at this time and never superseded: no later lookup can answer
    with an older one; `first` if there is none.
    """
    if times.shape[0] == 1:
        return max(lower_bound(times, EVENT_TIME, first, stop, time) - 1, first)
    # Backwards from the present: the newest fact is nearly always among the last few.
    for position in range(lower_bound(times, EVENT_TIME, first, stop, time) - 1, first, -1):
        if times[VISIBLE_FROM, position] <= time and times[VISIBLE_TO, position] == NEVER:
            return position
    return first


@compiled_part
def schedule(state: SweepState, latest: int, entering: Ints, leaving: Ints, spare: Ints) -> None:
    """List the facts between BEGIN and STOP that appear until `latest`, in the order in which they
    do, and those that are superseded until then.
    """
    scalars, times, appears = state.scalars, state.times, state.appears
    entering_count, leaving_count = 0, 0
    for position in range(scalars[BEGIN], scalars[STOP]):
        appears[position] = times[EVENT_TIME, position] + scalars[LAG]
        if times.shape[0] == 1:
            state.leaves_at[position] = NEVER
        else:
            appears[position] = max(appears[position], times[VISIBLE_FROM, position])
        superseded = state.leaves_at[position]
        # Never seen by any of these requests: superseded before it was past and visible, or too
        # late.
        if appears[position] >= superseded or appears[position] > latest:
            continue
        entering[entering_count] = position
        entering_count += 1
        if superseded <= latest:
            leaving[leaving_count] = position
            leaving_count += 1
    # Stable, so facts that appear at once enter in total order.
    sort_positions(entering[:entering_count], appears, spare)
    sort_positions(leaving[:leaving_count], state.leaves_at, spare)
    scalars[ENTERING], scalars[LEAVING] = entering_count, leaving_count
    scalars[ENTERED] = scalars[LEFT] = 0


@compiled_part
def advance(state: SweepState, time: int, entering: Ints, leaving: Ints) -> None:
    """Bring the state of the key to a time not before the last."""
    windows, scalars, times = state.windows, state.scalars, state.times
    upto = scalars[ENTERED]
    while upto < scalars[ENTERING] and state.appears[entering[upto]] <= time:
        upto += 1
    if upto > scalars[ENTERED]:
        enter(state, entering, upto)
    # After entering and before expiring: a fact leaves only what it has entered, and `expire`
    # counts only facts that are still seen.
    while scalars[LEFT] < scalars[LEAVING] and state.leaves_at[leaving[scalars[LEFT]]] <= time:
        leave(state, leaving[scalars[LEFT]], time)
        scalars[LEFT] += 1
    for window in range(windows.shape[0]):
        first = windows[window, FIRST]
        while first < scalars[STOP] and times[EVENT_TIME, first] < time - windows[window, REACH]:
            first += 1
        if first > windows[window, FIRST]:
            expire(state, window, first, time)
