"""The intermediate state of one key, and how a fact enters it, leaves it, and leaves a window.

Additive lanes keep one sum of *everything* seen so far, shared by all windows, and per window a sum of what has *expired* from it; a window's content is
the exact difference.  So a fact that appears is added once however many windows there are, facts may appear and disappear in any order, and late or
revised facts need no path of their own.
"""

from typing import Final, NamedTuple

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.exact_square import NO_SQUARE_LIMB, SQUARE_SPREAD, add_square
from mainspring.features.kernel.exact_sum import COUNT, LIMBS, SPREAD, add_float, add_integer
from mainspring.features.kernel.extreme import BLOCK, BLOCK_SHIFT, LOWEST_RANK, leaves_for, raise_leaf, rank_of, replace_leaf, suffix_maximum
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.lane import WHOLE_ROW, Lane
from mainspring.features.kernel.multiset import Bags, change, clear_bag, code_of_image
from mainspring.features.kernel.sketch import canonical_bits, observation_of

__all__ = [
    "AGGREGATED",
    "BEGIN",
    "COLUMN",
    "ENTERED",
    "ENTERING",
    "FIRST",
    "FRAME_FIELDS",
    "HIGH",
    "IS_FLOAT",
    "KIND",
    "LAG",
    "LANE_FIELDS",
    "LEAVES",
    "LEAVING",
    "LEFT",
    "LOW",
    "NEWEST",
    "NOTHING",
    "OFFSET",
    "PLACE",
    "REACH",
    "STOP",
    "Scratch",
    "State",
    "clear",
    "enter",
    "expire",
    "greatest_rank",
    "leave",
]

NOTHING: Final = -1
COLUMN, KIND, IS_FLOAT, OFFSET, LENGTH, PLACE, LOW, HIGH, NEWEST, LANE_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
REACH, FIRST = 0, 1
BEGIN, STOP, LEAVES, AGGREGATED, LAG, ENTERING, LEAVING, ENTERED, LEFT, FRAME_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9


class Scratch(NamedTuple):
    """Room in which a state is read.

    Shapes: number (NUMBER_CELLS,) for a sum, wide (WIDE_CELLS,) for a sum of squares; registers (of the largest sketch,) and histogram (REGISTER_VALUES,)
    for a sketch, zero in between.
    """

    number: Ints
    wide: Ints
    registers: Bytes
    histogram: Ints


class State(NamedTuple):
    """What the sweep knows of the key that it is at, and the facts themselves.

    A record of arrays costs nothing in parts compiled without the allocator: LLVM takes it apart.  In an `allocating_part` numba would count references
    on every array taken out of it, which costs ten times the arithmetic; take the arrays out once there, before the loops.

    Shapes:
        lanes: (lanes, 9): COLUMN, KIND, IS_FLOAT, OFFSET, LENGTH and PLACE as `LaneBook` gives them; LOW and HIGH, the lowest and highest limb touched;
            NEWEST position.
        windows: (windows, 2): REACH of the program, FIRST position that is not older than the window.
        frame: (9,): BEGIN and STOP of the positions that can matter to the key's questions, LEAVES of its trees, number of AGGREGATED windows and LAG of
            the program, and how many facts are ENTERING and LEAVING in all and have ENTERED and LEFT so far.
        cells: (lanes * (aggregated windows + 1), CELLS or SQUARE_CELLS): exact sums; a lane's last row is everything, the rows
            before it what expired from each window.
        trees: (lanes with ranks, nodes): block trees.
        bags: multisets.
        parameters: of the program.
        times, values, valid: of `Facts`.
        appears: (facts,): the first time at which a fact is both in the past and visible.
        leaves_at: (facts,): the time at which it is superseded, NEVER for most.
    """

    lanes: Ints
    windows: Ints
    frame: Ints
    cells: Ints
    trees: Ints
    bags: Bags
    parameters: Ints
    times: Ints
    values: Ints
    valid: Bytes
    appears: Ints
    leaves_at: Ints
    scratch: Scratch


