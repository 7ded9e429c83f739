"""Multisets that slide: which distinct values a window holds, and how often, while facts come and
go in any order.

A value, or a coarser image of it, gets a dense code when the key first shows it, through a hash
table that grows with the number of distinct images; after that a fact is one count up or down per
window.  So a request costs nothing (how many distinct values) or one walk over the key's distinct
images (everything else), never a walk over facts.  Multisets whose codes are known beforehand
(bins, listed values) need no table.
"""

from typing import Final, NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints, ShortInts
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.states.sketch import hash_of

__all__ = [
    "LIVE",
    "NUMBER_FIELD",
    "Bags",
    "change_count",
    "clear_bag",
    "code_of_image",
    "empty_bags",
]

NUMBER_FIELD, MASK, LIVE = 0, 1, 2
SMALLEST_TABLE: Final = 64


class Bags(NamedTuple):
    """The multisets of one key, one for each lane that needs it.

    Shapes:
        table: (bags, power of two) int32: code + 1 under the image's hash, 0 where free; MASK says
            how much is in use.
        held: (bags, room) int64: the image that has a code.
        order: (bags, room) int32: the codes by ascending image, where the lane needs it.
        codes: (bags, room) int32: the code of each of the key's facts that has appeared, -1 for one
            that counts nowhere.
        counts: (bags, room, aggregated windows) int32: how often a code is inside each window.
        sizes: (bags, 2 + aggregated windows) int64: NUMBER of codes, MASK, and from LIVE on how
            many codes are inside each window.
    """

    table: ShortInts
    held: Ints
    order: ShortInts
    codes: ShortInts
    counts: ShortInts
    sizes: Ints


@allocating_part
def empty_bags(bags: int, room: int, windows: int) -> Bags:
    """Multisets for keys of up to `room` facts and codes; what is never used of them is never
    touched, and takes no memory.
    """
    # Room for the worst key, half full at most; the operating system gives memory only where it is
    # touched.
    capacity = SMALLEST_TABLE
    while capacity <= 2 * room:
        capacity *= 2
    return Bags(
        np.empty((bags, capacity), dtype=np.int32),
        np.empty((bags, room), dtype=np.int64),
        np.empty((bags, room), dtype=np.int32),
        np.empty((bags, room), dtype=np.int32),
        np.empty((bags, room, windows), dtype=np.int32),
        np.zeros((bags, LIVE + windows), dtype=np.int64),
    )


@compiled_part
def clear_bag(bags: Bags, bag: int, fixed: int) -> None:
    """Empty a multiset, which then has the codes 0 … fixed - 1 already."""
    bags.sizes[bag, NUMBER_FIELD] = fixed
    bags.sizes[bag, MASK] = SMALLEST_TABLE - 1
    for window in range(bags.counts.shape[2]):
        bags.sizes[bag, LIVE + window] = 0
        for code in range(fixed):
            bags.counts[bag, code, window] = 0
    if fixed == 0:
        for slot in range(SMALLEST_TABLE):
            bags.table[bag, slot] = 0


@compiled_part
def code_of_image(bags: Bags, bag: int, image: int, is_sorted: bool) -> int:
    """The code of an image, a new one if it is new."""
    sizes, table = bags.sizes, bags.table
    slot = slot_of(bags, bag, image)
    if table[bag, slot] != 0:
        return int(table[bag, slot] - 1)
    code = sizes[bag, NUMBER_FIELD]
    sizes[bag, NUMBER_FIELD] = code + 1
    bags.held[bag, code] = image
    table[bag, slot] = code + 1
    for window in range(bags.counts.shape[2]):
        bags.counts[bag, code, window] = 0
    if is_sorted:
        insert_in_order(bags, bag, code)
    if 2 * (code + 1) > sizes[bag, MASK]:
        grow(bags, bag)
    return int(code)


@compiled_part
def slot_of(bags: Bags, bag: int, image: int) -> int:
    """Where an image stands in the table, or the free slot where it belongs."""
    mask = bags.sizes[bag, MASK]
    slot = hash_of(image) & mask
    while bags.table[bag, slot] != 0 and bags.held[bag, bags.table[bag, slot] - 1] != image:
        slot = (slot + 1) & mask
    return int(slot)


@compiled_part
def grow(bags: Bags, bag: int) -> None:
    """Double the part of the table that is in use."""
    mask = 2 * bags.sizes[bag, MASK] + 1
    bags.sizes[bag, MASK] = mask
    for slot in range(mask + 1):
        bags.table[bag, slot] = 0
    for code in range(bags.sizes[bag, NUMBER_FIELD]):
        bags.table[bag, slot_of(bags, bag, bags.held[bag, code])] = code + 1


@compiled_part
def insert_in_order(bags: Bags, bag: int, code: int) -> None:
    """Put the newest code where it belongs by its image."""
    image, index = bags.held[bag, code], code
    while index > 0 and bags.held[bag, bags.order[bag, index - 1]] > image:
        bags.order[bag, index] = bags.order[bag, index - 1]
        index -= 1
    bags.order[bag, index] = code


@compiled_part
def change_count(bags: Bags, bag: int, code: int, window: int, sign: int) -> None:
    """A fact with this code enters a window (sign 1) or leaves it (-1)."""
    count = bags.counts[bag, code, window] + sign
    bags.counts[bag, code, window] = count
    # The number of different codes follows each change, so that a distinct count is read, not
    # counted.
    if count == (1 if sign > 0 else 0):
        bags.sizes[bag, LIVE + window] += sign
