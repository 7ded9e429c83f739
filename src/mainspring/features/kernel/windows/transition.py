"""How a fact enters the state of its key, leaves it, and leaves a window.

Additive lanes keep one sum of *everything* seen so far, shared by all windows, and per window a sum
of what has *expired* from it; a window's content is the exact difference.  So a fact that appears
is added once however many windows there are, facts may appear and disappear in any order, and late
or revised facts need no path of their own.  Multisets, whose counts are small, count for each
window what is inside.
"""

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.lane import Lane
from mainspring.features.kernel.states.bucket import (
    bin_of,
    bucket_index,
    bucket_of,
    canonical_bits,
    double_of_integer,
)
from mainspring.features.kernel.states.exact_square import SQUARE_SPREAD, add_square
from mainspring.features.kernel.states.exact_sum import COUNT, SPREAD, add_float, add_integer
from mainspring.features.kernel.states.extreme import BLOCK_SHIFT, raise_leaf, replace_leaf
from mainspring.features.kernel.states.multiset import change_count, code_of_image
from mainspring.features.kernel.states.sketch import observation_of
from mainspring.features.kernel.windows.ranking import block_rank, rank_at
from mainspring.features.kernel.windows.state import (
    AGGREGATED,
    BEGIN,
    COLUMN,
    ENTERED,
    FIRST,
    HIGH,
    IS_FLOAT,
    KIND,
    LEAVES,
    LENGTH,
    LOW,
    NEWEST,
    NOTHING,
    OFFSET,
    STATE_INDEX,
    SweepState,
    counts,
    is_seen,
)

__all__ = ["enter", "expire", "leave"]


@compiled_part
def add(state: SweepState, lane: int, row: int, position: int, sign: int) -> int:
    """Add a fact to (sign 1) or take it from (-1) a row of cells.  Returns the lowest limb touched,
    or NOTHING.
    """
    lanes, cells = state.lanes, state.cells
    kind = lanes[lane, KIND]
    if kind == Lane.TALLY:
        cells[row, COUNT] += sign
        return NOTHING
    bits, is_float = state.values[lanes[lane, COLUMN], position], lanes[lane, IS_FLOAT] != 0
    if kind == Lane.TRUTHS:
        # True counts once whatever bits stand for it.
        cells[row, COUNT] += sign * (bits != 0)
        return NOTHING
    if kind == Lane.SQUARES:
        return add_square(cells, row, bits, is_float, sign)
    return add_float(cells, row, bits, sign) if is_float else add_integer(cells, row, bits, sign)


@compiled_part
def add_everywhere(state: SweepState, lane: int, position: int, sign: int) -> None:
    """Add a fact to everything, or take it away, and likewise for each window from which it has
    expired already.
    """
    lanes, aggregated = state.lanes, state.scalars[AGGREGATED]
    row = lane * (aggregated + 1)
    limb = add(state, lane, row + aggregated, position, sign)
    if limb >= 0:
        lanes[lane, LOW] = min(lanes[lane, LOW], limb)
        lanes[lane, HIGH] = max(
            lanes[lane, HIGH],
            limb + (SQUARE_SPREAD if lanes[lane, KIND] == Lane.SQUARES else SPREAD),
        )
    window = 0
    # Windows ascend, so their first positions descend.
    while window < aggregated and position < state.windows[window, FIRST]:
        add(state, lane, row + window, position, sign)
        window += 1


@compiled_part
def enter(state: SweepState, positions: Ints, upto: int) -> None:
    """The facts at positions[ENTERED] … positions[upto] appear."""
    lanes, scalars = state.lanes, state.scalars
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        for index in range(scalars[ENTERED], upto):
            position = positions[index]
            if not counts(state, lane, position):
                continue
            if kind <= Lane.SQUARES:
                add_everywhere(state, lane, position, 1)
            # Positions are in total order, so the newest is the greatest, whatever order facts
            # appear in.
            elif kind == Lane.NEWEST:
                lanes[lane, NEWEST] = max(lanes[lane, NEWEST], position)
            elif kind >= Lane.VALUES:
                state.bags.codes[lanes[lane, STATE_INDEX], position - scalars[BEGIN]] = code_at(
                    state, lane, position
                )
                change_windows(state, lane, position, 1)
            else:
                leaf = scalars[LEAVES] + ((position - scalars[BEGIN]) >> BLOCK_SHIFT)
                raise_leaf(
                    state.trees, lanes[lane, STATE_INDEX], leaf, rank_at(state, lane, position)
                )
    scalars[ENTERED] = upto


