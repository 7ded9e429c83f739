"""Look up the newest fact of a key that is seen at one moment, from its pages: the online reading
of `latest`.

Only the pages that may hold it are needed: with the newest fact that is certainly seen known from
the head or from a tile that may be used, everything older stays where it is.
"""

from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, VISIBLE_TO, Bytes, Ints
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.tree.page import (
    FACT_TIMES,
    FACTS,
    FLAG_WORDS,
    LENGTH_MASK,
    LEVEL,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILES,
    fact_at,
    has_value,
    is_root,
    reference_at,
    text_before,
    tile_at,
)
from mainspring.features.kernel.tree.point import (
    ANSWERED,
    EVICTED_BEFORE,
    MISSING,
    PageRows,
    PointRequests,
    PointResults,
    count_pages,
    evicted_until,
    find_page,
    list_missing,
    rows_of_key,
)
from mainspring.features.kernel.tree.tile import (
    LONG_AGO,
    TILE_FIRST,
    TILE_LAST,
    TILE_LEVEL,
    TILE_NUMBER,
    TILE_STABLE_FROM,
    TILE_STATES,
)

__all__ = ["Lookups", "answer_lookups"]

NO_PAGE = -1
BEST_PAGE, BEST_INDEX, WAITING, WANTED, SEARCH_FIELDS = 0, 1, 2, 3, 4


class Lookups(NamedTuple):
    """What is looked up.

    Args:
        reach: a fact counts when event_time >= q - reach.

    Shapes:
        texts: the rows as bytes.
        columns: (slots, 2) the column of each output, and which text it is, or -1; a text is
            answered by its first byte in `texts` and its length.
    """

    texts: Bytes
    columns: Ints
    reach: int


class Search(NamedTuple):
    """A lookup on its way.

    Shapes:
        waiting: (pages,) pages that are still to be looked into.
        found: (SEARCH_FIELDS,) the best fact by page and place, how many pages wait, and how many
            are missing by now.
    """

    texts: Bytes
    columns: Ints
    reach: int
    waiting: Ints
    found: Ints


@allocating_part
def answer_lookups(
    rows: PageRows, lookups: Lookups, requests: PointRequests, results: PointResults
) -> None:
    """Answer every request with the values of the newest fact."""
    pages, _ = count_pages(rows.words, rows.starts)
    search = Search(
        lookups.texts,
        lookups.columns,
        lookups.reach,
        np.empty(pages, dtype=np.int64),
        np.zeros(SEARCH_FIELDS, dtype=np.int64),
    )
    look_up_all(rows, search, requests, results)


@compiled_part
def look_up_all(
    rows: PageRows, search: Search, requests: PointRequests, results: PointResults
) -> None:
    """Answer one request after the other."""
    worst = ANSWERED
    for request in range(requests.codes.size):
        for slot in range(search.columns.shape[0]):
            results.bits[slot, request], results.valid[slot, request] = 0, 0
        outcome = look_up(rows, search, requests.codes[request], requests.times[request])
        results.outcome[request] = outcome
        worst = max(worst, outcome)
        if outcome == ANSWERED and search.found[BEST_PAGE] != NO_PAGE:
            write_values(rows, search, request, results)
    results.note[0], results.note[1] = search.found[WANTED], worst


@compiled_part
def look_up(rows: PageRows, search: Search, key: int, at: int) -> int:
    """Find the newest fact that is seen, or say what is in the way."""
    found = search.found
    found[BEST_PAGE] = NO_PAGE
    begin, stop = rows_of_key(rows, key)
    if begin == stop:
        return ANSWERED
    if evicted_until(rows, begin) >= at - search.reach:
        return EVICTED_BEFORE
    wanted, certain = found[WANTED], LONG_AGO
    found[WAITING] = 0
    root = rows.starts[begin]
    while root < rows.starts[begin + 1]:
        if is_root(rows.words[root + LEVEL]):
            search.waiting[found[WAITING]] = root
            found[WAITING] += 1
            # All roots are looked at before any child is: the best bound first keeps most pages
            # unread.
            certain = max(certain, certainly_seen(rows, root, at))
        root += rows.words[root + SIZE]
    while found[WAITING] > 0:
        found[WAITING] -= 1
        page = search.waiting[found[WAITING]]
        consider_page(rows, search, page, at)
        for index in range(rows.words[page + TILES]):
            consider_tile(rows, search, key, at, certain, tile_at(page, index, rows.shape))
    # Every missing page is listed before the caller fetches, so that a lookup costs few rounds.
    return ANSWERED if found[WANTED] == wanted else MISSING


