"""Answer a key at one moment from its pages: the reading of online state, and the counterpart of `sweep`.

Windows of one moment are nested, so a key's past falls into *rings*: what the shortest window holds, what the next one adds to it, and so on.  The rings
are walked from the newest to the oldest with one set of accumulators, which is written out at each ring's edge; no fact is touched twice however many
windows there are.  A tile is added as a whole where one ring holds it and nothing in it changes after q; otherwise its page is read, and where the page is
not at hand it is put on the list of what is missing, and the caller calls again with it.

The arrays, by the names they have everywhere here:

    words     all rows that were read, joined; `rows` says where each begins and where the last ends, `key_rows` which of them are whose: the head first,
              then the directory
    reach     (windows,) ascending: a fact is inside when event_time >= q - reach
    outputs   (outputs, OUTPUT_FIELDS): op, lane, lane whose count says whether there is a value, window, is float, column, slot
    scratch   (2, …): pages at hand with the place of the next fact to add, then tiles that are added as a whole with their rings
"""

from typing import Final

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, VISIBLE_TO, Bytes, Ints
from mainspring.features.kernel.exact_sum import CELLS, COUNT, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.extreme import value_of
from mainspring.features.kernel.finalise import summed_value
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.page import DIRECTORY_LEVEL, EVICTED, FACT_TIMES, FACTS, FLAG_WORDS, LEVEL, NUMBER, SIZE, TILES, fact_at, has_value, tile_at
from mainspring.features.kernel.program import Op
from mainspring.features.kernel.tile import (
    BITS,
    HIGH,
    LONG_AGO,
    LOW,
    MARK_FIELDS,
    TIED,
    TILE_FIRST,
    TILE_LAST,
    TILE_LEVEL,
    TILE_NUMBER,
    TILE_SETTLED,
    TILE_WIDE,
    TIME,
    add_fact,
    add_tile,
    forget,
)

__all__ = ["AMBIGUOUS", "ANSWERED", "FORGOTTEN", "MISSING", "OUTPUT_FIELDS", "OVERFLOW", "answer_points", "count_pages", "find_page", "forgotten_until", "roots_of"]

OUTPUT_FIELDS: Final = 7
OP, LANE, COUNTED, WINDOW, IS_FLOAT, COLUMN, SLOT = 0, 1, 2, 3, 4, 5, 6

ANSWERED, MISSING, FORGOTTEN, AMBIGUOUS, OVERFLOW = 0, 1, 2, 3, 4
"""What became of a question: answered · pages are missing · the past it needs was evicted · two pages hold facts of one time that decide, so only the
facts in total order can answer · a sum of whole numbers does not fit."""


@allocating_part
def answer_points(
    shape: Ints,
    lanes: Ints,
    reach: Ints,
    outputs: Ints,
    edge: int,
    from_tiles: int,
    words: Ints,
    rows: Ints,
    key_rows: Ints,
    codes: Ints,
    times: Ints,
    bits: Ints,
    valid: Bytes,
    outcome: Ints,
    missing: Ints,
) -> tuple[int, int]:
    """Answer every question (code of a key, or -1, and time).

    Args:
        edge: 1 where a window holds the facts of q itself, else 0.
        from_tiles: 1 to answer; 0 to find out only which pages of facts are needed, of which those that are not at hand are missing.
        bits, valid: (slots, questions), written.
        outcome: (questions,), written.
        missing: (…, 3) key, level and number of pages to fetch; as many as fit.

    Returns: how many pages are missing, and the worst outcome.
    """
    room, tiles = count_pages(words, rows)
    scratch = np.empty((2, 2 * room + tiles), dtype=np.int64)
    cells = np.zeros((lanes.shape[0] + 1, CELLS), dtype=np.int64)
    marks = np.zeros((lanes.shape[0], MARK_FIELDS), dtype=np.int64)
    for lane in range(lanes.shape[0]):
        marks[lane, LOW], marks[lane, HIGH] = NO_LIMB, -1
    number = np.zeros(NUMBER_CELLS, dtype=np.int64)
    wanted, worst = 0, ANSWERED
    for question in range(codes.size):
        begin = stop = 0
        if codes[question] >= 0:
            begin, stop = key_rows[codes[question]], key_rows[codes[question] + 1]
        at = times[question]
        open_pages, whole_tiles, wanted_now, is_kept = survey(shape, reach, edge, from_tiles, words, rows, begin, stop, at, scratch, room, codes[question], missing, wanted)
        if not is_kept:
            outcome[question] = FORGOTTEN
        elif wanted_now > wanted:
            outcome[question], wanted = MISSING, wanted_now
        elif from_tiles == 0:
            outcome[question] = AMBIGUOUS
        else:
            outcome[question] = write_answers(
                shape, lanes, reach, outputs, edge, words, question, at, open_pages, whole_tiles, scratch, cells, marks, number, bits, valid
            )
        worst = max(worst, outcome[question])
    return wanted, worst