@compiled_part
def leave(state: SweepState, position: int, time: int) -> None:
    """A fact that has appeared is superseded."""
    lanes, scalars = state.lanes, state.scalars
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        if not counts(state, lane, position):
            continue
        if kind <= Lane.SQUARES:
            add_everywhere(state, lane, position, -1)
        elif kind == Lane.NEWEST:
            # Only the newest fact can change the answer by leaving; the search back is short and
            # rare.
            if lanes[lane, NEWEST] == position:
                lanes[lane, NEWEST] = newest_before(state, lane, position, time)
        elif kind >= Lane.VALUES:
            change_windows(state, lane, position, -1)
        else:
            # A maximum cannot be subtracted: the block is looked at again, 16 facts, and the path
            # above it.
            block = (position - scalars[BEGIN]) >> BLOCK_SHIFT
            rank = block_rank(state, lane, scalars[BEGIN] + (block << BLOCK_SHIFT), time)
            replace_leaf(state.trees, lanes[lane, STATE_INDEX], scalars[LEAVES] + block, rank)


@compiled_part
def expire(state: SweepState, window: int, first: int, time: int) -> None:
    """Move the start of a window on to the position `first`: the facts passed that are seen now
    have expired; `enter` counts those that are seen later.
    """
    lanes, windows, aggregated = state.lanes, state.windows, state.scalars[AGGREGATED]
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        # Trees and newest positions need nothing: a window asks them from its first position on.
        if Lane.SQUARES < kind < Lane.VALUES or window >= aggregated:
            continue
        for position in range(windows[window, FIRST], first):
            # A fact that is not visible yet has entered nothing; `add_everywhere` counts it as
            # expired when it does.
            if not is_seen(state, position, time) or not counts(state, lane, position):
                continue
            if kind <= Lane.SQUARES:
                add(state, lane, lane * (aggregated + 1) + window, position, 1)
            else:
                change_window(state, lane, position, window, -1)
    windows[window, FIRST] = first


@compiled_part
def code_at(state: SweepState, lane: int, position: int) -> int:
    """The code of a fact in the lane's multiset, NOTHING when it counts nowhere."""
    lanes, parameters = state.lanes, state.parameters
    kind, is_float, offset, length = (
        lanes[lane, KIND],
        lanes[lane, IS_FLOAT] != 0,
        lanes[lane, OFFSET],
        lanes[lane, LENGTH],
    )
    image = canonical_bits(state.values[lanes[lane, COLUMN], position], is_float)
    # Bins and listed values are few and known beforehand; the rest get codes as they come.
    if kind == Lane.BINS:
        return bin_of(parameters[offset : offset + length], image, is_float)
    if kind == Lane.LISTED:
        return bucket_index(parameters[offset : offset + length], image)
    if kind == Lane.SKETCH:
        image = observation_of(image, parameters[offset])
    elif kind == Lane.BUCKETS:
        image = bucket_of(image if is_float else double_of_integer(image))
    return code_of_image(state.bags, lanes[lane, STATE_INDEX], image, kind == Lane.BUCKETS)


@compiled_part
def change_windows(state: SweepState, lane: int, position: int, sign: int) -> None:
    """Count a fact in the lane's multiset, or take it away, for each window from which it has not
    expired.
    """
    # From the widest window: the first that has lost the fact ends the walk.
    window = state.scalars[AGGREGATED] - 1
    while window >= 0 and position >= state.windows[window, FIRST]:
        change_window(state, lane, position, window, sign)
        window -= 1


@compiled_part
def change_window(state: SweepState, lane: int, position: int, window: int, sign: int) -> None:
    """Count a fact that has its code in the lane's multiset for one window, or take it away."""
    bag = state.lanes[lane, STATE_INDEX]
    code = state.bags.codes[bag, position - state.scalars[BEGIN]]
    if code != NOTHING:
        change_count(state.bags, bag, code, window, sign)


@compiled_part
def newest_before(state: SweepState, lane: int, position: int, time: int) -> int:
    """The last fact before a position that is seen and counts for the lane, or NOTHING."""
    for earlier in range(position - 1, state.scalars[BEGIN] - 1, -1):
        if is_seen(state, earlier, time) and counts(state, lane, earlier):
            return earlier
    return NOTHING