@compiled_part
def consider_page(rows: PageRows, search: Search, page: int, at: int) -> None:
    """Take the newest fact of a page if it is the newest so far."""
    index = newest_of_page(rows, page, at)
    if (
        index < 0
        or rows.words[fact_at(rows.words, page, index, rows.shape) + EVENT_TIME] < at - search.reach
    ):
        return
    if search.found[BEST_PAGE] == NO_PAGE or comes_after(rows, search, page, index):
        search.found[BEST_PAGE], search.found[BEST_INDEX] = page, index


@compiled_part
def consider_tile(
    rows: PageRows, search: Search, key: int, at: int, certain: int, tile: int
) -> None:
    """Have the page of a tile looked into if it may hold the newest fact."""
    words = rows.words
    # Of a tile that is stable the newest fact that stands is known; of another only when its last
    # one happened, seen or not.
    bound = words[tile + TILE_STATES] if is_certain(words, tile, at) else words[tile + TILE_LAST]
    if (
        bound == LONG_AGO
        or bound < certain
        or bound < at - search.reach
        or words[tile + TILE_FIRST] >= at
    ):
        return
    child = find_page(rows, key, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER])
    if child >= 0:
        search.waiting[search.found[WAITING]] = child
        search.found[WAITING] += 1
    else:
        list_missing(rows, search.found[WANTED], key, tile)
        search.found[WANTED] += 1


@compiled_part
def is_certain(words: Ints, tile: int, at: int) -> bool:
    """Whether all that the tile summarises is seen at this time."""
    return bool(words[tile + TILE_STABLE_FROM] <= at and words[tile + TILE_LAST] < at)


@compiled_part
def certainly_seen(rows: PageRows, page: int, at: int) -> int:
    """An event time such that a fact of it is seen; nothing older can be the newest."""
    certain, words = LONG_AGO, rows.words
    position = newest_of_page(rows, page, at)
    if position >= 0:
        certain = words[fact_at(words, page, position, rows.shape) + EVENT_TIME]
    for index in range(words[page + TILES]):
        tile = tile_at(page, index, rows.shape)
        if is_certain(words, tile, at):
            certain = max(certain, words[tile + TILE_STATES])
    return certain


@compiled_part
def newest_of_page(rows: PageRows, page: int, at: int) -> int:
    """The place of the newest fact of a page that is seen, or -1."""
    words = rows.words
    for index in range(words[page + FACTS] - 1, -1, -1):
        fact = fact_at(words, page, index, rows.shape)
        if (
            words[fact + EVENT_TIME] < at
            and words[fact + VISIBLE_FROM] <= at < words[fact + VISIBLE_TO]
        ):
            return index
    return -1


@compiled_part
def comes_after(rows: PageRows, search: Search, page: int, index: int) -> bool:
    """Whether a fact stands after the best one so far in total order."""
    words, shape = rows.words, rows.shape
    best_page, best_index = search.found[BEST_PAGE], search.found[BEST_INDEX]
    fact, other = fact_at(words, page, index, shape), fact_at(words, best_page, best_index, shape)
    if words[fact + EVENT_TIME] != words[other + EVENT_TIME]:
        return bool(words[fact + EVENT_TIME] > words[other + EVENT_TIME])
    mine, theirs = (
        words[reference_at(words, page, index, shape)],
        words[reference_at(words, best_page, best_index, shape)],
    )
    first, second = 8 * page + words[page + TEXTS_AT], 8 * best_page + words[best_page + TEXTS_AT]
    order = text_before(
        search.texts,
        first + (mine >> TEXT_SHIFT),
        mine & LENGTH_MASK,
        second + (theirs >> TEXT_SHIFT),
        theirs & LENGTH_MASK,
    )
    return order > 0 or (
        order == 0 and bool(words[fact + VISIBLE_FROM] > words[other + VISIBLE_FROM])
    )


@compiled_part
def write_values(rows: PageRows, search: Search, request: int, results: PointResults) -> None:
    """Write the values of the best fact as they stand, nulls too."""
    words, shape, page, index = (
        rows.words,
        rows.shape,
        search.found[BEST_PAGE],
        search.found[BEST_INDEX],
    )
    fact, reference = fact_at(words, page, index, shape), reference_at(words, page, index, shape)
    # Nulls are values here: `latest` shows the newest fact as it stands and never an older one's
    # value.
    for slot in range(search.columns.shape[0]):
        column, text = search.columns[slot, 0], search.columns[slot, 1]
        if not has_value(words, fact, column):
            continue
        results.valid[slot, request] = 1
        if text < 0:
            results.bits[slot, request] = words[fact + FACT_TIMES + shape[FLAG_WORDS] + column]
        else:
            results.bits[slot, request] = words[reference + 1 + text] + (
                (8 * page + words[page + TEXTS_AT]) << TEXT_SHIFT
            )
