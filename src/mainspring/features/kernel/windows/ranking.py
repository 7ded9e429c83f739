"""The greatest ranks of a lane inside a window, from its block tree."""

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.lane import Lane
from mainspring.features.kernel.states.extreme import (
    BLOCK,
    BLOCK_SHIFT,
    LOWEST_RANK,
    rank_of,
    suffix_maximum,
)
from mainspring.features.kernel.windows.state import (
    BEGIN,
    COLUMN,
    IS_FLOAT,
    KIND,
    LEAVES,
    STATE_INDEX,
    STOP,
    SweepState,
    counts,
    is_seen,
)

__all__ = ["block_rank", "greatest_rank", "greatest_ranks", "rank_at", "recent_positions"]


@compiled_part
def rank_at(state: SweepState, lane: int, position: int) -> int:
    """The rank of a fact in the lane's tree."""
    lanes = state.lanes
    if lanes[lane, KIND] >= Lane.OLDEST:
        # Positions as ranks make first, last and lists of them the same search as maxima.
        return position if lanes[lane, KIND] == Lane.RECENT else ~position
    return rank_of(
        state.values[lanes[lane, COLUMN], position],
        lanes[lane, IS_FLOAT] != 0,
        lanes[lane, KIND] == Lane.LEAST,
    )


@compiled_part
def block_end(state: SweepState, position: int) -> int:
    """Where the block of a position ends."""
    begin = state.scalars[BEGIN]
    return int(
        min(begin + (((position - begin) >> BLOCK_SHIFT) + 1 << BLOCK_SHIFT), state.scalars[STOP])
    )


@compiled_part
def block_rank(state: SweepState, lane: int, position: int, time: int) -> int:
    """The greatest rank seen from a position to the end of its block."""
    best = LOWEST_RANK
    for neighbour in range(position, block_end(state, position)):
        if is_seen(state, neighbour, time) and counts(state, lane, neighbour):
            best = max(best, rank_at(state, lane, neighbour))
    return best


@compiled_part
def greatest_rank(state: SweepState, lane: int, first: int, time: int) -> int:
    """The greatest rank seen from a position on."""
    offset, tree, leaves = (
        first - state.scalars[BEGIN],
        state.lanes[lane, STATE_INDEX],
        state.scalars[LEAVES],
    )
    if offset & (BLOCK - 1) == 0:
        return suffix_maximum(state.trees, tree, leaves, offset >> BLOCK_SHIFT)
    rest = suffix_maximum(state.trees, tree, leaves, (offset >> BLOCK_SHIFT) + 1)
    return max(rest, block_rank(state, lane, first, time))


@compiled_part
def greatest_ranks(state: SweepState, lane: int, first: int, time: int, ranks: Ints) -> None:
    """Fill `ranks` with the greatest ranks seen from a position on, in descending order, and with
    `LOWEST_RANK` beyond.

    Cost: about one walk down the tree for each of them; subtrees that hold nothing greater than the
        worst one kept are passed over.
    """
    leaves, lowest = state.scalars[LEAVES], ranks.size - 1
    for index in range(ranks.size):
        ranks[index] = LOWEST_RANK
    offset = first - state.scalars[BEGIN]
    if offset & (BLOCK - 1) != 0:
        keep_block(state, lane, first, time, ranks)
        offset += BLOCK
    node = leaves + (offset >> BLOCK_SHIFT)
    if node >= 2 * leaves:
        return
    while node > 0:
        if state.trees[state.lanes[lane, STATE_INDEX], node] > ranks[lowest]:
            if node < leaves:
                node = 2 * node
                continue
            keep_block(
                state, lane, state.scalars[BEGIN] + ((node - leaves) << BLOCK_SHIFT), time, ranks
            )
        # On to what lies right of this subtree: up from every right child, then to the sibling; up
        # from the root is 0.
        while node & 1 == 1:
            node >>= 1
        node += node != 0


@compiled_part
def recent_positions(state: SweepState, lane: int, first: int, time: int, positions: Ints) -> None:
    """Fill `positions` with the last ones seen from `first` on, in descending order, and with first
    - 1 beyond; the lane's ranks are positions.

    Cost: as of `greatest_ranks`, which would come upon a greater rank with every step; hence from
        right to left.
    """
    leaves, lowest = state.scalars[LEAVES], positions.size - 1
    for index in range(positions.size):
        positions[index] = first - 1
    node = 1
    while node > 0:
        if state.trees[state.lanes[lane, STATE_INDEX], node] > positions[lowest]:
            if node < leaves:
                node = 2 * node + 1
                continue
            keep_block(
                state,
                lane,
                state.scalars[BEGIN] + ((node - leaves) << BLOCK_SHIFT),
                time,
                positions,
            )
        # On to what lies left of this subtree: up from every left child, then to the sibling; left
        # of the root is 0.
        while node & 1 == 0:
            node >>= 1
        node -= 1


@compiled_part
def keep_block(state: SweepState, lane: int, position: int, time: int, ranks: Ints) -> None:
    """Take the ranks seen from a position to the end of its block in among the greatest ones."""
    for neighbour in range(position, block_end(state, position)):
        if is_seen(state, neighbour, time) and counts(state, lane, neighbour):
            keep(ranks, rank_at(state, lane, neighbour))


@compiled_part
def keep(ranks: Ints, rank: int) -> None:
    """Insert a rank into a descending list, whose last one falls out."""
    index = ranks.size - 1
    if ranks[index] >= rank:
        return
    while index > 0 and ranks[index - 1] < rank:
        ranks[index] = ranks[index - 1]
        index -= 1
    ranks[index] = rank
