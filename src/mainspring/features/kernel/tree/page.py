"""Pages: the rows of online state, as int64 words that the kernel reads where they lie.

The facts of one key form a tree that grows like a log.  Its *head* is a page of the newest facts.
Its *directory* is a page of *tiles*, each the summary of a page that was sealed before; a sealed
page holds facts, or the tiles of a level below.  Head, directory and the newest pages of facts are
the key's row, in this order, and what came since the row was written is appended to it as *pages of
a run*, in the order of the log; so a key of some hundred facts is read in one go.  Every other page
has a row of its own.  A page, in words:

    HEADER   its level, its number within the key, how many facts and tiles it has, where its texts
             begin (a byte), and how many words it has; in a directory also the number that the next
             page gets, and the newest event time that was forgotten with evicted pages; in a page
             of a run when its facts arrived
    tiles    rows of `tile_words`, in the order in which they were sealed
    facts    rows of `fact_words`, in total order: event time, visible from, visible to, a bit for
             each value that is present, the values
    texts    for each fact its id and its text values: where each begins (a byte within the texts)
             and how long it is, in one word
    bytes    the texts, in UTF-8, padded to whole words

A fact is addressed by its place, a text by one word (`TEXT_SHIFT`), so nothing in a page has to be
decoded before it can be read.
"""

from typing import Final

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.jit import compiled_part

__all__ = [
    "ARRIVED",
    "COLUMNS",
    "DIRECTORY_LEVEL",
    "EVICTED",
    "FACTS",
    "FACT_TIMES",
    "FACT_WORDS",
    "FANOUT",
    "FLAGS_PER_WORD",
    "FLAG_WORDS",
    "HEADER",
    "HEAD_LEVEL",
    "INLINE_PAGES",
    "LENGTH_MASK",
    "LEVEL",
    "NEXT",
    "NUMBER_WORD",
    "OPEN_FACTS",
    "OPEN_TILES",
    "PAGE_FACTS",
    "REFERENCES",
    "RUN_LEVEL",
    "SHAPE_FIELDS",
    "SIZE",
    "TEXTS_AT",
    "TEXT_SHIFT",
    "TILES",
    "TILE_WORDS",
    "fact_at",
    "has_value",
    "is_root",
    "reference_at",
    "text_before",
    "tile_at",
]

LEVEL, NUMBER_WORD, FACTS, TILES, NEXT, EVICTED, TEXTS_AT, SIZE, HEADER = 0, 1, 2, 3, 4, 5, 6, 7, 8
ARRIVED: Final = NEXT
HEAD_LEVEL: Final = 0
RUN_LEVEL: Final = 254
DIRECTORY_LEVEL: Final = 255
"""The levels of heads, of pages of a run and of directories; pages of facts have level 1, pages of
tiles of level n have level n + 1.
"""

COLUMNS, FLAG_WORDS, FACT_WORDS, REFERENCES, TILE_WORDS, SHAPE_FIELDS = 0, 1, 2, 3, 4, 5
"""The shape of a view's pages: values of a fact, words of presence bits, words of a fact, texts of
a fact (its id first), words of a tile.
"""

FACT_TIMES: Final = 3
FLAGS_PER_WORD: Final = 63
TEXT_SHIFT: Final = 24
LENGTH_MASK: Final = (1 << TEXT_SHIFT) - 1

PAGE_FACTS: Final = 16
OPEN_FACTS: Final = 24
"""A head with so many facts seals the oldest `PAGE_FACTS` of them, in total order.

Small, because the head is written anew with every change of its row, and an edge of a window reads
a page; not smaller, because a tile costs as much as three facts.  The rest stays open, so that a
fact a little late finds its neighbours still there.
"""

FANOUT: Final = 16
OPEN_TILES: Final = 24
"""A directory with so many tiles of one level seals the first `FANOUT` of them into a page of
tiles.
"""

INLINE_PAGES: Final = OPEN_TILES - FANOUT
"""How many pages of facts a directory keeps in its row: never one whose tile has gone into a page
of tiles.
"""


@compiled_part
def is_root(level: int) -> bool:
    """Whether a page of this level is one that no tile names: reading a key begins with those."""
    return level == HEAD_LEVEL or level >= RUN_LEVEL


@compiled_part
def tile_at(page: int, index: int, shape: Ints) -> int:
    """The first word of a tile of the page that begins at the word `page`."""
    return int(page + HEADER + index * shape[TILE_WORDS])


@compiled_part
def fact_at(words: Ints, page: int, index: int, shape: Ints) -> int:
    """The first word of a fact."""
    return int(page + HEADER + words[page + TILES] * shape[TILE_WORDS] + index * shape[FACT_WORDS])


@compiled_part
def reference_at(words: Ints, page: int, index: int, shape: Ints) -> int:
    """The first word of the references of a fact: its id, then its texts."""
    return int(fact_at(words, page, words[page + FACTS], shape) + index * shape[REFERENCES])


@compiled_part
def has_value(words: Ints, fact: int, column: int) -> bool:
    """Whether the value of a column is present in the fact that begins at this word; a negative
    column means the fact as a whole.
    """
    return (
        column < 0
        or (words[fact + FACT_TIMES + column // FLAGS_PER_WORD] >> (column % FLAGS_PER_WORD)) & 1
        != 0
    )


@compiled_part
def text_before(texts: Bytes, left: int, left_size: int, right: int, right_size: int) -> int:
    """-1, 0 or 1 as the text at byte `left` sorts before, with or after the one at `right`: by
    bytes, which is by code point.
    """
    # UTF-8 sorts as code points do, so Python, Polars and this loop agree on the order of ids.
    for index in range(min(left_size, right_size)):
        if texts[left + index] != texts[right + index]:
            return -1 if texts[left + index] < texts[right + index] else 1
    if left_size == right_size:
        return 0
    return -1 if left_size < right_size else 1