@compiled_part
def count_pages(words: Ints, rows: Ints) -> tuple[int, int]:
    """How many pages there are, and how many tiles in them."""
    pages, tiles, page = 0, 0, rows[0]
    while page < rows[rows.size - 1]:
        pages += 1
        tiles += words[page + TILES]
        page += words[page + SIZE]
    return pages, tiles


@compiled_part
def survey(
    shape: Ints,
    reach: Ints,
    edge: int,
    from_tiles: int,
    words: Ints,
    rows: Ints,
    begin: int,
    stop: int,
    at: int,
    scratch: Ints,
    room: int,
    key: int,
    missing: Ints,
    wanted: int,
) -> tuple[int, int, int, bool]:
    """Sort the tree of one key into pages whose facts are needed (from the left of scratch) and tiles that are used whole (from the right).

    Args:
        room: how many pages there are at most.

    Returns: how many pages, how many tiles, how many are missing by now, and whether all that the question needs is still kept.
    """
    pages, tiles, last_window = 0, 0, reach.size - 1
    if begin == stop:
        return 0, 0, wanted, True
    if forgotten_until(words, rows, begin, stop) >= at - reach[last_window]:
        return 0, 0, wanted, False
    # Pages of tiles that wait to be looked into lie above those whose facts are needed.
    waiting = 0
    for row in range(begin, begin + roots_of(words, rows, begin, stop)):
        scratch[0, room + waiting] = rows[row]
        waiting += 1
    while waiting > 0:
        waiting -= 1
        page = scratch[0, room + waiting]
        if words[page + FACTS] > 0:
            scratch[0, pages], scratch[1, pages] = page, words[page + FACTS] - 1
            pages += 1
        for place in range(words[page + TILES]):
            tile = tile_at(page, place, shape)
            first, last = words[tile + TILE_FIRST], words[tile + TILE_LAST]
            if last < at - reach[last_window] or first >= at + edge:
                continue
            is_settled = from_tiles != 0 and words[tile + TILE_WIDE] == 0 and words[tile + TILE_SETTLED] <= at and last < at + edge
            if is_settled and ring_of(first, at, reach) == ring_of(last, at, reach):
                tiles += 1
                scratch[0, scratch.shape[1] - tiles], scratch[1, scratch.shape[1] - tiles] = tile, ring_of(first, at, reach)
                continue
            child = find_page(words, rows, begin, stop, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER])
            if child >= 0:
                scratch[0, room + waiting] = child
                waiting += 1
            else:
                if wanted < missing.shape[0]:
                    missing[wanted, 0], missing[wanted, 1], missing[wanted, 2] = key, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER]
                wanted += 1
    return pages, tiles, wanted, True


@compiled_part
def roots_of(words: Ints, rows: Ints, begin: int, stop: int) -> int:
    """Where the tree of a key begins: 2 with a directory behind the head, else 1."""
    return 2 if begin + 1 < stop and words[rows[begin + 1] + LEVEL] == DIRECTORY_LEVEL else 1


