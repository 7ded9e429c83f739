"""Tiles: the summary of a sealed page, from which a window that holds the page as a whole is
answered without its facts.

Which lanes a tile has follows from the outputs of a view (`summary`).  A tile summarises the facts
that stand, that is, were never taken back; it may be used at q when nothing in its page appears or
is taken back after q (`SETTLED`), so answers are exact for every q, past ones included: where a
tile cannot be used, the facts are.

Of a sum a tile keeps `KEPT_LIMBS` limbs of 32 bits from the lowest one in use.  Where that is not
enough (1e300 beside 1e-300), or where the order of two facts of one event time would be lost, the
tile is WIDE and its page is read instead.  So tiles have a fixed layout and are never inexact.

The accumulators of one reading or summary are two matrices with a row per lane:

    cells   (lanes + 1, CELLS): exact sums; the last row is zero for ever, what sums are taken
            against
    marks   (lanes, MARK_FIELDS): LOW and HIGH, the limbs touched; TIME and BITS of the newest or
            oldest fact, or in BITS the greatest rank; the PAGE that it came from; whether another
            page has one of the same time (TIED)
"""

from enum import IntEnum
from typing import Final

from mainspring.features.kernel.arrays import EVENT_TIME, NEVER, VISIBLE_FROM, VISIBLE_TO, Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.states.exact_sum import (
    COUNT,
    FALLING,
    LIMBS,
    NANS,
    NO_LIMB,
    PAD,
    RISING,
    add_float,
    add_integer,
    gather_limbs,
)
from mainspring.features.kernel.states.extreme import LOWEST_RANK, rank_of
from mainspring.features.kernel.tree.page import (
    FACT_TIMES,
    FACTS,
    FLAG_WORDS,
    TILES,
    fact_at,
    has_value,
    tile_at,
)

__all__ = [
    "BITS",
    "KEPT_LIMBS",
    "LANE_COLUMN",
    "LANE_IS_FLOAT",
    "LANE_KIND",
    "LANE_OFFSET",
    "LONG_AGO",
    "MARK_FIELDS",
    "TIED",
    "TILE_FIRST",
    "TILE_HIGH",
    "TILE_LANE_FIELDS",
    "TILE_LAST",
    "TILE_LEVEL",
    "TILE_LOW",
    "TILE_NUMBER",
    "TILE_STABLE_FROM",
    "TILE_STATES",
    "TILE_WIDE",
    "TIME",
    "TileSummary",
    "add_fact",
    "add_tile",
    "reset_summary",
    "summarise_facts",
    "summarise_tiles",
    "words_of",
]

TILE_LEVEL, TILE_NUMBER, TILE_FIRST, TILE_LAST, TILE_STABLE_FROM, TILE_WIDE, TILE_STATES = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
)
"""The words of a tile: which page it summarises, the span of event time of all its facts, from when
on it may be used, whether never; then its lanes.
"""

LANE_KIND, LANE_COLUMN, LANE_IS_FLOAT, LANE_OFFSET, TILE_LANE_FIELDS = 0, 1, 2, 3, 4
TILE_LOW, TILE_HIGH, TIME, BITS, PAGE, TIED, MARK_FIELDS = 0, 1, 2, 3, 4, 5, 6

KEPT_LIMBS: Final = 6
SUM_LOW, SUM_LIMBS = 4, 5
LONG_AGO: Final = -(1 << 63)


class TileSummary(IntEnum):
    """Kinds of lane, and in brackets their words: a count [1], an exact sum with its count [11], a
    greatest rank [1], a newest or oldest value [2].
    """

    TALLY = 0
    SUM = 1
    LEAST = 2
    GREATEST = 3
    NEWEST = 4
    OLDEST = 5


def words_of(kind: TileSummary) -> int:
    """How many words a lane takes in a tile."""
    match kind:
        case TileSummary.TALLY | TileSummary.LEAST | TileSummary.GREATEST:
            return 1
        case TileSummary.SUM:
            return SUM_LIMBS + KEPT_LIMBS
        case TileSummary.NEWEST | TileSummary.OLDEST:
            return 2


