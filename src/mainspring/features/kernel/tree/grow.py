"""Grow the pages of keys by new facts: the writing of online state.

Facts of a key are taken one by one in the order of the log, and a page is sealed exactly when the
head is full.  So the pages of a key are a function of the records of that key: how records were
batched, and what other keys there are, leaves no trace in any byte.

A table says what was written: rows of (what, key, level, number, first byte, byte after the last).
"""

import numpy as np

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.states.exact_sum import CELLS, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.tree.batch import (
    EVICTED_PAGE,
    EVICTED_UNTIL,
    FACT_COUNT,
    INLINE_FIELDS,
    IS_NEW,
    LISTED,
    MAX_TILES,
    NEXT_NUMBER,
    PAGE_BEGIN,
    PAGE_COUNT,
    PAGE_NUMBER,
    PAGE_SIZE,
    STATE_FIELDS,
    TILE_COUNT,
    WRITTEN,
    WRITTEN_PAGE,
    GrowthBatch,
    GrowthOutput,
    OpenKey,
    PageLayout,
)
from mainspring.features.kernel.tree.load import keep_inline, load_fact, load_row
from mainspring.features.kernel.tree.page import (
    ARRIVED,
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
    NUMBER_WORD,
    OPEN_FACTS,
    OPEN_TILES,
    PAGE_FACTS,
    REFERENCES,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILE_WORDS,
    TILES,
    text_before,
)
from mainspring.features.kernel.tree.tile import (
    LONG_AGO,
    MARK_FIELDS,
    TILE_HIGH,
    TILE_LAST,
    TILE_LEVEL,
    TILE_LOW,
    TILE_NUMBER,
    summarise_facts,
    summarise_tiles,
)

__all__ = ["grow_keys"]


@allocating_part
def grow_keys(layout: PageLayout, batch: GrowthBatch, out: GrowthOutput) -> None:
    """Add facts to the heads of their keys and write the new heads, and the pages that were sealed
    on the way.
    """
    shape, lanes = layout.shape, layout.lanes
    flat = np.empty(MAX_TILES * shape[TILE_WORDS], dtype=np.int64)
    marks = np.zeros((lanes.shape[0], MARK_FIELDS), dtype=np.int64)
    marks[:, TILE_LOW], marks[:, TILE_HIGH] = NO_LIMB, -1
    key = OpenKey(
        shape,
        lanes,
        np.empty((OPEN_FACTS + 1, shape[FACT_WORDS]), dtype=np.int64),
        np.empty((OPEN_FACTS + 1, shape[REFERENCES]), dtype=np.int64),
        flat.reshape((MAX_TILES, shape[TILE_WORDS])),
        flat,
        np.empty((INLINE_PAGES + 1, INLINE_FIELDS), dtype=np.int64),
        np.zeros(STATE_FIELDS, dtype=np.int64),
        np.zeros((lanes.shape[0] + 1, CELLS), dtype=np.int64),
        marks,
        np.zeros(NUMBER_CELLS, dtype=np.int64),
    )
    grow_all(batch, key, out)


@compiled_part
def grow_all(batch: GrowthBatch, key: OpenKey, out: GrowthOutput) -> None:
    """Grow one key after the other, until there is no more room."""
    for code in range(batch.starts.size - 1):
        if not grow_key(batch, key, out, code):
            out.note[0] = -1
            return
    out.note[0] = key.state[LISTED]


@compiled_part
def grow_key(batch: GrowthBatch, key: OpenKey, out: GrowthOutput, code: int) -> bool:
    """Grow a key by what was appended to its row and then by its facts of the batch; whether there
    was room to write it.
    """
    words, page = batch.words, load_row(batch, key, code)
    while page < batch.starts[code + 1]:
        for index in range(words[page + FACTS]):
            load_fact(batch, key, page, index, OPEN_FACTS)
            if not take_fact(batch, key, out, code, words[page + ARRIVED]):
                return False
        page += words[page + SIZE]
    for index in range(batch.key_first[code], batch.key_first[code + 1]):
        row = batch.order[index]
        for word in range(key.facts.shape[1]):
            key.facts[OPEN_FACTS, word] = batch.facts[row, word]
        for word in range(key.links.shape[1]):
            key.links[OPEN_FACTS, word] = batch.links[row, word]
        if not take_fact(batch, key, out, code, batch.arrived[row]):
            return False
    if not has_room(key, out):
        return False
    write_row(batch, key, out, code)
    return True


