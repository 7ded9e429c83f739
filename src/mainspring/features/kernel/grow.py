"""Grow the pages of keys by new facts: the writing of online state.

Facts of a key are taken one by one in the order of the log, and a page is sealed exactly when the head is full.  So the pages of a key are a function of the
records of that key: how records were batched, and what other keys there are, leaves no trace in any byte.

A table says what was written: rows of (what, key, level, number, first byte, byte after the last).
"""

from typing import Final

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, Bytes, Ints
from mainspring.features.kernel.exact_sum import CELLS, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.page import (
    DIRECTORY_LEVEL,
    EVICTED,
    FACT_WORDS,
    FACTS,
    FANOUT,
    HEAD_LEVEL,
    HEADER,
    INLINE_PAGES,
    LENGTH_MASK,
    LEVEL,
    NEXT,
    NUMBER,
    OPEN_FACTS,
    OPEN_TILES,
    PAGE_FACTS,
    REFERENCES,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILE_WORDS,
    TILES,
    fact_at,
    reference_at,
    text_before,
    tile_at,
)
from mainspring.features.kernel.tile import (
    HIGH,
    LONG_AGO,
    LOW,
    MARK_FIELDS,
    TILE_LAST,
    TILE_LEVEL,
    TILE_NUMBER,
    summarise_facts,
    summarise_tiles,
)

__all__ = ["EVICTED_PAGE", "TABLE_FIELDS", "WRITTEN_PAGE", "grow_keys"]

TABLE_FIELDS: Final = 6
WRITTEN_PAGE, EVICTED_PAGE = 0, 1