@compiled_part
def clear(state: State) -> None:
    """Forget the last key and make ready for the positions BEGIN … STOP of the frame; touches only what was used."""
    lanes, windows, frame, cells, trees = state.lanes, state.windows, state.frame, state.cells, state.trees
    rows = frame[AGGREGATED] + 1
    for lane in range(lanes.shape[0]):
        for row in range(lane * rows, (lane + 1) * rows):
            for cell in range(LIMBS):
                cells[row, cell] = 0
            for limb in range(lanes[lane, LOW], lanes[lane, HIGH] + 1):
                cells[row, LIMBS + limb] = 0
        lanes[lane, LOW] = NO_SQUARE_LIMB
        lanes[lane, HIGH] = NOTHING
        lanes[lane, NEWEST] = NOTHING
        if lanes[lane, KIND] >= Lane.VALUES:
            clear_bag(state.bags, lanes[lane, PLACE], 0)
    frame[LEAVES] = leaves_for(frame[STOP] - frame[BEGIN])
    for tree in range(trees.shape[0]):
        for node in range(2 * frame[LEAVES]):
            trees[tree, node] = LOWEST_RANK
    for window in range(windows.shape[0]):
        windows[window, FIRST] = frame[BEGIN]


@compiled_part
def counts(state: State, lane: int, position: int) -> bool:
    """Whether a fact counts for a lane: its value is not null, or the row as a whole is meant."""
    column = state.lanes[lane, COLUMN]
    return bool(column == WHOLE_ROW or state.valid[column, position] != 0)


@compiled_part
def is_seen(state: State, position: int, time: int) -> bool:
    """Whether a fact is in the past, visible and not superseded."""
    return bool(state.appears[position] <= time < state.leaves_at[position])


@compiled_part
def add(state: State, lane: int, row: int, position: int, sign: int) -> int:
    """Add a fact to (sign 1) or take it from (-1) a row of cells.  Returns the lowest limb touched, or NOTHING."""
    lanes, cells = state.lanes, state.cells
    kind = lanes[lane, KIND]
    if kind == Lane.TALLY:
        cells[row, COUNT] += sign
        return NOTHING
    bits, is_float = state.values[lanes[lane, COLUMN], position], lanes[lane, IS_FLOAT] != 0
    if kind == Lane.TRUTHS:
        cells[row, COUNT] += sign * (bits != 0)
        return NOTHING
    if kind == Lane.SQUARES:
        return add_square(cells, row, bits, is_float, sign)
    return add_float(cells, row, bits, sign) if is_float else add_integer(cells, row, bits, sign)


@compiled_part
def add_everywhere(state: State, lane: int, position: int, sign: int) -> None:
    """Add a fact to everything, or take it away, and likewise for each window from which it has expired already."""
    lanes, aggregated = state.lanes, state.frame[AGGREGATED]
    row = lane * (aggregated + 1)
    limb = add(state, lane, row + aggregated, position, sign)
    if limb >= 0:
        lanes[lane, LOW] = min(lanes[lane, LOW], limb)
        lanes[lane, HIGH] = max(lanes[lane, HIGH], limb + (SQUARE_SPREAD if lanes[lane, KIND] == Lane.SQUARES else SPREAD))
    window = 0
    # Windows ascend, so their first positions descend.
    while window < aggregated and position < state.windows[window, FIRST]:
        add(state, lane, row + window, position, sign)
        window += 1


@compiled_part
def enter(state: State, positions: Ints, upto: int) -> None:
    """The facts at positions[ENTERED] … positions[upto] appear."""
    lanes, frame = state.lanes, state.frame
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        for index in range(frame[ENTERED], upto):
            position = positions[index]
            if not counts(state, lane, position):
                continue
            if kind <= Lane.SQUARES:
                add_everywhere(state, lane, position, 1)
            elif kind == Lane.NEWEST:
                lanes[lane, NEWEST] = max(lanes[lane, NEWEST], position)
            elif kind >= Lane.VALUES:
                state.bags.codes[lanes[lane, PLACE], position - frame[BEGIN]] = code_at(state, lane, position)
                change_windows(state, lane, position, 1)
            else:
                leaf = frame[LEAVES] + ((position - frame[BEGIN]) >> BLOCK_SHIFT)
                raise_leaf(state.trees, lanes[lane, PLACE], leaf, rank_at(state, lane, position))
    frame[ENTERED] = upto


