"""Take the row of a key apart, before it grows."""

from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.tree.batch import (
    EVICTED_UNTIL,
    FACT_COUNT,
    IS_NEW,
    NEXT_NUMBER,
    PAGE_BEGIN,
    PAGE_COUNT,
    PAGE_NUMBER,
    PAGE_SIZE,
    TILE_COUNT,
    GrowthBatch,
    OpenKey,
)
from mainspring.features.kernel.tree.page import (
    DIRECTORY_LEVEL,
    EVICTED,
    FACTS,
    HEAD_LEVEL,
    HEADER,
    LEVEL,
    NEXT,
    NUMBER_WORD,
    RUN_LEVEL,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILES,
    fact_at,
    reference_at,
)
from mainspring.features.kernel.tree.tile import LONG_AGO

__all__ = ["keep_inline", "load_fact", "load_row"]


@compiled_part
def load_row(batch: GrowthBatch, key: OpenKey, code: int) -> int:
    """Take the row of a key, without what was appended to it; where that begins."""
    state, words, page = key.state, batch.words, batch.starts[code]
    state[FACT_COUNT] = state[TILE_COUNT] = state[PAGE_COUNT] = state[NEXT_NUMBER] = 0
    state[EVICTED_UNTIL] = LONG_AGO
    while page < batch.starts[code + 1] and words[page + LEVEL] != RUN_LEVEL:
        if words[page + LEVEL] == HEAD_LEVEL:
            state[FACT_COUNT] = words[page + FACTS]
            for index in range(state[FACT_COUNT]):
                load_fact(batch, key, page, index, index)
        elif words[page + LEVEL] == DIRECTORY_LEVEL:
            load_directory(batch, key, page)
        else:
            keep_inline(key, words[page + NUMBER_WORD], page, words[page + SIZE], 0)
        page += words[page + SIZE]
    return int(page)


@compiled_part
def load_fact(batch: GrowthBatch, key: OpenKey, page: int, index: int, place: int) -> None:
    """Take a fact of a page to a place; links point into the bytes that they were read from."""
    words = batch.words
    fact, link = fact_at(words, page, index, key.shape), reference_at(words, page, index, key.shape)
    base = 8 * page + words[page + TEXTS_AT]
    for word in range(key.facts.shape[1]):
        key.facts[place, word] = words[fact + word]
    for word in range(key.links.shape[1]):
        key.links[place, word] = words[link + word] + (base << TEXT_SHIFT)


@compiled_part
def load_directory(batch: GrowthBatch, key: OpenKey, page: int) -> None:
    """Take the tiles."""
    words, state = batch.words, key.state
    state[TILE_COUNT], state[NEXT_NUMBER], state[EVICTED_UNTIL] = (
        words[page + TILES],
        words[page + NEXT],
        words[page + EVICTED],
    )
    for word in range(state[TILE_COUNT] * key.tiles.shape[1]):
        key.flat[word] = words[page + HEADER + word]


@compiled_part
def keep_inline(key: OpenKey, number: int, begin: int, size: int, is_new: int) -> None:
    """Note a page that stays beside the directory."""
    index = key.state[PAGE_COUNT]
    (
        key.inline[index, PAGE_NUMBER],
        key.inline[index, PAGE_BEGIN],
        key.inline[index, PAGE_SIZE],
        key.inline[index, IS_NEW],
    ) = number, begin, size, is_new
    key.state[PAGE_COUNT] += 1
