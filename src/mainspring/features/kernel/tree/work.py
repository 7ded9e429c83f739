"""Room for answering keys one after the other: which pages and tiles of a key are used, and the
accumulators.
"""

from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.states.exact_sum import CELLS, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.tree.page import HEADER
from mainspring.features.kernel.tree.tile import MARK_FIELDS, TILE_HIGH, TILE_LOW

__all__ = [
    "FOUND_FIELDS",
    "OPEN_PAGES",
    "REST",
    "START",
    "WAITING",
    "WANTED",
    "WHOLE_TILES",
    "Work",
    "allocate_work",
    "most_work_words",
    "work_in",
    "work_words",
]

OPEN_PAGES, WHOLE_TILES, WAITING, WANTED, FOUND_FIELDS = 0, 1, 2, 3, 4
START, REST = 0, 1


class Work(NamedTuple):
    """Room for one request after the other.

    Shapes:
        pages: (2, pages): the first word of each page whose facts are needed, and the place of its
            next fact to add.
        tiles: (2, tiles): the first word of each tile that is added as a whole, and its ring.
        waiting: (pages,) pages of tiles that are still to be looked into.
        found: (FOUND_FIELDS,) how many there are of these, and how many pages are missing by now.
        cells, marks: the accumulators of `tile`.
        number: (NUMBER_CELLS,).
    """

    pages: Ints
    tiles: Ints
    waiting: Ints
    found: Ints
    cells: Ints
    marks: Ints
    number: Ints


def most_work_words(lanes: int, words: int) -> int:
    """How much memory `divide_work` needs at most for rows of so many words, in words."""
    # A page has a header, a tile more words than that.
    return (
        FOUND_FIELDS
        + NUMBER_CELLS
        + (lanes + 1) * CELLS
        + lanes * MARK_FIELDS
        + 3 * (words // HEADER)
    )


@compiled_part
def work_words(lanes: int, pages: int, tiles: int) -> int:
    """How much memory `divide_work` needs, in words."""
    fixed = FOUND_FIELDS + NUMBER_CELLS + (lanes + 1) * CELLS + lanes * MARK_FIELDS
    return fixed + 3 * pages + 2 * tiles


def divide_work(memory: Ints, lanes: int, pages: int, tiles: int) -> Work:
    """Room to work in, of this memory, whatever is in it."""
    cells_at = FOUND_FIELDS + NUMBER_CELLS
    marks_at = cells_at + (lanes + 1) * CELLS
    pages_at = marks_at + lanes * MARK_FIELDS
    tiles_at = pages_at + 2 * pages
    waiting_at = tiles_at + 2 * tiles
    for cell in range(pages_at):
        memory[cell] = 0
    marks = memory[marks_at:pages_at].reshape((lanes, MARK_FIELDS))
    for lane in range(lanes):
        marks[lane, TILE_LOW], marks[lane, TILE_HIGH] = NO_LIMB, -1
    return Work(
        memory[pages_at:tiles_at].reshape((2, pages)),
        memory[tiles_at:waiting_at].reshape((2, tiles)),
        memory[waiting_at : waiting_at + pages],
        memory[:FOUND_FIELDS],
        memory[cells_at:marks_at].reshape((lanes + 1, CELLS)),
        marks,
        memory[FOUND_FIELDS:cells_at],
    )


work_in = compiled_part(divide_work)
"""For memory of the caller, which lasts longer than this."""

counted_work_in = allocating_part(divide_work)
"""For memory that was allocated here: without a count of who holds it, it would be gone when the
function that allocated it returns.
"""


@allocating_part
def allocate_work(lanes: int, pages: int, tiles: int) -> Work:
    """Room to work in, all of it in one piece of memory: making many takes longer than a key's
    answer.
    """
    memory = np.empty(work_words(lanes, pages, tiles), dtype=np.int64)
    return counted_work_in(memory, lanes, pages, tiles)
