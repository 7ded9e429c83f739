"""The intermediate state of one key, and how a fact enters it, leaves it, and leaves a window.

Additive lanes keep one sum of *everything* seen so far, shared by all windows, and per window a sum of what has *expired* from it; a window's content is
the exact difference.  So a fact that appears is added once however many windows there are, facts may appear and disappear in any order, and late or
revised facts need no path of their own.

The state is a handful of integer matrices that the parts take one by one.  A record of arrays would read better, but numba counts references on every
array that it takes out of a record, which in these loops cost ten times the arithmetic.  Their names are the same everywhere:

    lanes    (lanes, 7): COLUMN, KIND, IS_FLOAT of the program; LOW and HIGH, the lowest and highest limb touched; NEWEST position; TREE, a row of trees
    windows  (windows, 2): REACH of the program, FIRST position that is not older than the window
    frame    (8,): BEGIN and STOP of the positions that can matter to the key's questions, LEAVES of its trees, number of AGGREGATED windows,
             and how many facts are ENTERING and LEAVING in all and have ENTERED and LEFT so far
    cells    (lanes * (aggregated windows + 1), CELLS): exact sums; a lane's last row is everything, the rows before what expired from each window
    trees    (lanes with extremes, nodes): block trees of ranks
    appears  (facts,): the first time at which a fact is both in the past and visible
    leaves_at (facts,): the time at which it is superseded, NEVER for most
"""

from typing import Final

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.exact_sum import COUNT, LIMBS, NO_LIMB, add_float, add_integer
from mainspring.features.kernel.extreme import BLOCK, BLOCK_SHIFT, LOWEST_RANK, leaves_for, raise_leaf, rank_of, replace_leaf, suffix_maximum
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.program import WHOLE_ROW, Lane

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
    "LANE_FIELDS",
    "LEAVES",
    "LEAVING",
    "LEFT",
    "LOW",
    "NEWEST",
    "NOTHING",
    "REACH",
    "STOP",
    "TREE",
    "clear",
    "enter",
    "expire",
    "greatest_rank",
    "leave",
]

NOTHING: Final = -1
COLUMN, KIND, IS_FLOAT, LOW, HIGH, NEWEST, TREE, LANE_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7
REACH, FIRST = 0, 1
BEGIN, STOP, LEAVES, AGGREGATED, ENTERING, LEAVING, ENTERED, LEFT, FRAME_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8


@compiled_part
def clear(lanes: Ints, windows: Ints, frame: Ints, cells: Ints, trees: Ints) -> None:
    """Forget the last key and make ready for the positions BEGIN … STOP of the frame; touches only what was used."""
    rows = frame[AGGREGATED] + 1
    for lane in range(lanes.shape[0]):
        for row in range(lane * rows, (lane + 1) * rows):
            for cell in range(LIMBS):
                cells[row, cell] = 0
            for limb in range(lanes[lane, LOW], lanes[lane, HIGH] + 1):
                cells[row, LIMBS + limb] = 0
        lanes[lane, LOW] = NO_LIMB
        lanes[lane, HIGH] = NOTHING
        lanes[lane, NEWEST] = NOTHING
    frame[LEAVES] = leaves_for(frame[STOP] - frame[BEGIN])
    for tree in range(trees.shape[0]):
        for node in range(2 * frame[LEAVES]):
            trees[tree, node] = LOWEST_RANK
    for window in range(windows.shape[0]):
        windows[window, FIRST] = frame[BEGIN]


@compiled_part
def holds_value(valid: Bytes, column: int, position: int) -> bool:
    """Whether a fact counts for a column: its value is not null, or the row as a whole is meant."""
    return column == WHOLE_ROW or valid[column, position] != 0


@compiled_part
def add(lanes: Ints, lane: int, cells: Ints, row: int, values: Ints, position: int, sign: int) -> int:
    """Add a fact to (sign 1) or take it from (-1) a row of cells.  Returns the lowest limb touched, or NOTHING."""
    if lanes[lane, KIND] == Lane.TALLY:
        cells[row, COUNT] += sign
        return NOTHING
    bits = values[lanes[lane, COLUMN], position]
    return add_float(cells, row, bits, sign) if lanes[lane, IS_FLOAT] else add_integer(cells, row, bits, sign)


@compiled_part
def add_everywhere(lanes: Ints, lane: int, windows: Ints, frame: Ints, cells: Ints, values: Ints, position: int, sign: int) -> None:
    """Add a fact to everything, or take it away, and likewise for each window from which it has expired already."""
    aggregated = frame[AGGREGATED]
    row = lane * (aggregated + 1)
    limb = add(lanes, lane, cells, row + aggregated, values, position, sign)
    if limb >= 0:
        lanes[lane, LOW] = min(lanes[lane, LOW], limb)
        lanes[lane, HIGH] = max(lanes[lane, HIGH], limb + 2)
    window = 0
    # Windows ascend, so their first positions descend.
    while window < aggregated and position < windows[window, FIRST]:
        add(lanes, lane, cells, row + window, values, position, sign)
        window += 1