@compiled_part
def reset_summary(lanes: Ints, cells: Ints, marks: Ints) -> None:
    """Empty the accumulators; touches only what was used."""
    for lane in range(lanes.shape[0]):
        for cell in range(LIMBS):
            cells[lane, cell] = 0
        # Only the limbs in use: a sum has 66, and a page of facts touches a few.
        for limb in range(marks[lane, TILE_LOW], marks[lane, TILE_HIGH] + 1):
            cells[lane, LIMBS + limb] = 0
        marks[lane, TILE_LOW] = NO_LIMB
        marks[lane, TILE_HIGH] = -1
        marks[lane, TIME] = NEVER if lanes[lane, LANE_KIND] == TileSummary.OLDEST else LONG_AGO
        marks[lane, BITS] = LOWEST_RANK
        marks[lane, TIED] = 0


@compiled_part
def add_fact(
    lanes: Ints, cells: Ints, marks: Ints, words: Ints, page: int, fact: int, values: int
) -> None:
    """Add the fact that begins at this word; of one page the later facts come first.  `values` is
    where values begin within a fact.
    """
    for lane in range(lanes.shape[0]):
        column = lanes[lane, LANE_COLUMN]
        if not has_value(words, fact, column):
            continue
        kind = lanes[lane, LANE_KIND]
        if kind == TileSummary.TALLY:
            cells[lane, COUNT] += 1
            continue
        bits = words[fact + values + column]
        if kind == TileSummary.SUM:
            limb = (
                add_float(cells, lane, bits, 1)
                if lanes[lane, LANE_IS_FLOAT]
                else add_integer(cells, lane, bits, 1)
            )
            if limb >= 0:
                marks[lane, TILE_LOW] = min(marks[lane, TILE_LOW], limb)
                marks[lane, TILE_HIGH] = max(marks[lane, TILE_HIGH], limb + 2)
        elif kind <= TileSummary.GREATEST:
            marks[lane, BITS] = max(
                marks[lane, BITS],
                rank_of(bits, lanes[lane, LANE_IS_FLOAT] != 0, kind == TileSummary.LEAST),
            )
        else:
            consider(marks, lane, kind, words[fact + EVENT_TIME], bits, page)


@compiled_part
def consider(marks: Ints, lane: int, kind: int, time: int, bits: int, page: int) -> None:
    """Take a value as the newest (or oldest) if it is."""
    if time == marks[lane, TIME]:
        # Inside a page facts stand in total order, but ids of two pages cannot be compared here;
        # the facts decide.
        if page != marks[lane, PAGE]:
            marks[lane, TIED] = 1
            return
        if kind == TileSummary.NEWEST:
            return
    elif (time < marks[lane, TIME]) == (kind == TileSummary.NEWEST):
        return
    marks[lane, TIME] = time
    marks[lane, BITS] = bits
    marks[lane, PAGE] = page
    marks[lane, TIED] = 0


@compiled_part
def add_tile(lanes: Ints, cells: Ints, marks: Ints, words: Ints, tile: int) -> None:
    """Add all that a tile summarises."""
    for lane in range(lanes.shape[0]):
        state = tile + lanes[lane, LANE_OFFSET]
        kind = lanes[lane, LANE_KIND]
        if kind == TileSummary.TALLY:
            cells[lane, COUNT] += words[state]
        elif kind == TileSummary.SUM:
            add_sum(cells, marks, lane, words, state)
        elif kind <= TileSummary.GREATEST:
            marks[lane, BITS] = max(marks[lane, BITS], words[state])
        elif words[state] != LONG_AGO and words[state] != NEVER:
            # A tile's address, negated, stands for its page: no page has a negative one.
            consider(marks, lane, kind, words[state], words[state + 1], -tile)


@compiled_part
def add_sum(cells: Ints, marks: Ints, lane: int, words: Ints, state: int) -> None:
    """Add the kept limbs of a sum."""
    for cell in (COUNT, NANS, RISING, FALLING):
        cells[lane, cell] += words[state + cell]
    low = words[state + SUM_LOW]
    if low == NO_LIMB:
        return
    # The last limbs of the number may be fewer than a tile keeps.
    high = min(low + KEPT_LIMBS, NO_LIMB) - 1
    for limb in range(low, high + 1):
        cells[lane, LIMBS + limb] += words[state + SUM_LIMBS + limb - low]
    marks[lane, TILE_LOW] = min(marks[lane, TILE_LOW], low)
    marks[lane, TILE_HIGH] = max(marks[lane, TILE_HIGH], high)


