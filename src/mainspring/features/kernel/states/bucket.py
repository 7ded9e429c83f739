"""Images of values that are coarser than the values: log-linear buckets, bins between edges, places
in a list.  All is integer arithmetic on bits.

Source: Masson et al. 2019, DDSketch (the idea of buckets of equal relative width; here without its
    logarithm).
"""

from typing import Final

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.states.exact_sum import INFINITY, QUIET_NAN, SIGN_BIT
from mainspring.features.kernel.states.extreme import ALL_BUT_SIGN, rank_of

__all__ = [
    "NAN_BUCKET",
    "bin_of",
    "bucket_index",
    "bucket_of",
    "bucket_value",
    "canonical_bits",
    "double_of_integer",
]

BUCKET_SHIFT: Final = 46
HALF_BUCKET: Final = 1 << (BUCKET_SHIFT - 1)
NAN_BUCKET: Final = (QUIET_NAN >> BUCKET_SHIFT) + 1


@compiled_part
def canonical_bits(bits: int, is_float: bool) -> int:
    """The pattern that stands for all equal values: +0 for both zeros, one NaN."""
    if is_float:
        if bits == SIGN_BIT:
            return 0
        if bits & ALL_BUT_SIGN > INFINITY:
            return QUIET_NAN
    return bits


@compiled_part
def bucket_of(bits: int) -> int:
    """The bucket of a canonical double: its sign, its exponent and the first six bits of its
    mantissa.  Buckets ascend with values; zero is one of its own.
    """
    if bits == 0:
        return 0
    bucket = ((bits & ALL_BUT_SIGN) >> BUCKET_SHIFT) + 1
    return -bucket if bits < 0 else bucket


@compiled_part
def bucket_value(bucket: int) -> int:
    """The bits of a bucket's middle, which is within 2**-7 of all its values, or 2**-1029 for
    subnormal ones; zero, infinities and NaN are themselves.
    """
    if bucket == 0:
        return 0
    magnitude = (abs(bucket) - 1) << BUCKET_SHIFT
    if magnitude < INFINITY:
        magnitude |= HALF_BUCKET
    return magnitude | SIGN_BIT if bucket < 0 else magnitude


@compiled_part
def double_of_integer(value: int) -> int:
    """The bits of the double nearest to an integer, ties to even."""
    if value == SIGN_BIT:
        return -(0x3C2 << 52)
    if value == 0:
        return 0
    # By hand: there is no floating-point instruction on the way of these aggregates.
    magnitude, length = abs(value), 1
    for step in (32, 16, 8, 4, 2, 1):
        if magnitude >> (length - 1 + step) != 0:
            length += step
    if length <= 53:
        return ((length + 1021) << 52) + (magnitude << (53 - length)) | (value & SIGN_BIT)
    drop = length - 53
    kept, dropped, half = magnitude >> drop, magnitude & ((1 << drop) - 1), 1 << (drop - 1)
    kept += dropped > half or (dropped == half and kept & 1 == 1)
    return ((length + 1021) << 52) + kept | (value & SIGN_BIT)


@compiled_part
def bin_of(edges: Ints, bits: int, is_float: bool) -> int:
    """How many edges, ascending ranks, are at most a canonical value; -1 for NaN."""
    rank = rank_of(bits, is_float, False)
    if is_float and rank == QUIET_NAN:
        return -1
    low, high = 0, edges.size
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= rank:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def bucket_index(listed: Ints, bits: int) -> int:
    """Where a canonical value stands in a list, or the length of the list."""
    index = 0
    while index < listed.size and listed[index] != bits:
        index += 1
    return index
