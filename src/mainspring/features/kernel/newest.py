"""Look up the newest fact of a key that is seen at one moment, from its pages: the online reading of `latest`.

Only the pages that may hold it are needed: with the newest fact that is certainly seen known from the head or from a tile that may be used, everything older
stays where it is.  The arrays are those of `point`.
"""

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, VISIBLE_TO, Bytes, Ints
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.page import (
    FACT_TIMES,
    FACTS,
    FLAG_WORDS,
    LENGTH_MASK,
    REFERENCES,
    TEXT_SHIFT,
    TEXTS_AT,
    TILES,
    fact_at,
    has_value,
    reference_at,
    text_before,
    tile_at,
)
from mainspring.features.kernel.point import ANSWERED, FORGOTTEN, MISSING, count_pages, find_page, forgotten_until, roots_of
from mainspring.features.kernel.tile import LONG_AGO, TILE_LAST, TILE_FIRST, TILE_LEVEL, TILE_NUMBER, TILE_SETTLED, TILE_STATES

__all__ = ["answer_lookups"]


@allocating_part
def answer_lookups(
    shape: Ints,
    reach: int,
    columns: Ints,
    words: Ints,
    texts: Bytes,
    rows: Ints,
    key_rows: Ints,
    codes: Ints,
    times: Ints,
    bits: Ints,
    valid: Bytes,
    outcome: Ints,
    missing: Ints,
) -> tuple[int, int]:
    """Answer every question (code of a key, or -1, and time) with the values of the newest fact.

    Args:
        reach: a fact counts when event_time >= q - reach.
        columns: (slots, 2) the column of each output, and which text it is, or -1; a text is answered by its first byte in `texts` and its length.

    Returns: how many pages are missing, and the worst outcome.
    """
    pages, _ = count_pages(words, rows)
    waiting = np.empty(pages, dtype=np.int64)
    wanted, worst = 0, ANSWERED
    for question in range(codes.size):
        begin = stop = 0
        if codes[question] >= 0:
            begin, stop = key_rows[codes[question]], key_rows[codes[question] + 1]
        for slot in range(columns.shape[0]):
            bits[slot, question], valid[slot, question] = 0, 0
        outcome[question] = ANSWERED
        if begin == stop:
            continue
        at = times[question]
        if forgotten_until(words, rows, begin, stop) >= at - reach:
            outcome[question] = worst = FORGOTTEN
            continue
        page, place, count = newest_fact(shape, reach, words, texts, rows, begin, stop, at, waiting, codes[question], missing, wanted)
        if count > wanted:
            outcome[question], wanted = MISSING, count
        elif page >= 0:
            write_values(shape, columns, words, page, place, question, bits, valid)
    return wanted, worst


@compiled_part
def newest_fact(
    shape: Ints, reach: int, words: Ints, texts: Bytes, rows: Ints, begin: int, stop: int, at: int, waiting: Ints, key: int, missing: Ints, wanted: int
) -> tuple[int, int, int]:
    """The page and place of the newest fact that is seen, -1 if there is none; and how many pages are missing by now."""
    best_page, best_place, left, certain = -1, -1, 0, LONG_AGO
    for row in range(begin, begin + roots_of(words, rows, begin, stop)):
        waiting[left] = rows[row]
        left += 1
        certain = max(certain, certainly_seen(shape, words, rows[row], at))
    while left > 0:
        left -= 1
        page = waiting[left]
        place = newest_of_page(shape, words, page, at)
        if place >= 0 and words[fact_at(words, page, place, shape) + EVENT_TIME] >= at - reach:
            if best_page < 0 or comes_after(shape, words, texts, page, place, best_page, best_place):
                best_page, best_place = page, place
        for index in range(words[page + TILES]):
            tile = tile_at(page, index, shape)
            bound = words[tile + TILE_STATES] if is_certain(words, tile, at) else words[tile + TILE_LAST]
            if bound == LONG_AGO or bound < certain or bound < at - reach or words[tile + TILE_FIRST] >= at:
                continue
            child = find_page(words, rows, begin, stop, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER])
            if child >= 0:
                waiting[left] = child
                left += 1
            else:
                if wanted < missing.shape[0]:
                    missing[wanted, 0], missing[wanted, 1], missing[wanted, 2] = key, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER]
                wanted += 1
    return best_page, best_place, wanted


@compiled_part
def is_certain(words: Ints, tile: int, at: int) -> bool:
    """Whether all that the tile summarises is seen at this time."""
    return bool(words[tile + TILE_SETTLED] <= at and words[tile + TILE_LAST] < at)


@compiled_part
def certainly_seen(shape: Ints, words: Ints, page: int, at: int) -> int:
    """An event time such that a fact of it is seen; nothing older can be the newest."""
    certain = LONG_AGO
    place = newest_of_page(shape, words, page, at)
    if place >= 0:
        certain = words[fact_at(words, page, place, shape) + EVENT_TIME]
    for index in range(words[page + TILES]):
        tile = tile_at(page, index, shape)
        if is_certain(words, tile, at):
            certain = max(certain, words[tile + TILE_STATES])
    return certain


@compiled_part
def newest_of_page(shape: Ints, words: Ints, page: int, at: int) -> int:
    """The place of the newest fact of a page that is seen, or -1."""
    for place in range(words[page + FACTS] - 1, -1, -1):
        fact = fact_at(words, page, place, shape)
        if words[fact + EVENT_TIME] < at and words[fact + VISIBLE_FROM] <= at < words[fact + VISIBLE_TO]:
            return place
    return -1


@compiled_part
def comes_after(shape: Ints, words: Ints, texts: Bytes, page: int, place: int, other_page: int, other_place: int) -> bool:
    """Whether one fact stands after another in total order."""
    fact, other = fact_at(words, page, place, shape), fact_at(words, other_page, other_place, shape)
    if words[fact + EVENT_TIME] != words[other + EVENT_TIME]:
        return bool(words[fact + EVENT_TIME] > words[other + EVENT_TIME])
    mine, theirs = words[reference_at(words, page, place, shape)], words[reference_at(words, other_page, other_place, shape)]
    first, second = 8 * page + words[page + TEXTS_AT], 8 * other_page + words[other_page + TEXTS_AT]
    order = text_before(texts, first + (mine >> TEXT_SHIFT), mine & LENGTH_MASK, second + (theirs >> TEXT_SHIFT), theirs & LENGTH_MASK)
    return order > 0 or (order == 0 and bool(words[fact + VISIBLE_FROM] > words[other + VISIBLE_FROM]))


@compiled_part
def write_values(shape: Ints, columns: Ints, words: Ints, page: int, place: int, question: int, bits: Ints, valid: Bytes) -> None:
    """Write the values of a fact as they stand, nulls too."""
    fact, reference = fact_at(words, page, place, shape), reference_at(words, page, place, shape)
    for slot in range(columns.shape[0]):
        column, text = columns[slot, 0], columns[slot, 1]
        if not has_value(words, fact, column):
            continue
        valid[slot, question] = 1
        if text < 0:
            bits[slot, question] = words[fact + FACT_TIMES + shape[FLAG_WORDS] + column]
        else:
            bits[slot, question] = words[reference + 1 + text] + ((8 * page + words[page + TEXTS_AT]) << TEXT_SHIFT)