@compiled_part
def take_fact(batch: GrowthBatch, key: OpenKey, out: GrowthOutput, code: int, arrived: int) -> bool:
    """Put the fact that comes in among the open ones, and seal a page of them if they are enough;
    whether there was room.
    """
    insert_fact(batch, key)
    # Sealed when the head is full and never at the end of a batch: batches would show in the bytes.
    if key.state[FACT_COUNT] == OPEN_FACTS:
        if not has_room(key, out):
            return False
        seal_facts(batch, key, out)
        spill(batch, key, out, code)
        # By when the record arrived, which the log says, not by the clock of this process: it once
        # did, and hourly and one-go materializations of late facts differed in their bytes.
        evict(key, out, code, min(arrived, batch.until) - batch.kept)
        # Last: what was evicted need not go into a page of tiles first.
        seal_tiles(key, out, code)
    return True


@compiled_part
def insert_fact(batch: GrowthBatch, key: OpenKey) -> None:
    """Put the fact that comes in where it belongs in total order: by event time, then id, then the
    moment from which it is seen.
    """
    index = key.state[FACT_COUNT]
    # From the end: facts mostly arrive in order of time, and then nothing moves.
    while index > 0 and stands_before(batch, key, index - 1):
        move_fact(key, index - 1, index)
        index -= 1
    move_fact(key, OPEN_FACTS, index)
    key.state[FACT_COUNT] += 1


@compiled_part
def move_fact(key: OpenKey, source: int, target: int) -> None:
    """Move an open fact to another place."""
    for word in range(key.facts.shape[1]):
        key.facts[target, word] = key.facts[source, word]
    for word in range(key.links.shape[1]):
        key.links[target, word] = key.links[source, word]


@compiled_part
def stands_before(batch: GrowthBatch, key: OpenKey, index: int) -> bool:
    """Whether the fact that comes in stands before the open one at this place."""
    if key.facts[OPEN_FACTS, EVENT_TIME] != key.facts[index, EVENT_TIME]:
        return bool(key.facts[OPEN_FACTS, EVENT_TIME] < key.facts[index, EVENT_TIME])
    mine, other = key.links[OPEN_FACTS, 0], key.links[index, 0]
    order = text_before(
        batch.texts,
        mine >> TEXT_SHIFT,
        mine & LENGTH_MASK,
        other >> TEXT_SHIFT,
        other & LENGTH_MASK,
    )
    # Revisions of one id share event time and id; the earlier revision stands first.
    return order < 0 or (
        order == 0 and bool(key.facts[OPEN_FACTS, VISIBLE_FROM] < key.facts[index, VISIBLE_FROM])
    )


