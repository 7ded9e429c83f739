"""Write the facts of a batch as pages of a run: what is appended to the rows of keys until their
trees are grown.

Nothing is read for it.  The pages of a key hold its facts in the order of the log, and within each
they stand in total order as readers want them: a fact that breaks that order, or that arrived at
another time, begins another page.  So growing the tree later sees what it would have seen at once.
"""

from typing import NamedTuple

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, Bytes, Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.tree.page import (
    ARRIVED,
    EVICTED,
    FACTS,
    HEADER,
    LENGTH_MASK,
    LEVEL,
    NUMBER_WORD,
    RUN_LEVEL,
    SIZE,
    TEXT_SHIFT,
    TEXTS_AT,
    TILES,
    text_before,
)
from mainspring.features.kernel.tree.tile import LONG_AGO

__all__ = ["RunBatch", "RunOutput", "write_runs"]


class RunBatch(NamedTuple):
    """What comes in; shapes as in `GrowthBatch`, with `texts` those of the batch alone."""

    texts: Bytes
    key_first: Ints
    order: Ints
    facts: Ints
    links: Ints
    arrived: Ints


class RunOutput(NamedTuple):
    """Where pages are written.

    Shapes: words and texts are the same memory, with room for a page for every fact; ends (keys,)
        the byte after the pages of each key; note (3,), in its last cell the edition of the kernel.
    """

    words: Ints
    texts: Bytes
    ends: Ints
    note: Ints


@compiled_part
def write_runs(batch: RunBatch, out: RunOutput) -> None:
    """Write the pages of one key after the other."""
    page = 0
    for code in range(out.ends.size):
        first, stop = batch.key_first[code], batch.key_first[code + 1]
        while first < stop:
            last = first + 1
            while last < stop and belongs_behind(batch, batch.order[last - 1], batch.order[last]):
                last += 1
            page += write_run_page(batch, out, page, first, last)
            first = last
        out.ends[code] = 8 * page


@compiled_part
def belongs_behind(batch: RunBatch, one: int, other: int) -> bool:
    """Whether the fact of a row may follow that of another in the same page."""
    if batch.arrived[one] != batch.arrived[other]:
        return False
    if batch.facts[one, EVENT_TIME] != batch.facts[other, EVENT_TIME]:
        return bool(batch.facts[one, EVENT_TIME] < batch.facts[other, EVENT_TIME])
    left, right = batch.links[one, 0], batch.links[other, 0]
    order = text_before(
        batch.texts,
        left >> TEXT_SHIFT,
        left & LENGTH_MASK,
        right >> TEXT_SHIFT,
        right & LENGTH_MASK,
    )
    return order < 0 or (
        order == 0 and bool(batch.facts[one, VISIBLE_FROM] <= batch.facts[other, VISIBLE_FROM])
    )


@compiled_part
def write_run_page(batch: RunBatch, out: RunOutput, page: int, first: int, last: int) -> int:
    """Write a page of the facts at these places of the order; how many words it has."""
    words, count = out.words, last - first
    width, links = batch.facts.shape[1], batch.links.shape[1]
    words[page + LEVEL], words[page + NUMBER_WORD] = RUN_LEVEL, 0
    words[page + FACTS], words[page + TILES] = count, 0
    words[page + ARRIVED], words[page + EVICTED] = batch.arrived[batch.order[first]], LONG_AGO
    links_at = HEADER + count * width
    texts_at = links_at + count * links
    size = 0
    for index in range(count):
        row = batch.order[first + index]
        for word in range(width):
            words[page + HEADER + index * width + word] = batch.facts[row, word]
        for link in range(links):
            source, length = (
                batch.links[row, link] >> TEXT_SHIFT,
                batch.links[row, link] & LENGTH_MASK,
            )
            words[page + links_at + index * links + link] = (size << TEXT_SHIFT) | length
            for offset in range(length):
                out.texts[8 * (page + texts_at) + size + offset] = batch.texts[source + offset]
            size += length
    # Padding is zeroed because rows are compared as bytes, and this memory was not cleared.
    for pad in range(size, 8 * ((size + 7) // 8)):
        out.texts[8 * (page + texts_at) + pad] = 0
    words[page + TEXTS_AT], words[page + SIZE] = 8 * texts_at, texts_at + (size + 7) // 8
    return int(words[page + SIZE])