MAX_TILES: Final = 512
FACT_COUNT, TILE_COUNT, PAGE_COUNT, NEXT_NUMBER, FORGOTTEN, WRITTEN, LISTED, IS_SEALED, STATE_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""The key at hand: open facts, tiles, pages beside the directory, the number of the next page, the newest time forgotten, whether it has sealed a page.
The output: words written, rows listed."""

PAGE_NUMBER, PAGE_BEGIN, PAGE_SIZE, IS_NEW, INLINE_FIELDS = 0, 1, 2, 3, 4
"""A page beside the directory: its number, its first word, how many it has, and whether it lies in the output or still where it was read."""


@allocating_part
def grow_keys(
    shape: Ints,
    lanes: Ints,
    words: Ints,
    texts: Bytes,
    starts: Ints,
    key_first: Ints,
    order: Ints,
    batch: Ints,
    references: Ints,
    kept: int,
    out: Ints,
    out_texts: Bytes,
    table: Ints,
) -> int:
    """Add facts to the heads of their keys and write the new heads, and the pages that were sealed on the way.

    Args:
        words, texts: the old heads and directories joined, and behind them the texts of the batch; the same memory as words and as bytes.
        starts: (keys, 3) the first word of each old head, or -1; the first word of the row of its directory, or -1, and the word after that row.
        key_first: (keys + 1,) where the facts of each key begin in `order`, which lists rows of the batch, of one key in the order of the log.
        batch: (facts, fact words).
        references: (facts, texts of a fact) where each text begins in `texts`, and its length.
        kept: a page is evicted once its newest event is older by this than the fact that seals another page becomes visible.
        out, out_texts: where pages are written; the same memory.
        table: what was written, written.

    Returns: how many rows the table got, or -1 when `out` or `table` is too small: call again with larger ones.
    """
    facts = np.empty((OPEN_FACTS, shape[FACT_WORDS]), dtype=np.int64)
    links = np.empty((OPEN_FACTS, shape[REFERENCES]), dtype=np.int64)
    flat = np.empty(MAX_TILES * shape[TILE_WORDS], dtype=np.int64)
    tiles = flat.reshape((MAX_TILES, shape[TILE_WORDS]))
    inline = np.empty((INLINE_PAGES + 1, INLINE_FIELDS), dtype=np.int64)
    state = np.zeros(STATE_FIELDS, dtype=np.int64)
    cells = np.zeros((lanes.shape[0] + 1, CELLS), dtype=np.int64)
    marks = np.zeros((lanes.shape[0], MARK_FIELDS), dtype=np.int64)
    for lane in range(lanes.shape[0]):
        marks[lane, LOW], marks[lane, HIGH] = NO_LIMB, -1
    number = np.zeros(NUMBER_CELLS, dtype=np.int64)
    for key in range(starts.shape[0]):
        load_head(words, starts[key, 0], shape, facts, links, state)
        load_directory(words, starts[key, 1], starts[key, 2], shape, tiles, inline, state)
        for index in range(key_first[key], key_first[key + 1]):
            row = order[index]
            insert_fact(batch, references, row, texts, facts, links, state)
            if state[FACT_COUNT] == OPEN_FACTS:
                if not has_room(out, table, shape, inline, state, tiles, links):
                    return -1
                seal_facts(shape, lanes, texts, facts, links, tiles, flat, inline, state, cells, marks, number, out, out_texts)
                spill(key, words, inline, state, out, table)
                evict(key, batch[row, VISIBLE_FROM] - kept, tiles, inline, state, table)
                seal_tiles(key, shape, lanes, tiles, flat, state, cells, marks, number, out, table)
        if not has_room(out, table, shape, inline, state, tiles, links):
            return -1
        begin = state[WRITTEN]
        write_facts(HEAD_LEVEL, 0, state[FACT_COUNT], texts, facts, links, state, out, out_texts)
        list_row(WRITTEN_PAGE, key, HEAD_LEVEL, 0, begin, state, table)
        if state[IS_SEALED]:
            begin = state[WRITTEN]
            write_directory(words, tiles, inline, state, out)
            list_row(WRITTEN_PAGE, key, DIRECTORY_LEVEL, 0, begin, state, table)
    return int(state[LISTED])


@compiled_part
def load_head(words: Ints, start: int, shape: Ints, facts: Ints, links: Ints, state: Ints) -> None:
    """Take the open facts; references point into the bytes that they were read from."""
    state[FACT_COUNT] = 0
    if start < 0:
        return
    state[FACT_COUNT] = words[start + FACTS]
    base = 8 * start + words[start + TEXTS_AT]
    for place in range(state[FACT_COUNT]):
        fact, link = fact_at(words, start, place, shape), reference_at(words, start, place, shape)
        for word in range(facts.shape[1]):
            facts[place, word] = words[fact + word]
        for word in range(links.shape[1]):
            links[place, word] = words[link + word] + (base << TEXT_SHIFT)


@compiled_part
def load_directory(words: Ints, start: int, stop: int, shape: Ints, tiles: Ints, inline: Ints, state: Ints) -> None:
    """Take the tiles, and note where the pages beside them lie."""
    state[TILE_COUNT] = state[PAGE_COUNT] = state[NEXT_NUMBER] = state[IS_SEALED] = 0
    state[FORGOTTEN] = LONG_AGO
    if start < 0:
        return
    state[TILE_COUNT], state[NEXT_NUMBER], state[FORGOTTEN] = words[start + TILES], words[start + NEXT], words[start + EVICTED]
    for place in range(state[TILE_COUNT]):
        tile = tile_at(start, place, shape)
        for word in range(tiles.shape[1]):
            tiles[place, word] = words[tile + word]
    page = start + words[start + SIZE]
    while page < stop:
        keep_inline(inline, state, words[page + NUMBER], page, words[page + SIZE], 0)
        page += words[page + SIZE]


@compiled_part
def keep_inline(inline: Ints, state: Ints, number: int, begin: int, size: int, is_new: int) -> None:
    """Note a page that stays beside the directory."""
    place = state[PAGE_COUNT]
    inline[place, PAGE_NUMBER], inline[place, PAGE_BEGIN], inline[place, PAGE_SIZE], inline[place, IS_NEW] = number, begin, size, is_new
    state[PAGE_COUNT] += 1


@compiled_part
def drop_inline(inline: Ints, state: Ints, dropped: int) -> None:
    """Forget the page at this place."""
    for place in range(dropped, state[PAGE_COUNT] - 1):
        for field in range(INLINE_FIELDS):
            inline[place, field] = inline[place + 1, field]
    state[PAGE_COUNT] -= 1


@compiled_part
def copy_inline(words: Ints, inline: Ints, place: int, state: Ints, out: Ints) -> None:
    """Write a page that stays as it is."""
    begin, size, at = inline[place, PAGE_BEGIN], inline[place, PAGE_SIZE], state[WRITTEN]
    for word in range(size):
        out[at + word] = out[begin + word] if inline[place, IS_NEW] else words[begin + word]
    state[WRITTEN] += size


@compiled_part
def spill(key: int, words: Ints, inline: Ints, state: Ints, out: Ints, table: Ints) -> None:
    """Where the directory has too many pages beside it, give the oldest a row of its own."""
    if state[PAGE_COUNT] <= INLINE_PAGES:
        return
    begin = state[WRITTEN]
    copy_inline(words, inline, 0, state, out)
    list_row(WRITTEN_PAGE, key, 1, inline[0, PAGE_NUMBER], begin, state, table)
    drop_inline(inline, state, 0)


@compiled_part
def insert_fact(batch: Ints, references: Ints, row: int, texts: Bytes, facts: Ints, links: Ints, state: Ints) -> None:
    """Put a fact where it belongs in total order: by event time, then id, then the moment from which it is seen."""
    place = state[FACT_COUNT]
    while place > 0 and stands_before(batch, references, row, texts, facts, links, place - 1):
        for word in range(facts.shape[1]):
            facts[place, word] = facts[place - 1, word]
        for word in range(links.shape[1]):
            links[place, word] = links[place - 1, word]
        place -= 1
    for word in range(facts.shape[1]):
        facts[place, word] = batch[row, word]
    for word in range(links.shape[1]):
        links[place, word] = references[row, word]
    state[FACT_COUNT] += 1


@compiled_part
def stands_before(batch: Ints, references: Ints, row: int, texts: Bytes, facts: Ints, links: Ints, place: int) -> bool:
    """Whether a new fact comes before the open one at this place."""
    if batch[row, EVENT_TIME] != facts[place, EVENT_TIME]:
        return bool(batch[row, EVENT_TIME] < facts[place, EVENT_TIME])
    mine, other = references[row, 0], links[place, 0]
    order = text_before(texts, mine >> TEXT_SHIFT, mine & LENGTH_MASK, other >> TEXT_SHIFT, other & LENGTH_MASK)
    return order < 0 or (order == 0 and bool(batch[row, VISIBLE_FROM] < facts[place, VISIBLE_FROM]))


@compiled_part
def has_room(out: Ints, table: Ints, shape: Ints, inline: Ints, state: Ints, tiles: Ints, links: Ints) -> bool:
    """Whether the output can take a head, a directory, a page of facts, and one page of tiles for each level, with evictions."""
    words = 2 * (HEADER + OPEN_FACTS * (shape[FACT_WORDS] + shape[REFERENCES])) + 12 * HEADER + 2 * (state[TILE_COUNT] + 1) * shape[TILE_WORDS]
    for place in range(state[FACT_COUNT]):
        for word in range(links.shape[1]):
            words += 2 * ((links[place, word] & LENGTH_MASK) // 8 + 1)
    for place in range(state[PAGE_COUNT]):
        words += 2 * inline[place, PAGE_SIZE]
    return bool(state[WRITTEN] + words + 8 <= out.size and state[LISTED] + state[TILE_COUNT] + 16 <= table.shape[0] and state[TILE_COUNT] + 2 < tiles.shape[0])


@compiled_part
def seal_facts(
    shape: Ints,
    lanes: Ints,
    texts: Bytes,
    facts: Ints,
    links: Ints,
    tiles: Ints,
    flat: Ints,
    inline: Ints,
    state: Ints,
    cells: Ints,
    marks: Ints,
    number: Ints,
    out: Ints,
    out_texts: Bytes,
) -> None:
    """Make a page of the oldest open facts, beside the directory, and keep its tile."""
    page, place = state[WRITTEN], state[TILE_COUNT]
    write_facts(1, state[NEXT_NUMBER], PAGE_FACTS, texts, facts, links, state, out, out_texts)
    keep_inline(inline, state, state[NEXT_NUMBER], page, out[page + SIZE], 1)
    summarise_facts(lanes, shape, cells, marks, number, out, page, flat, place * tiles.shape[1])
    tiles[place, TILE_LEVEL], tiles[place, TILE_NUMBER] = 1, state[NEXT_NUMBER]
    state[NEXT_NUMBER] += 1
    state[TILE_COUNT] += 1
    state[IS_SEALED] = 1
    state[FACT_COUNT] -= PAGE_FACTS
    for left in range(state[FACT_COUNT]):
        for word in range(facts.shape[1]):
            facts[left, word] = facts[left + PAGE_FACTS, word]
        for word in range(links.shape[1]):
            links[left, word] = links[left + PAGE_FACTS, word]


@compiled_part
def seal_tiles(
    key: int, shape: Ints, lanes: Ints, tiles: Ints, flat: Ints, state: Ints, cells: Ints, marks: Ints, number: Ints, out: Ints, table: Ints
) -> None:
    """Where a level has too many tiles, write the first of them as a page and keep its tile instead, level by level."""
    level = 1
    while count_level(tiles, state[TILE_COUNT], level) >= OPEN_TILES:
        page = state[WRITTEN]
        begin_page(level + 1, state[NEXT_NUMBER], FANOUT, 0, state, out)
        left, moved = 0, 0
        for place in range(state[TILE_COUNT]):
            if tiles[place, TILE_LEVEL] == level and moved < FANOUT:
                for word in range(tiles.shape[1]):
                    out[page + HEADER + moved * tiles.shape[1] + word] = tiles[place, word]
                moved += 1
            else:
                for word in range(tiles.shape[1]):
                    tiles[left, word] = tiles[place, word]
                left += 1
        end_page(page, HEADER + FANOUT * tiles.shape[1], 0, state, out)
        list_row(WRITTEN_PAGE, key, level + 1, state[NEXT_NUMBER], page, state, table)
        summarise_tiles(lanes, shape, cells, marks, number, out, page, flat, left * tiles.shape[1])
        tiles[left, TILE_LEVEL], tiles[left, TILE_NUMBER] = level + 1, state[NEXT_NUMBER]
        state[NEXT_NUMBER] += 1
        state[TILE_COUNT] = left + 1
        level += 1


@compiled_part
def count_level(tiles: Ints, count: int, level: int) -> int:
    """How many tiles are of this level."""
    found = 0
    for place in range(count):
        found += tiles[place, TILE_LEVEL] == level
    return found


@compiled_part
def evict(key: int, oldest: int, tiles: Ints, inline: Ints, state: Ints, table: Ints) -> None:
    """Forget the tiles whose every event is older, and list their pages that have rows."""
    left = 0
    for place in range(state[TILE_COUNT]):
        if tiles[place, TILE_LAST] < oldest:
            state[FORGOTTEN] = max(state[FORGOTTEN], tiles[place, TILE_LAST])
            beside = place_inline(inline, state, tiles[place, TILE_LEVEL], tiles[place, TILE_NUMBER])
            if beside >= 0:
                drop_inline(inline, state, beside)
            else:
                list_row(EVICTED_PAGE, key, tiles[place, TILE_LEVEL], tiles[place, TILE_NUMBER], state[WRITTEN], state, table)
        else:
            for word in range(tiles.shape[1]):
                tiles[left, word] = tiles[place, word]
            left += 1
    state[TILE_COUNT] = left


@compiled_part
def place_inline(inline: Ints, state: Ints, level: int, number: int) -> int:
    """Where a page lies beside the directory, or -1."""
    if level == 1:
        for place in range(state[PAGE_COUNT]):
            if inline[place, PAGE_NUMBER] == number:
                return place
    return -1


@compiled_part
def list_row(what: int, key: int, level: int, number: int, begin: int, state: Ints, table: Ints) -> None:
    """List a row that was written from this word on, or that is gone."""
    row = state[LISTED]
    table[row, 0], table[row, 1], table[row, 2], table[row, 3], table[row, 4], table[row, 5] = what, key, level, number, 8 * begin, 8 * state[WRITTEN]
    state[LISTED] += 1


@compiled_part
def begin_page(level: int, number: int, tiles: int, facts: int, state: Ints, out: Ints) -> None:
    """Write the header of a page."""
    page = state[WRITTEN]
    out[page + LEVEL], out[page + NUMBER], out[page + FACTS], out[page + TILES] = level, number, facts, tiles
    out[page + NEXT] = state[NEXT_NUMBER] if level == DIRECTORY_LEVEL else 0
    out[page + EVICTED] = state[FORGOTTEN] if level == DIRECTORY_LEVEL else LONG_AGO


@compiled_part
def end_page(page: int, size: int, texts: int, state: Ints, out: Ints) -> None:
    """Note where the texts of the page begin and where it ends, in whole words."""
    out[page + TEXTS_AT] = 8 * size
    out[page + SIZE] = size + (texts + 7) // 8
    state[WRITTEN] = page + out[page + SIZE]


@compiled_part
def write_directory(words: Ints, tiles: Ints, inline: Ints, state: Ints, out: Ints) -> None:
    """Write all tiles of the key, and the pages that stay beside them."""
    page = state[WRITTEN]
    begin_page(DIRECTORY_LEVEL, 0, state[TILE_COUNT], 0, state, out)
    at = page + HEADER
    for place in range(state[TILE_COUNT]):
        for word in range(tiles.shape[1]):
            out[at + word] = tiles[place, word]
        at += tiles.shape[1]
    end_page(page, at - page, 0, state, out)
    for place in range(state[PAGE_COUNT]):
        copy_inline(words, inline, place, state, out)


@compiled_part
def write_facts(level: int, number: int, count: int, texts: Bytes, facts: Ints, links: Ints, state: Ints, out: Ints, out_texts: Bytes) -> None:
    """Write a page of the first open facts with their texts."""
    page = state[WRITTEN]
    begin_page(level, number, 0, count, state, out)
    at = page + HEADER
    for place in range(count):
        for word in range(facts.shape[1]):
            out[at + word] = facts[place, word]
        at += facts.shape[1]
    begin = 8 * (at + count * links.shape[1])
    byte = begin
    for place in range(count):
        for word in range(links.shape[1]):
            source, size = links[place, word] >> TEXT_SHIFT, links[place, word] & LENGTH_MASK
            out[at + word] = ((byte - begin) << TEXT_SHIFT) | size
            for offset in range(size):
                out_texts[byte + offset] = texts[source + offset]
            byte += size
        at += links.shape[1]
    for pad in range(byte, 8 * ((byte + 7) // 8)):
        out_texts[pad] = 0
    end_page(page, at - page, byte - begin, state, out)
