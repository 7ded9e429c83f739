"""The intermediate state of one key."""

from typing import Final, NamedTuple

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.lane import WHOLE_ROW, Lane
from mainspring.features.kernel.states.exact_square import NO_SQUARE_LIMB
from mainspring.features.kernel.states.exact_sum import LIMBS
from mainspring.features.kernel.states.extreme import LOWEST_RANK, leaves_for
from mainspring.features.kernel.states.multiset import Bags, clear_bag

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
    "LENGTH",
    "LOW",
    "NEWEST",
    "NOTHING",
    "OFFSET",
    "REACH",
    "STATE_INDEX",
    "STOP",
    "SweepBuffers",
    "SweepState",
    "clear",
    "counts",
    "is_seen",
]

NOTHING: Final = -1
COLUMN, KIND, IS_FLOAT, OFFSET, LENGTH, STATE_INDEX, LOW, HIGH, NEWEST, LANE_FIELDS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
REACH, FIRST = 0, 1
BEGIN, STOP, LEAVES, AGGREGATED, LAG, ENTERING, LEAVING, ENTERED, LEFT, FRAME_FIELDS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)


class SweepBuffers(NamedTuple):
    """Room in which a state is read.

    Shapes: number (NUMBER_CELLS,) for a sum, wide (WIDE_CELLS,) for a sum of squares; registers (of
        the largest sketch,) and histogram (REGISTER_VALUES,) for a sketch, zero in between; ranks
        (of the longest list,).
    """

    number: Ints
    wide: Ints
    registers: Bytes
    histogram: Ints
    ranks: Ints


class SweepState(NamedTuple):
    """What the sweep knows of the key that it is at, and the facts themselves.

    A record of arrays costs nothing in parts compiled without the allocator: LLVM takes it apart.
    In an `allocating_part` numba would count references on every array taken out of it, which costs
    ten times the arithmetic; take the arrays out once there, before the loops.

    Shapes:
        lanes: (lanes, 9): COLUMN, KIND, IS_FLOAT, OFFSET, LENGTH and STATE_INDEX as `LaneBook`
            gives them; LOW and HIGH, the lowest and highest limb touched; NEWEST position.
        windows: (windows, 2): REACH of the program, FIRST position that is not older than the
            window.
        scalars: (9,): BEGIN and STOP of the positions that can matter to the key's requests, LEAVES
            of its trees, number of AGGREGATED windows and LAG of the program, and how many facts
            are ENTERING and LEAVING in all and have ENTERED and LEFT so far.
        cells: (lanes * (aggregated windows + 1), CELLS or SQUARE_CELLS): exact sums; a lane's last
            row is everything, the rows before it what expired from each window.
        trees: (lanes with ranks, nodes): block trees.
        bags: multisets.
        parameters: of the program.
        times, values, valid: of `Facts`.
        appears: (facts,): the first time at which a fact is both in the past and visible.
        leaves_at: (facts,): the time at which it is superseded, NEVER for most.
    """

    lanes: Ints
    windows: Ints
    scalars: Ints
    cells: Ints
    trees: Ints
    bags: Bags
    parameters: Ints
    times: Ints
    values: Ints
    valid: Bytes
    appears: Ints
    leaves_at: Ints
    scratch: SweepBuffers


@compiled_part
def clear(state: SweepState) -> None:
    """Forget the last key and make ready for the positions BEGIN … STOP; touches only
    what was used.
    """
    lanes, windows, scalars, cells, trees = (
        state.lanes,
        state.windows,
        state.scalars,
        state.cells,
        state.trees,
    )
    rows = scalars[AGGREGATED] + 1
    for lane in range(lanes.shape[0]):
        for row in range(lane * rows, (lane + 1) * rows):
            for cell in range(LIMBS):
                cells[row, cell] = 0
            # Most keys have few facts: to clear whole matrices for each would cost more than their
            # answers.
            for limb in range(lanes[lane, LOW], lanes[lane, HIGH] + 1):
                cells[row, LIMBS + limb] = 0
        lanes[lane, LOW] = NO_SQUARE_LIMB
        lanes[lane, HIGH] = NOTHING
        lanes[lane, NEWEST] = NOTHING
        if lanes[lane, KIND] >= Lane.VALUES:
            clear_bag(
                state.bags,
                lanes[lane, STATE_INDEX],
                lanes[lane, LENGTH] + 1 if lanes[lane, KIND] >= Lane.BINS else 0,
            )
    # As small a tree as this key needs, in memory for the largest.
    scalars[LEAVES] = leaves_for(scalars[STOP] - scalars[BEGIN])
    for tree in range(trees.shape[0]):
        for node in range(2 * scalars[LEAVES]):
            trees[tree, node] = LOWEST_RANK
    for window in range(windows.shape[0]):
        windows[window, FIRST] = scalars[BEGIN]


@compiled_part
def counts(state: SweepState, lane: int, position: int) -> bool:
    """Whether a fact counts for a lane: its value is not null, or the row as a whole is meant."""
    column = state.lanes[lane, COLUMN]
    return bool(column == WHOLE_ROW or state.valid[column, position] != 0)


@compiled_part
def is_seen(state: SweepState, position: int, time: int) -> bool:
    """Whether a fact is in the past, visible and not superseded."""
    return bool(state.appears[position] <= time < state.leaves_at[position])
