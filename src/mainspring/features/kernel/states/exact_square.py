"""Exact sums of squares, and the variance that follows: a state like that of `exact_sum`, twice as
wide.

A square has 106 bits and an exponent between 2 * -1074 and 2 * 971, so limb k weighs 2**(32 k -
2148) for floats and 2**(32 k) for integers.  With the exact sum S of n values and the exact sum Q
of their squares, (n Q - S**2) / (n (n - 1)) is a rational number that is rounded once.  The
difference that ruins this formula in floating point is taken between integers here.

Only finite values have a square; NaNs and infinities are counted by the sum's own counters.
"""

from typing import Final

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import compiled_part
from mainspring.features.kernel.states.exact_sum import (
    FLOAT_BASE,
    FRACTION_MASK,
    HIDDEN_BIT,
    LIMB_BITS,
    LIMB_MASK,
    LIMBS,
    NO_LIMB,
    PAD,
    carry,
    gather_limbs,
    nearest_double,
)

__all__ = [
    "NO_SQUARE_LIMB",
    "SQUARE_CELLS",
    "SQUARE_SPREAD",
    "WIDE_CELLS",
    "add_square",
    "variance_of",
]

SQUARE_SPREAD: Final = 4
NO_SQUARE_LIMB: Final = 2 * NO_LIMB
SQUARE_CELLS: Final = LIMBS + NO_SQUARE_LIMB
WIDE_CELLS: Final = PAD + NO_SQUARE_LIMB + 4


@compiled_part
def add_square(cells: Ints, row: int, bits: int, is_float: bool, sign: int) -> int:
    """Add (sign 1) or take away (sign -1) the square of a value; the lowest limb it touched, -1 if
    none, up to `SQUARE_SPREAD` above it.
    """
    shift = 0
    magnitude = bits
    if is_float:
        exponent = (bits >> 52) & 0x7FF
        magnitude = bits & FRACTION_MASK
        if exponent == 0x7FF:
            return -1
        if exponent != 0:
            magnitude |= HIDDEN_BIT
            shift = 2 * (exponent - 1)
    elif bits < 0:
        magnitude = -bits
    if magnitude == 0:
        return -1
    add_square_of(
        cells,
        row,
        LIMBS + (shift >> 5),
        magnitude & LIMB_MASK,
        (magnitude >> LIMB_BITS) & LIMB_MASK,
        shift & 31,
        sign,
    )
    return shift >> 5


@compiled_part
def add_square_of(
    cells: Ints, row: int, cell: int, low: int, high: int, shift: int, sign: int
) -> None:
    """Add sign * (high * 2**32 + low)**2 * 2**shift from a cell on.  Products wrap, which leaves
    their 64 bits as they are.
    """
    # Schoolbook, in 32-bit halves; `high` has 21 bits of a float and 32 of an integer.
    square, cross, top = low * low, 2 * (low * high), high * high
    second = ((square >> LIMB_BITS) & LIMB_MASK) + (cross & LIMB_MASK)
    third = (second >> LIMB_BITS) + ((cross >> LIMB_BITS) & LIMB_MASK) + (top & LIMB_MASK)
    digits = (
        square & LIMB_MASK,
        second & LIMB_MASK,
        third & LIMB_MASK,
        (third >> LIMB_BITS) + (top >> LIMB_BITS),
    )
    for digit in digits:
        shifted = digit << shift
        cells[row, cell] += sign * (shifted & LIMB_MASK)
        cells[row, cell + 1] += sign * (shifted >> LIMB_BITS)
        cell += 1


@compiled_part
def variance_of(
    number: Ints,
    signed_top: int,
    low: int,
    cells: Ints,
    whole: int,
    part: int,
    high: int,
    count: int,
    is_float: bool,
    wide: Ints,
) -> int:
    """The bits of the variance with ddof 1, rounded once; null values and special ones are the
    caller's.

    Args:
        number, signed_top: The collected sum, as `gather_limbs` gives it.
        low: The lowest limb of the sum that may differ from zero; that of the squares is at least
            twice as high.
        cells, whole, part: The sum of squares as the difference of two rows.
        high: The highest limb of the squares that may differ from zero; below `low` when there is
            none.
        count: How many values, 2 … 2**30.
        wide: (WIDE_CELLS,), room to calculate in.
    """
    top = abs(gather_limbs(cells, whole, part, 2 * low, high, wide))
    last = abs(signed_top)
    highest = max(top, 2 * last - PAD + 1)
    for cell in range(PAD, top + 1):
        wide[cell] *= count
    for cell in range(top + 1, highest + 1):
        wide[cell] = 0
    for left in range(PAD, last + 1):
        for right in range(PAD, last + 1):
            product = number[left] * number[right]
            wide[left + right - PAD] -= product & LIMB_MASK
            wide[left + right - PAD + 1] -= (product >> LIMB_BITS) & LIMB_MASK
    # The difference n Q - S**2 is never negative, so one pass of carries leaves proper digits.
    carry(wide, highest)
    # Two divisions whose remainders only need to be known to be zero or not: 68 bits and more stand
    # in front of the lowest cell's last one.
    rest = divide(wide, highest, count) | divide(wide, highest, count - 1)
    wide[0] |= rest != 0
    return nearest_double(
        wide, highest, LIMB_BITS * (2 * low - PAD) + (2 * FLOAT_BASE if is_float else 0)
    )


@compiled_part
def divide(number: Ints, top: int, divisor: int) -> int:
    """Divide a collected number, padding included, by a divisor below 2**31 in place; the
    remainder.
    """
    remainder = 0
    for cell in range(top, -1, -1):
        value = (remainder << LIMB_BITS) | number[cell]
        number[cell] = value // divisor
        remainder = value % divisor
    return remainder