@compiled_part
def forgotten_until(words: Ints, rows: Ints, begin: int, stop: int) -> int:
    """The newest event time that was evicted; long ago if none was."""
    return int(words[rows[begin + 1] + EVICTED]) if roots_of(words, rows, begin, stop) == 2 else LONG_AGO


@compiled_part
def ring_of(time: int, at: int, reach: Ints) -> int:
    """The smallest window that reaches back to this time; the number of windows if none does."""
    ring = 0
    while ring < reach.size and time < at - reach[ring]:
        ring += 1
    return ring


@compiled_part
def find_page(words: Ints, rows: Ints, begin: int, stop: int, level: int, number: int) -> int:
    """The first word of a page among the rows of a key, or -1."""
    page = rows[begin]
    while page < rows[stop]:
        if words[page + NUMBER] == number and words[page + LEVEL] == level:
            return int(page)
        page += words[page + SIZE]
    return -1


@compiled_part
def write_answers(
    shape: Ints,
    lanes: Ints,
    reach: Ints,
    outputs: Ints,
    edge: int,
    words: Ints,
    question: int,
    at: int,
    pages: int,
    tiles: int,
    scratch: Ints,
    cells: Ints,
    marks: Ints,
    number: Ints,
    bits: Ints,
    valid: Bytes,
) -> int:
    """Walk the rings and write the outputs of each window; what became of the question."""
    forget(lanes, cells, marks)
    outcome = ANSWERED
    values = FACT_TIMES + shape[FLAG_WORDS]
    for ring in range(reach.size):
        for place in range(scratch.shape[1] - tiles, scratch.shape[1]):
            if scratch[1, place] == ring:
                add_tile(lanes, cells, marks, words, scratch[0, place])
        oldest = at - reach[ring]
        for place in range(pages):
            page = scratch[0, place]
            index = scratch[1, place]
            while index >= 0:
                fact = fact_at(words, page, index, shape)
                if words[fact + EVENT_TIME] < oldest:
                    break
                index -= 1
                if words[fact + EVENT_TIME] < at + edge and words[fact + VISIBLE_FROM] <= at < words[fact + VISIBLE_TO]:
                    add_fact(lanes, cells, marks, words, page, fact, values)
            scratch[1, place] = index
        outcome = max(outcome, write_window(ring, outputs, lanes, question, at, cells, marks, number, bits, valid))
    return outcome


@compiled_part
def write_window(
    window: int, outputs: Ints, lanes: Ints, question: int, at: int, cells: Ints, marks: Ints, number: Ints, bits: Ints, valid: Bytes
) -> int:
    """Write the outputs of one window from what was accumulated so far."""
    outcome, nothing = ANSWERED, lanes.shape[0]
    for output in range(outputs.shape[0]):
        if outputs[output, WINDOW] != window:
            continue
        op, lane, is_float, slot = outputs[output, OP], outputs[output, LANE], outputs[output, IS_FLOAT] != 0, outputs[output, SLOT]
        count = cells[outputs[output, COUNTED], COUNT]
        value, present = 0, count > 0
        if op <= Op.COUNT:
            value, present = count, True
        elif op == Op.SUM or op == Op.MEAN:
            if present:
                value, present = summed_value(op, is_float, cells, lane, nothing, marks[lane, LOW], marks[lane, HIGH], number)
                if not present:
                    outcome = OVERFLOW
            else:
                present = op == Op.SUM
        elif op == Op.MIN or op == Op.MAX:
            if present:
                value = value_of(marks[lane, BITS], is_float, op == Op.MIN)
        elif op == Op.ANY or op == Op.ALL:
            # The greatest (least) of booleans, as ranks; without any, any is false and all is true.
            value = value_of(marks[lane, BITS], False, op == Op.ALL) if present else int(op == Op.ALL)
            present = True
        elif present:
            value = at - marks[lane, TIME] if op == Op.SINCE_LAST else marks[lane, BITS]
            if marks[lane, TIED] != 0 and op != Op.SINCE_LAST:
                outcome = max(outcome, AMBIGUOUS)
        bits[slot, question] = value if present else 0
        valid[slot, question] = present
    return outcome
