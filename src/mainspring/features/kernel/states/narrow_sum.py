"""Exact sums that fit two words, as nearly all do: the same numbers as in `exact_sum`, in a form
that is faster to add and to round.

A number is `high * 2**62 + low` with 0 <= low < 2**62, in units of 2**exponent.  Values may be
shifted by up to 62 bits against the unit, 18 decimal digits from the smallest to the largest;
`fits` says whether so many of them can be added.
"""

from typing import Final

from mainspring.features.kernel.jit import bit_length, compiled_part
from mainspring.features.kernel.states.exact_sum import (
    FRACTION_MASK,
    HIDDEN_BIT,
    SIGN_BIT,
    round_head,
)

__all__ = [
    "LOW_BITS",
    "LOW_MASK",
    "fits",
    "halves_of_float",
    "halves_of_integer",
    "narrow_mean",
    "narrow_sum",
    "shift_of",
    "whole_number",
]

LOW_BITS: Final = 62
LOW_MASK: Final = (1 << 62) - 1
ROOM: Final = 122
EXPONENT_MASK: Final = 0x7FF
NOT_FINITE: Final = 0x7FE


@compiled_part
def shift_of(bits: int) -> int:
    """By how many bits a float, given by its bits, is shifted against the smallest subnormal;
    `NOT_FINITE` for infinities and NaN.
    """
    return max(((bits >> 52) & EXPONENT_MASK) - 1, 0)


@compiled_part
def fits(lowest: int, highest: int, count: int) -> bool:
    """Whether so many values with shifts between these can be added."""
    # 53 bits of mantissa and the bits of the count are taken from the room; what is left is for
    # unlike sizes.
    return highest < NOT_FINITE and highest - lowest <= min(LOW_BITS, ROOM - 53 - bit_length(count))


@compiled_part
def halves_of_float(bits: int, unit: int) -> tuple[int, int]:
    """High and low of a float in units of the shift `unit`, which is at most its own."""
    mantissa = bits & FRACTION_MASK
    if (bits >> 52) & EXPONENT_MASK != 0:
        mantissa |= HIDDEN_BIT
    if bits < 0:
        mantissa = -mantissa
    shift = 0 if mantissa == 0 else shift_of(bits) - unit
    return mantissa >> (LOW_BITS - shift), (mantissa << shift) & LOW_MASK


@compiled_part
def halves_of_integer(value: int) -> tuple[int, int]:
    """High and low of an integer."""
    return value >> LOW_BITS, value & LOW_MASK


@compiled_part
def magnitude(high: int, low: int) -> tuple[int, int]:
    """High and low without the sign."""
    if high >= 0:
        return high, low
    return -high - (1 if low != 0 else 0), -low & LOW_MASK


@compiled_part
def narrow_sum(high: int, low: int, exponent: int) -> int:
    """The bits of the double nearest to a number; zero is always +0."""
    above, below = magnitude(high, low)
    sign = SIGN_BIT if high < 0 else 0
    if above == 0:
        return sign | round_head(below, 0, exponent) if below != 0 else 0
    shift = LOW_BITS - bit_length(above)
    head = (above << shift) | (below >> (LOW_BITS - shift))
    return sign | round_head(
        head, below & ((1 << (LOW_BITS - shift)) - 1), exponent + LOW_BITS - shift
    )


@compiled_part
def narrow_mean(high: int, low: int, exponent: int, count: int) -> int:
    """The bits of the double nearest to a number divided by `count` (1 … 2**30), rounded once; zero
    is always +0.
    """
    above, below = magnitude(high, low)
    if above == 0:
        if below == 0:
            return 0
        above, below, exponent = below, 0, exponent - LOW_BITS
    shift = LOW_BITS - bit_length(above)
    above = (above << shift) | (below >> (LOW_BITS - shift))
    below = (below << shift) & LOW_MASK
    # Two steps of long division: 124 bits that begin with a one leave at least 61 bits of quotient,
    # more than the rounding looks at.
    more = bit_length(count)
    head = above // count
    tail = ((above - head * count) << more) | (below >> (LOW_BITS - more))
    last = tail // count
    rest = (tail - last * count) | (below & ((1 << (LOW_BITS - more)) - 1))
    bits = round_head((head << more) | last, rest, exponent + LOW_BITS - shift - more)
    return SIGN_BIT | bits if high < 0 and bits != 0 else bits


@compiled_part
def whole_number(high: int, low: int) -> tuple[int, bool]:
    """The number as int64, and whether it fits."""
    return (high << LOW_BITS) | low, -2 <= high <= 1