@compiled_part
def has_room(key: OpenKey, out: GrowthOutput) -> bool:
    """Whether the output can take a head, a directory, a page of facts, and one page of tiles for
    each level, with evictions.
    """
    shape, state = key.shape, key.state
    words = (
        2 * (HEADER + OPEN_FACTS * (shape[FACT_WORDS] + shape[REFERENCES]))
        + 12 * HEADER
        + 2 * (state[TILE_COUNT] + 1) * shape[TILE_WORDS]
    )
    for index in range(state[FACT_COUNT]):
        for word in range(key.links.shape[1]):
            words += 2 * ((key.links[index, word] & LENGTH_MASK) // 8 + 1)
    for index in range(state[PAGE_COUNT]):
        words += 2 * key.inline[index, PAGE_SIZE]
    has_rows = state[LISTED] + state[TILE_COUNT] + 16 <= out.table.shape[0]
    return bool(
        state[WRITTEN] + words + 8 <= out.words.size
        and has_rows
        and state[TILE_COUNT] + 2 < key.tiles.shape[0]
    )


@compiled_part
def drop_inline(key: OpenKey, dropped: int) -> None:
    """Forget the page at this place."""
    for index in range(dropped, key.state[PAGE_COUNT] - 1):
        for field in range(INLINE_FIELDS):
            key.inline[index, field] = key.inline[index + 1, field]
    key.state[PAGE_COUNT] -= 1


@compiled_part
def copy_inline(batch: GrowthBatch, key: OpenKey, out: GrowthOutput, index: int) -> None:
    """Write a page that stays as it is."""
    begin, at = key.inline[index, PAGE_BEGIN], key.state[WRITTEN]
    for word in range(key.inline[index, PAGE_SIZE]):
        out.words[at + word] = (
            out.words[begin + word] if key.inline[index, IS_NEW] else batch.words[begin + word]
        )
    key.state[WRITTEN] += key.inline[index, PAGE_SIZE]


@compiled_part
def seal_facts(batch: GrowthBatch, key: OpenKey, out: GrowthOutput) -> None:
    """Make a page of the oldest open facts, beside the directory, and keep its tile."""
    state, page, index = key.state, key.state[WRITTEN], key.state[TILE_COUNT]
    write_facts(batch, key, out, 1, state[NEXT_NUMBER], PAGE_FACTS)
    keep_inline(key, state[NEXT_NUMBER], page, out.words[page + SIZE], 1)
    summarise_facts(
        key.lanes,
        key.shape,
        key.cells,
        key.marks,
        key.number,
        out.words,
        page,
        key.flat,
        index * key.tiles.shape[1],
    )
    key.tiles[index, TILE_LEVEL], key.tiles[index, TILE_NUMBER] = 1, state[NEXT_NUMBER]
    state[NEXT_NUMBER] += 1
    state[TILE_COUNT] += 1
    state[FACT_COUNT] -= PAGE_FACTS
    for left in range(state[FACT_COUNT]):
        move_fact(key, left + PAGE_FACTS, left)


@compiled_part
def spill(batch: GrowthBatch, key: OpenKey, out: GrowthOutput, code: int) -> None:
    """Where the directory has too many pages beside it, give the oldest a row of its own."""
    # The eight newest pages lie in the key's row, so that a key of some 150 facts is one read.
    if key.state[PAGE_COUNT] <= INLINE_PAGES:
        return
    begin = key.state[WRITTEN]
    copy_inline(batch, key, out, 0)
    list_row(key, out, WRITTEN_PAGE, code, 1, key.inline[0, PAGE_NUMBER], begin)
    drop_inline(key, 0)


@compiled_part
def evict(key: OpenKey, out: GrowthOutput, code: int, oldest: int) -> None:
    """Forget the tiles whose every event is older, and list their pages that have rows."""
    state, left = key.state, 0
    for index in range(state[TILE_COUNT]):
        if key.tiles[index, TILE_LAST] >= oldest:
            move_tile(key, index, left)
            left += 1
            continue
        # Noted for good: a request that needs older facts is refused, not answered from less.
        state[EVICTED_UNTIL] = max(state[EVICTED_UNTIL], key.tiles[index, TILE_LAST])
        beside = inline_index(key, key.tiles[index, TILE_LEVEL], key.tiles[index, TILE_NUMBER])
        if beside >= 0:
            drop_inline(key, beside)
        else:
            list_row(
                key,
                out,
                EVICTED_PAGE,
                code,
                key.tiles[index, TILE_LEVEL],
                key.tiles[index, TILE_NUMBER],
                state[WRITTEN],
            )
    state[TILE_COUNT] = left


@compiled_part
def move_tile(key: OpenKey, source: int, target: int) -> None:
    """Move a tile to another place."""
    for word in range(key.tiles.shape[1]):
        key.tiles[target, word] = key.tiles[source, word]


@compiled_part
def inline_index(key: OpenKey, level: int, number: int) -> int:
    """Where a page lies beside the directory, or -1."""
    for index in range(key.state[PAGE_COUNT]):
        if level == 1 and key.inline[index, PAGE_NUMBER] == number:
            return index
    return -1


@compiled_part
def seal_tiles(key: OpenKey, out: GrowthOutput, code: int) -> None:
    """Where a level has too many tiles, write the first of them as a page and keep its tile
    instead, level by level.
    """
    level = 1
    while count_level(key, level) >= OPEN_TILES:
        seal_level(key, out, code, level)
        level += 1


@compiled_part
def count_level(key: OpenKey, level: int) -> int:
    """How many tiles are of this level."""
    found = 0
    for index in range(key.state[TILE_COUNT]):
        found += key.tiles[index, TILE_LEVEL] == level
    return found


@compiled_part
def seal_level(key: OpenKey, out: GrowthOutput, code: int, level: int) -> None:
    """Write the first tiles of a level as a page, and keep its tile instead."""
    state, page, width = key.state, key.state[WRITTEN], key.tiles.shape[1]
    begin_page(key, out, level + 1, state[NEXT_NUMBER], FANOUT, 0)
    left, moved = 0, 0
    for index in range(state[TILE_COUNT]):
        if key.tiles[index, TILE_LEVEL] == level and moved < FANOUT:
            for word in range(width):
                out.words[page + HEADER + moved * width + word] = key.tiles[index, word]
            moved += 1
        else:
            move_tile(key, index, left)
            left += 1
    end_page(key, out, page, HEADER + FANOUT * width, 0)
    list_row(key, out, WRITTEN_PAGE, code, level + 1, state[NEXT_NUMBER], page)
    summarise_tiles(
        key.lanes,
        key.shape,
        key.cells,
        key.marks,
        key.number,
        out.words,
        page,
        key.flat,
        left * width,
    )
    key.tiles[left, TILE_LEVEL], key.tiles[left, TILE_NUMBER] = level + 1, state[NEXT_NUMBER]
    state[NEXT_NUMBER] += 1
    state[TILE_COUNT] = left + 1


@compiled_part
def list_row(
    key: OpenKey, out: GrowthOutput, what: int, code: int, level: int, number: int, begin: int
) -> None:
    """List a row that was written from this word on, or that is gone."""
    row, table = key.state[LISTED], out.table
    table[row, 0], table[row, 1], table[row, 2], table[row, 3] = what, code, level, number
    table[row, 4], table[row, 5] = 8 * begin, 8 * key.state[WRITTEN]
    key.state[LISTED] += 1


@compiled_part
def begin_page(
    key: OpenKey, out: GrowthOutput, level: int, number: int, tiles: int, facts: int
) -> None:
    """Write the header of a page."""
    page, words = key.state[WRITTEN], out.words
    words[page + LEVEL], words[page + NUMBER_WORD], words[page + FACTS], words[page + TILES] = (
        level,
        number,
        facts,
        tiles,
    )
    words[page + NEXT] = key.state[NEXT_NUMBER] if level == DIRECTORY_LEVEL else 0
    words[page + EVICTED] = key.state[EVICTED_UNTIL] if level == DIRECTORY_LEVEL else LONG_AGO


@compiled_part
def end_page(key: OpenKey, out: GrowthOutput, page: int, size: int, texts: int) -> None:
    """Note where the texts of the page begin and where it ends, in whole words."""
    out.words[page + TEXTS_AT] = 8 * size
    out.words[page + SIZE] = size + (texts + 7) // 8
    key.state[WRITTEN] = page + out.words[page + SIZE]


@compiled_part
def write_row(batch: GrowthBatch, key: OpenKey, out: GrowthOutput, code: int) -> None:
    """Write the head, and once a page was sealed the directory with the pages beside it."""
    row = key.state[WRITTEN]
    write_facts(batch, key, out, HEAD_LEVEL, 0, key.state[FACT_COUNT])
    if key.state[NEXT_NUMBER] > 0:
        begin, width = key.state[WRITTEN], key.state[TILE_COUNT] * key.tiles.shape[1]
        begin_page(key, out, DIRECTORY_LEVEL, 0, key.state[TILE_COUNT], 0)
        for word in range(width):
            out.words[begin + HEADER + word] = key.flat[word]
        end_page(key, out, begin, HEADER + width, 0)
        for index in range(key.state[PAGE_COUNT]):
            copy_inline(batch, key, out, index)
    list_row(key, out, WRITTEN_PAGE, code, HEAD_LEVEL, 0, row)


@compiled_part
def write_facts(
    batch: GrowthBatch, key: OpenKey, out: GrowthOutput, level: int, number: int, count: int
) -> None:
    """Write a page of the first open facts with their texts."""
    page, width, links = key.state[WRITTEN], key.facts.shape[1], key.links.shape[1]
    begin_page(key, out, level, number, 0, count)
    for index in range(count):
        for word in range(width):
            out.words[page + HEADER + index * width + word] = key.facts[index, word]
    links_at = page + HEADER + count * width
    texts_at = 8 * (links_at + count * links)
    byte = texts_at
    for link in range(count * links):
        source, size = (
            key.links[link // links, link % links] >> TEXT_SHIFT,
            key.links[link // links, link % links] & LENGTH_MASK,
        )
        out.words[links_at + link] = ((byte - texts_at) << TEXT_SHIFT) | size
        for offset in range(size):
            out.texts[byte + offset] = batch.texts[source + offset]
        byte += size
    # Padding is zeroed because rows are compared as bytes, and this memory was not cleared.
    for pad in range(byte, 8 * ((byte + 7) // 8)):
        out.texts[pad] = 0
    end_page(key, out, page, links_at + count * links - page, byte - texts_at)
