"""What growing takes, holds and gives: the layout of a view's pages, a batch of facts, the key at
hand, and the output.
"""

from typing import Final, NamedTuple

from mainspring.features.kernel.arrays import Bytes, Ints

__all__ = [
    "EVICTED_PAGE",
    "EVICTED_UNTIL",
    "FACT_COUNT",
    "INLINE_FIELDS",
    "IS_NEW",
    "LISTED",
    "MAX_TILES",
    "NEXT_NUMBER",
    "PAGE_BEGIN",
    "PAGE_COUNT",
    "PAGE_NUMBER",
    "PAGE_SIZE",
    "STATE_FIELDS",
    "TABLE_FIELDS",
    "TILE_COUNT",
    "WRITTEN",
    "WRITTEN_PAGE",
    "GrowthBatch",
    "GrowthOutput",
    "OpenKey",
    "PageLayout",
]

TABLE_FIELDS: Final = 6
WRITTEN_PAGE, EVICTED_PAGE = 0, 1

MAX_TILES: Final = 512
(
    FACT_COUNT,
    TILE_COUNT,
    PAGE_COUNT,
    NEXT_NUMBER,
    EVICTED_UNTIL,
    WRITTEN,
    LISTED,
    STATE_FIELDS,
) = 0, 1, 2, 3, 4, 5, 6, 7
"""The current key: open facts, tiles, pages beside the directory, the number of the next page, the
newest time forgotten. The output: words written, rows listed.
"""

PAGE_NUMBER, PAGE_BEGIN, PAGE_SIZE, IS_NEW, INLINE_FIELDS = 0, 1, 2, 3, 4
"""A page beside the directory: its number, its first word, how many it has, and whether it lies in
the output or still where it was read.
"""


class PageLayout(NamedTuple):
    """How a view's pages look.  Shapes: shape (SHAPE_FIELDS,), lanes (lanes, LANE_FIELDS)."""

    shape: Ints
    lanes: Ints


class GrowthBatch(NamedTuple):
    """What comes in.

    Args:
        kept, until: a page is evicted once its newest event is older by `kept` than the arrival of
            the fact that seals another page, and than `until`.

    Shapes:
        words, texts: the old rows joined, and behind them the texts of the batch; the same memory
            as words and as bytes.
        starts: (keys + 1,) the first word of each old row, and the word after the last; a key
            without one has no words.
        key_first: (keys + 1,) where the facts of each key begin in `order`, which lists rows of the
            batch, of one key in the order of the log.
        facts: (facts, fact words).
        links: (facts, texts of a fact) where each text begins in `texts`, and its length.
        arrived: (facts,) the earliest moment at which each may have been applied.
    """

    words: Ints
    texts: Bytes
    starts: Ints
    key_first: Ints
    order: Ints
    facts: Ints
    links: Ints
    arrived: Ints
    kept: int
    until: int


class OpenKey(NamedTuple):
    """The current key, unpacked.

    Shapes:
        shape: (SHAPE_FIELDS,), the layout of pages; lanes (lanes, LANE_FIELDS).
        facts, links: (OPEN_FACTS + 1, …) the open facts, and where their texts lie among those of
            the batch; the last is the fact that comes in.
        tiles: (MAX_TILES, tile words); flat: the same memory in one row.
        inline: (INLINE_PAGES + 1, INLINE_FIELDS).
        state: (STATE_FIELDS,).
        cells, marks, number: the accumulators of `tile`.
    """

    shape: Ints
    lanes: Ints
    facts: Ints
    links: Ints
    tiles: Ints
    flat: Ints
    inline: Ints
    state: Ints
    cells: Ints
    marks: Ints
    number: Ints


class GrowthOutput(NamedTuple):
    """Where pages are written.

    Shapes: words and texts are the same memory; table (…, TABLE_FIELDS); note (3,): how many rows
        the table got, or -1 when the output or the table was too small, and in its last cell the
        edition of the kernel.
    """

    words: Ints
    texts: Bytes
    table: Ints
    note: Ints