@compiled_part
def summarise_facts(
    lanes: Ints,
    shape: Ints,
    cells: Ints,
    marks: Ints,
    number: Ints,
    words: Ints,
    page: int,
    out: Ints,
    tile: int,
) -> None:
    """Write the tile of a page of facts, which may lie in another array than the tile."""
    reset_summary(lanes, cells, marks)
    first, last, stable_from = NEVER, LONG_AGO, LONG_AGO
    # Later facts first, as `add_fact` wants them: of one page the first to come is then the newest.
    for index in range(words[page + FACTS] - 1, -1, -1):
        fact = fact_at(words, page, index, shape)
        first = min(first, words[fact + EVENT_TIME])
        last = max(last, words[fact + EVENT_TIME])
        stable_from = max(stable_from, words[fact + VISIBLE_FROM])
        # A fact that was taken back is in no sum.  For moments at which it was still seen the tile
        # is not used, because `stable_from` lies after them.
        if words[fact + VISIBLE_TO] == NEVER:
            add_fact(lanes, cells, marks, words, page, fact, FACT_TIMES + shape[FLAG_WORDS])
        else:
            stable_from = max(stable_from, words[fact + VISIBLE_TO])
    out[tile + TILE_FIRST] = first
    out[tile + TILE_LAST] = last
    out[tile + TILE_STABLE_FROM] = stable_from
    out[tile + TILE_WIDE] = write_states(lanes, cells, marks, number, out, tile)


@compiled_part
def summarise_tiles(
    lanes: Ints,
    shape: Ints,
    cells: Ints,
    marks: Ints,
    number: Ints,
    words: Ints,
    page: int,
    out: Ints,
    tile: int,
) -> None:
    """Write the tile of a page of tiles."""
    reset_summary(lanes, cells, marks)
    first, last, stable_from, wide = NEVER, LONG_AGO, LONG_AGO, 0
    for index in range(words[page + TILES]):
        child = tile_at(page, index, shape)
        first = min(first, words[child + TILE_FIRST])
        last = max(last, words[child + TILE_LAST])
        stable_from = max(stable_from, words[child + TILE_STABLE_FROM])
        wide |= words[child + TILE_WIDE]
        add_tile(lanes, cells, marks, words, child)
    out[tile + TILE_FIRST] = first
    out[tile + TILE_LAST] = last
    out[tile + TILE_STABLE_FROM] = stable_from
    out[tile + TILE_WIDE] = wide | write_states(lanes, cells, marks, number, out, tile)


@compiled_part
def write_states(lanes: Ints, cells: Ints, marks: Ints, number: Ints, out: Ints, tile: int) -> int:
    """Write what was accumulated; 1 if some of it does not fit a tile."""
    wide = 0
    for lane in range(lanes.shape[0]):
        state = tile + lanes[lane, LANE_OFFSET]
        kind = lanes[lane, LANE_KIND]
        if kind == TileSummary.TALLY:
            out[state] = cells[lane, COUNT]
        elif kind == TileSummary.SUM:
            wide |= write_sum(lanes, cells, marks, number, lane, out, state)
        elif kind <= TileSummary.GREATEST:
            out[state] = marks[lane, BITS]
        else:
            out[state] = marks[lane, TIME]
            out[state + 1] = marks[lane, BITS]
            wide |= marks[lane, TIED]
    return wide


@compiled_part
def write_sum(
    lanes: Ints, cells: Ints, marks: Ints, number: Ints, lane: int, out: Ints, state: int
) -> int:
    """Write a sum as signed limbs without carries to come; 1 if they are too many."""
    for cell in (COUNT, NANS, RISING, FALLING):
        out[state + cell] = cells[lane, cell]
    for limb in range(KEPT_LIMBS):
        out[state + SUM_LIMBS + limb] = 0
    low, high = marks[lane, TILE_LOW], marks[lane, TILE_HIGH]
    # Carries are resolved before limbs are kept: otherwise the same sum would have other bytes
    # after another order of additions.
    signed_top = gather_limbs(cells, lane, lanes.shape[0], low, high, number)
    top = abs(signed_top)
    while top >= PAD and number[top] == 0:
        top -= 1
    bottom = PAD
    while bottom < top and number[bottom] == 0:
        bottom += 1
    out[state + SUM_LOW] = low + bottom - PAD if top >= PAD else NO_LIMB
    # Such a sum exists (1e300 beside 1e-300) but is rare: its page is read, and all tiles keep one
    # width.
    if top - bottom >= KEPT_LIMBS:
        return 1
    for cell in range(bottom, top + 1):
        out[state + SUM_LIMBS + cell - bottom] = number[cell] if signed_top >= 0 else -number[cell]
    return 0
