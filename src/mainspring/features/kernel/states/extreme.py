"""Minimum and maximum over a sliding suffix of facts that appear and disappear in any order.

Both are the maximum of a *rank*: an int64 that orders values as IEEE 754-2019 `minimum` and
`maximum` do (-0 below +0, NaN wins).  Ranks live in a binary tree whose leaves are blocks of
`BLOCK` neighbouring facts.  A monotonic deque would be enough for facts that become visible in
event order; the tree costs about the same and needs no such promise.
"""

from typing import Final

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import compiled_part

__all__ = [
    "ALL_BUT_SIGN",
    "BLOCK",
    "BLOCK_SHIFT",
    "LOWEST_RANK",
    "leaves_for",
    "raise_leaf",
    "rank_of",
    "replace_leaf",
    "suffix_maximum",
    "value_of",
]

BLOCK_SHIFT: Final = 4
BLOCK: Final = 1 << BLOCK_SHIFT
LOWEST_RANK: Final = -(1 << 63)
NAN_RANK: Final = 0x7FF8 << 48
INFINITY: Final = 0x7FF << 52
ALL_BUT_SIGN: Final = (1 << 63) - 1


@compiled_part
def rank_of(bits: int, is_float: bool, is_least: bool) -> int:
    """The rank of a value given by its bits: the greatest rank is the least (or the greatest)
    value.
    """
    if is_float:
        if bits & ALL_BUT_SIGN > INFINITY:
            return NAN_RANK
        # The bits of positive doubles ascend with their values, those of negative ones descend.
        if bits < 0:
            bits ^= ALL_BUT_SIGN
    return ~bits if is_least else bits


@compiled_part
def value_of(rank: int, is_float: bool, is_least: bool) -> int:
    """The bits that have this rank; every NaN comes back as the one quiet NaN."""
    if is_float and rank == NAN_RANK:
        return NAN_RANK
    bits = ~rank if is_least else rank
    if is_float and bits < 0:
        bits ^= ALL_BUT_SIGN
    return bits


@compiled_part
def leaves_for(facts: int) -> int:
    """Leaves of a tree over this many facts: a power of two."""
    leaves = 1
    while leaves << BLOCK_SHIFT < facts:
        leaves <<= 1
    return leaves


@compiled_part
def raise_leaf(trees: Ints, tree: int, node: int, rank: int) -> None:
    """A rank appears under a leaf."""
    # Up to the first node that is as great already: all above it are too.
    while node >= 1 and trees[tree, node] < rank:
        trees[tree, node] = rank
        node >>= 1


@compiled_part
def replace_leaf(trees: Ints, tree: int, node: int, rank: int) -> None:
    """A leaf has this greatest rank from now on."""
    trees[tree, node] = rank
    while node > 1:
        node >>= 1
        trees[tree, node] = max(trees[tree, 2 * node], trees[tree, 2 * node + 1])


@compiled_part
def suffix_maximum(trees: Ints, tree: int, leaves: int, first: int) -> int:
    """The greatest rank in leaf `first` and all after it."""
    if first >= leaves:
        return LOWEST_RANK
    node = leaves + first
    best = int(trees[tree, node])
    while node > 1:
        if node & 1 == 0:
            best = max(best, int(trees[tree, node + 1]))
        node >>= 1
    return best