@compiled_part
def enter(positions: Ints, upto: int, lanes: Ints, windows: Ints, frame: Ints, cells: Ints, trees: Ints, values: Ints, valid: Bytes) -> None:
    """The facts at positions[ENTERED] … positions[upto] appear."""
    for lane in range(lanes.shape[0]):
        column, kind = lanes[lane, COLUMN], lanes[lane, KIND]
        for index in range(frame[ENTERED], upto):
            position = positions[index]
            if not holds_value(valid, column, position):
                continue
            if kind <= Lane.SUM:
                add_everywhere(lanes, lane, windows, frame, cells, values, position, 1)
            elif kind == Lane.NEWEST:
                lanes[lane, NEWEST] = max(lanes[lane, NEWEST], position)
            else:
                leaf = frame[LEAVES] + ((position - frame[BEGIN]) >> BLOCK_SHIFT)
                raise_leaf(trees, lanes[lane, TREE], leaf, rank_of(values[column, position], lanes[lane, IS_FLOAT] != 0, kind == Lane.LEAST))
    frame[ENTERED] = upto


@compiled_part
def leave(
    position: int, time: int, lanes: Ints, windows: Ints, frame: Ints, cells: Ints, trees: Ints, values: Ints, valid: Bytes, appears: Ints, leaves_at: Ints
) -> None:
    """A fact that has appeared is superseded."""
    for lane in range(lanes.shape[0]):
        kind = lanes[lane, KIND]
        if not holds_value(valid, lanes[lane, COLUMN], position):
            continue
        if kind <= Lane.SUM:
            add_everywhere(lanes, lane, windows, frame, cells, values, position, -1)
        elif kind == Lane.NEWEST:
            if lanes[lane, NEWEST] == position:
                lanes[lane, NEWEST] = newest_before(position, time, lanes[lane, COLUMN], frame[BEGIN], valid, appears, leaves_at)
        else:
            block = (position - frame[BEGIN]) >> BLOCK_SHIFT
            rank = block_rank(frame[BEGIN] + (block << BLOCK_SHIFT), time, lanes, lane, frame, values, valid, appears, leaves_at)
            replace_leaf(trees, lanes[lane, TREE], frame[LEAVES] + block, rank)


@compiled_part
def expire(
    window: int, first: int, time: int, lanes: Ints, windows: Ints, frame: Ints, cells: Ints, values: Ints, valid: Bytes, appears: Ints, leaves_at: Ints
) -> None:
    """Move the start of a window on to the position `first`: the facts passed that are seen now have expired; `enter` counts those that are seen later."""
    rows = frame[AGGREGATED] + 1
    for lane in range(lanes.shape[0]):
        if lanes[lane, KIND] <= Lane.SUM and window < frame[AGGREGATED]:
            expire_lane(windows[window, FIRST], first, time, lanes, lane, cells, lane * rows + window, values, valid, appears, leaves_at)
    windows[window, FIRST] = first


@compiled_part
def expire_lane(
    begin: int, stop: int, time: int, lanes: Ints, lane: int, cells: Ints, row: int, values: Ints, valid: Bytes, appears: Ints, leaves_at: Ints
) -> None:
    """Add the facts begin … stop of an additive lane to what has expired."""
    for position in range(begin, stop):
        if appears[position] <= time < leaves_at[position] and holds_value(valid, lanes[lane, COLUMN], position):
            add(lanes, lane, cells, row, values, position, 1)


@compiled_part
def newest_before(position: int, time: int, column: int, begin: int, valid: Bytes, appears: Ints, leaves_at: Ints) -> int:
    """The last fact before a position that is seen and counts for the column, or NOTHING."""
    for earlier in range(position - 1, begin - 1, -1):
        if appears[earlier] <= time < leaves_at[earlier] and holds_value(valid, column, earlier):
            return earlier
    return NOTHING


@compiled_part
def block_rank(position: int, time: int, lanes: Ints, lane: int, frame: Ints, values: Ints, valid: Bytes, appears: Ints, leaves_at: Ints) -> int:
    """The greatest rank seen from a position to the end of its block."""
    column, begin = lanes[lane, COLUMN], frame[BEGIN]
    end = min(begin + (((position - begin) >> BLOCK_SHIFT) + 1 << BLOCK_SHIFT), frame[STOP])
    best = LOWEST_RANK
    for neighbour in range(position, end):
        if appears[neighbour] <= time < leaves_at[neighbour] and holds_value(valid, column, neighbour):
            best = max(best, rank_of(values[column, neighbour], lanes[lane, IS_FLOAT] != 0, lanes[lane, KIND] == Lane.LEAST))
    return best


@compiled_part
def greatest_rank(first: int, time: int, lanes: Ints, lane: int, frame: Ints, trees: Ints, values: Ints, valid: Bytes, appears: Ints, leaves_at: Ints) -> int:
    """The greatest rank seen from a position on."""
    block, inside = (first - frame[BEGIN]) >> BLOCK_SHIFT, (first - frame[BEGIN]) & (BLOCK - 1)
    if inside == 0:
        return suffix_maximum(trees, lanes[lane, TREE], frame[LEAVES], block)
    rest = suffix_maximum(trees, lanes[lane, TREE], frame[LEAVES], block + 1)
    return max(rest, block_rank(first, time, lanes, lane, frame, values, valid, appears, leaves_at))
