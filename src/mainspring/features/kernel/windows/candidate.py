"""Minima and maxima of stable facts: a stack of candidates, or where windows are short, a look at
every fact.

Both deal in ranks (see `extreme`).  The stack costs the same whatever the windows; looking at every
fact is what processors do eight at a time, and wins while the widest windows together hold no more
than `SCAN` times the facts.
"""

from typing import Final

from mainspring.features.kernel.arrays import Ints, KernelResult
from mainspring.features.kernel.jit import at, compiled_part
from mainspring.features.kernel.lane import Lane
from mainspring.features.kernel.output import AggregateOp
from mainspring.features.kernel.program import Wanted
from mainspring.features.kernel.states.extreme import LOWEST_RANK, rank_of, value_of
from mainspring.features.kernel.windows.edge import Buffers, is_value
from mainspring.features.kernel.windows.finalise import put_once, wanted_at
from mainspring.features.kernel.windows.state import BEGIN, COLUMN, IS_FLOAT, KIND, STOP, SweepState

__all__ = ["write_extremes"]

SCAN: Final = 8


@compiled_part
def write_extremes(
    state: SweepState,
    buffers: Buffers,
    outputs: Ints,
    lane: int,
    is_dense: bool,
    rows: Ints,
    answer: KernelResult,
) -> None:
    """Write the outputs MIN or MAX of a lane; it is dense if every fact has a value and none is
    irregular.
    """
    widest = wanted_at(outputs, buffers.readers[buffers.reader_start[lane + 1] - 1]).window
    looks = 0
    for index in range(rows.size):
        looks += max(buffers.stable[at(index)] - buffers.firsts[at(widest), at(index)], 0)
    # Without gaps or nulls a plain maximum is vectorised, eight facts at a time.
    if is_dense and looks <= SCAN * (state.scalars[STOP] - state.scalars[BEGIN]):
        scan_windows(state, buffers, outputs, lane, rows, answer)
    else:
        stack_windows(state, buffers, outputs, lane, rows, answer)


@compiled_part
def scan_windows(
    state: SweepState, buffers: Buffers, outputs: Ints, lane: int, rows: Ints, answer: KernelResult
) -> None:
    """Look at every fact of each window but those of the next narrower one, which are known."""
    column, is_float, is_least = (
        state.lanes[lane, COLUMN],
        state.lanes[lane, IS_FLOAT] != 0,
        state.lanes[lane, KIND] == Lane.LEAST,
    )
    begin = state.scalars[BEGIN]
    for position in range(begin, state.scalars[STOP]):
        buffers.ranks[at(position - begin)] = rank_of(
            state.values[at(column), at(position)], is_float, is_least
        )
    for index in range(rows.size):
        stable = buffers.stable[index]
        seen, best = stable, LOWEST_RANK
        for reader in range(buffers.reader_start[lane], buffers.reader_start[lane + 1]):
            wanted = wanted_at(outputs, buffers.readers[reader])
            first = min(buffers.firsts[at(wanted.window), at(index)], seen)
            best = max(best, greatest_of(buffers.ranks[first - begin : seen - begin]))
            seen = first
            write_extreme_of(
                state, buffers, wanted, index, seen < stable, best, answer, rows[index]
            )


@compiled_part
def greatest_of(ranks: Ints) -> int:
    """The greatest rank, `LOWEST_RANK` of none."""
    best = LOWEST_RANK
    for index in range(ranks.size):
        best = max(best, ranks[index])
    return best


@compiled_part
def stack_windows(
    state: SweepState, buffers: Buffers, outputs: Ints, lane: int, rows: Ints, answer: KernelResult
) -> None:
    """Keep a stack of the stable facts that no later one outranks: the oldest and greatest at the
    bottom.
    """
    column, is_float, is_least = (
        state.lanes[lane, COLUMN],
        state.lanes[lane, IS_FLOAT] != 0,
        state.lanes[lane, KIND] == Lane.LEAST,
    )
    position, height = state.scalars[BEGIN], 0
    for index in range(rows.size):
        while position < buffers.stable[index]:
            if buffers.irregular[at(position - state.scalars[BEGIN])] == 0 and is_value(
                state, column, position
            ):
                height = push(
                    buffers,
                    height,
                    rank_of(state.values[at(column), at(position)], is_float, is_least),
                    position,
                )
            position += 1
        # Narrow windows first: their candidate lies nearest the top, and wider ones go on down from
        # it.
        depth = height
        for reader in range(buffers.reader_start[lane], buffers.reader_start[lane + 1]):
            wanted = wanted_at(outputs, buffers.readers[reader])
            depth = candidate(buffers, buffers.firsts[wanted.window, index], depth)
            write_extreme_of(
                state,
                buffers,
                wanted,
                index,
                depth < height,
                buffers.ranks[at(depth)],
                answer,
                rows[index],
            )


@compiled_part
def push(buffers: Buffers, height: int, rank: int, position: int) -> int:
    """Put a fact on the stack, popping all that it outranks; the height from then on."""
    while height > 0 and buffers.ranks[at(height - 1)] <= rank:
        height -= 1
    buffers.ranks[at(height)], buffers.positions[at(height)] = rank, position
    return height + 1


@compiled_part
def candidate(buffers: Buffers, first: int, depth: int) -> int:
    """The lowest index on the stack whose fact lies at `first` or later, sought downwards from
    `depth`, where a narrower window has its own.
    """
    while depth > 0 and buffers.positions[at(depth - 1)] >= first:
        depth -= 1
    return depth


@compiled_part
def write_extreme_of(
    state: SweepState,
    buffers: Buffers,
    wanted: Wanted,
    index: int,
    is_found: bool,
    rank: int,
    answer: KernelResult,
    row: int,
) -> None:
    """Write MIN or MAX, given the rank of the stable candidate."""
    is_float, is_least = wanted.is_float != 0, wanted.op == AggregateOp.MIN
    for extra in range(buffers.extra_start[index], buffers.extra_start[index + 1]):
        position = buffers.extra[extra]
        if (
            position >= buffers.firsts[wanted.window, index]
            and state.valid[wanted.column, position] != 0
        ):
            own = rank_of(state.values[wanted.column, position], is_float, is_least)
            rank = max(rank, own) if is_found else own
            is_found = True
    put_once(
        answer, wanted.slot, row, value_of(rank, is_float, is_least) if is_found else 0, is_found
    )