@compiled_part
def leave(state: State, position: int, time: int) -> None:
    """A fact that has appeared is superseded."""
    lanes, frame = state.lanes, state.frame
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        if not counts(state, lane, position):
            continue
        if kind <= Lane.SQUARES:
            add_everywhere(state, lane, position, -1)
        elif kind == Lane.NEWEST:
            if lanes[lane, NEWEST] == position:
                lanes[lane, NEWEST] = newest_before(state, lane, position, time)
        elif kind >= Lane.VALUES:
            change_windows(state, lane, position, -1)
        else:
            block = (position - frame[BEGIN]) >> BLOCK_SHIFT
            rank = block_rank(state, lane, frame[BEGIN] + (block << BLOCK_SHIFT), time)
            replace_leaf(state.trees, lanes[lane, PLACE], frame[LEAVES] + block, rank)


@compiled_part
def expire(state: State, window: int, first: int, time: int) -> None:
    """Move the start of a window on to the position `first`: the facts passed that are seen now have expired; `enter` counts those that are seen later."""
    lanes, windows, aggregated = state.lanes, state.windows, state.frame[AGGREGATED]
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        if Lane.SQUARES < kind < Lane.VALUES or window >= aggregated:
            continue
        for position in range(windows[window, FIRST], first):
            if not is_seen(state, position, time) or not counts(state, lane, position):
                continue
            if kind <= Lane.SQUARES:
                add(state, lane, lane * (aggregated + 1) + window, position, 1)
            else:
                change_window(state, lane, position, window, -1)
    windows[window, FIRST] = first


@compiled_part
def code_at(state: State, lane: int, position: int) -> int:
    """The code of a fact in the lane's multiset."""
    lanes = state.lanes
    image = canonical_bits(state.values[lanes[lane, COLUMN], position], lanes[lane, IS_FLOAT] != 0)
    if lanes[lane, KIND] == Lane.SKETCH:
        image = observation_of(image, state.parameters[lanes[lane, OFFSET]])
    return code_of_image(state.bags, lanes[lane, PLACE], image, False)


@compiled_part
def change_windows(state: State, lane: int, position: int, sign: int) -> None:
    """Count a fact in the lane's multiset, or take it away, for each window from which it has not expired."""
    window = state.frame[AGGREGATED] - 1
    while window >= 0 and position >= state.windows[window, FIRST]:
        change_window(state, lane, position, window, sign)
        window -= 1


@compiled_part
def change_window(state: State, lane: int, position: int, window: int, sign: int) -> None:
    """Count a fact that has its code in the lane's multiset for one window, or take it away."""
    bag = state.lanes[lane, PLACE]
    change(state.bags, bag, state.bags.codes[bag, position - state.frame[BEGIN]], window, sign)


@compiled_part
def newest_before(state: State, lane: int, position: int, time: int) -> int:
    """The last fact before a position that is seen and counts for the lane, or NOTHING."""
    for earlier in range(position - 1, state.frame[BEGIN] - 1, -1):
        if is_seen(state, earlier, time) and counts(state, lane, earlier):
            return earlier
    return NOTHING


@compiled_part
def rank_at(state: State, lane: int, position: int) -> int:
    """The rank of a fact in the lane's tree."""
    lanes = state.lanes
    if lanes[lane, KIND] >= Lane.OLDEST:
        return position if lanes[lane, KIND] == Lane.RECENT else ~position
    return rank_of(state.values[lanes[lane, COLUMN], position], lanes[lane, IS_FLOAT] != 0, lanes[lane, KIND] == Lane.LEAST)


@compiled_part
def block_rank(state: State, lane: int, position: int, time: int) -> int:
    """The greatest rank seen from a position to the end of its block."""
    begin = state.frame[BEGIN]
    end = min(begin + (((position - begin) >> BLOCK_SHIFT) + 1 << BLOCK_SHIFT), state.frame[STOP])
    best = LOWEST_RANK
    for neighbour in range(position, end):
        if is_seen(state, neighbour, time) and counts(state, lane, neighbour):
            best = max(best, rank_at(state, lane, neighbour))
    return best


@compiled_part
def greatest_rank(state: State, lane: int, first: int, time: int) -> int:
    """The greatest rank seen from a position on."""
    offset, tree, leaves = first - state.frame[BEGIN], state.lanes[lane, PLACE], state.frame[LEAVES]
    if offset & (BLOCK - 1) == 0:
        return suffix_maximum(state.trees, tree, leaves, offset >> BLOCK_SHIFT)
    rest = suffix_maximum(state.trees, tree, leaves, (offset >> BLOCK_SHIFT) + 1)
    return max(rest, block_rank(state, lane, first, time))
