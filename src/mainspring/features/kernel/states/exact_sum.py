"""Exact sums: a state is a row of int64 counters that is closed under addition and subtraction.

The first four cells count non-null values, NaNs, +inf and -inf.  The rest are limbs of a
fixed-point number: limb k weighs 2**(32 k + base), where base is -1074 for floats (the smallest
subnormal) and 0 for integers.  A value touches three neighbouring limbs, each by less than 2**33,
so 2**30 values fit before a limb could overflow, and carries are resolved only when a state is
read.  Subtracting one state from another gives the exact state of the difference, which is what
makes sliding windows over floats possible without error.

Rejected: compensated (Neumaier) sums, which are neither exact nor free of order, and a 128-bit
fixed point, which fails on 1e16 next to 1e-30.
"""

from typing import Final

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import bit_length, compiled_part

__all__ = [
    "CELLS",
    "COUNT",
    "FALLING",
    "FLOAT_BASE",
    "FRACTION_MASK",
    "HIDDEN_BIT",
    "INFINITY",
    "LIMBS",
    "LIMB_BITS",
    "LIMB_MASK",
    "NANS",
    "NO_LIMB",
    "NUMBER_CELLS",
    "PAD",
    "QUIET_NAN",
    "RISING",
    "SIGN_BIT",
    "SPREAD",
    "add_float",
    "add_integer",
    "carry",
    "gather_limbs",
    "integer_of",
    "mean_of",
    "nearest_double",
    "round_head",
    "sum_of",
]

COUNT, NANS, RISING, FALLING, LIMBS = 0, 1, 2, 3, 4
NO_LIMB: Final = 66
CELLS: Final = LIMBS + NO_LIMB
FLOAT_BASE: Final = -1074
SPREAD: Final = 2
PAD: Final = 4
NUMBER_CELLS: Final = PAD + NO_LIMB + 1

LIMB_BITS: Final = 32
LIMB_MASK: Final = (1 << 32) - 1
FRACTION_MASK: Final = (1 << 52) - 1
HIDDEN_BIT: Final = 1 << 52
INFINITY: Final = 0x7FF << 52
QUIET_NAN: Final = 0x7FF8 << 48
SIGN_BIT: Final = -(1 << 63)
INTEGER_MIN: Final = -(1 << 63)


@compiled_part
def add_float(cells: Ints, row: int, bits: int, sign: int) -> int:
    """Add (sign 1) or take away (sign -1) a float given by its bits; the lowest limb it touched, -1
    if none.
    """
    cells[row, COUNT] += sign
    exponent = (bits >> 52) & 0x7FF
    mantissa = bits & FRACTION_MASK
    if exponent == 0x7FF:
        cell = NANS if mantissa != 0 else (RISING if bits >= 0 else FALLING)
        cells[row, cell] += sign
        return -1
    shift = 0
    if exponent != 0:
        mantissa |= HIDDEN_BIT
        shift = exponent - 1
    if mantissa == 0:
        return -1
    limb = shift >> 5
    # The mantissa in two halves, so that no shift leaves 64 bits; each falls into two of three
    # limbs.
    low = (mantissa & LIMB_MASK) << (shift & 31)
    high = (mantissa >> LIMB_BITS) << (shift & 31)
    signed = sign if bits >= 0 else -sign
    cells[row, LIMBS + limb] += signed * (low & LIMB_MASK)
    cells[row, LIMBS + limb + 1] += signed * ((low >> LIMB_BITS) + (high & LIMB_MASK))
    cells[row, LIMBS + limb + 2] += signed * (high >> LIMB_BITS)
    return limb


@compiled_part
def add_integer(cells: Ints, row: int, value: int, sign: int) -> int:
    """Add (sign 1) or take away (sign -1) an integer; the lowest limb it touched, which is 0."""
    cells[row, COUNT] += sign
    cells[row, LIMBS] += sign * (value & LIMB_MASK)
    # The upper half keeps the sign: limbs are signed until they are read.
    cells[row, LIMBS + 1] += sign * (value >> LIMB_BITS)
    return 0


@compiled_part
def gather_limbs(cells: Ints, whole: int, part: int, low: int, high: int, number: Ints) -> int:
    """Write the difference of two states as sign and magnitude into `number`.

    Args:
        cells: All states.
        whole, part: The row to subtract from, and the row to subtract.
        low, high: The lowest and highest limb that may differ from zero.
        number: Receives the magnitude, limbs below 2**32 from cell PAD on, zeros below.

    Returns: the index of the highest cell in use, negated when the number is negative.
    """
    top = PAD + max(high - low + 1, 0)
    for cell in range(PAD):
        number[cell] = 0
    for limb in range(low, high + 1):
        number[PAD + limb - low] = cells[whole, LIMBS + limb] - cells[part, LIMBS + limb]
    number[top] = 0
    carry(number, top)
    # Carried once, the topmost cell has the sign of the whole; a negative number is turned and
    # carried again.
    if number[top] >= 0:
        return top
    for cell in range(PAD, top + 1):
        number[cell] = -number[cell]
    carry(number, top)
    return -top


@compiled_part
def carry(number: Ints, top: int) -> None:
    """Bring every cell below `top` into 0 … 2**32 - 1; the topmost keeps the sign."""
    over = 0
    for cell in range(PAD, top):
        value = number[cell] + over
        number[cell] = value & LIMB_MASK
        over = value >> LIMB_BITS
    number[top] += over


@compiled_part
def sum_of(number: Ints, signed_top: int, low_exponent: int) -> int:
    """The bits of the nearest double to the collected number, whose cell PAD weighs
    2**low_exponent.
    """
    return with_sign(
        nearest_double(number, abs(signed_top), low_exponent - PAD * LIMB_BITS), signed_top
    )


@compiled_part
def mean_of(number: Ints, signed_top: int, low_exponent: int, count: int) -> int:
    """The bits of the nearest double to the collected number divided by `count` (1 … 2**30),
    rounded once; `number` is consumed.
    """
    top = abs(signed_top)
    remainder = 0
    if count > 1:
        # Long division runs on into the padding, so that at least 44 bits follow the one that
        # decides the rounding.  What remains after that cannot matter: were those bits all zero,
        # 2**44 would divide the remainder, which is less than `count`.
        for cell in range(top, -1, -1):
            value = (remainder << LIMB_BITS) | number[cell]
            number[cell] = value // count
            remainder = value % count
    return with_sign(nearest_double(number, top, low_exponent - PAD * LIMB_BITS), signed_top)


@compiled_part
def integer_of(number: Ints, signed_top: int) -> tuple[int, bool]:
    """The collected number as int64, and whether it fits."""
    top = abs(signed_top)
    for cell in range(PAD + 2, top + 1):
        if number[cell] != 0:
            return 0, False
    low = number[PAD]
    high = number[PAD + 1]
    # Only -2**63 has that bit and still fits.
    if high >> 31:
        is_lowest = signed_top < 0 and high == 1 << 31 and low == 0
        return (INTEGER_MIN if is_lowest else 0), is_lowest
    value = (high << LIMB_BITS) | low
    return (value if signed_top > 0 else -value), True


@compiled_part
def with_sign(bits: int, signed_top: int) -> int:
    """The magnitude with its sign; zero is always +0."""
    # One zero: a sum that cancels has no sign to keep.
    return bits | SIGN_BIT if signed_top < 0 and bits != 0 else bits


@compiled_part
def nearest_double(number: Ints, top: int, low_exponent: int) -> int:
    """Round a magnitude, whose cell 0 weighs 2**low_exponent, to the nearest double, ties to even,
    subnormals and overflow to inf included.
    """
    while top >= 0 and number[top] == 0:
        top -= 1
    if top < 2:
        return 0
    head, rest = head_of(number, top)
    for cell in range(top - 2):
        rest |= number[cell]
    return round_head(head, rest, low_exponent + LIMB_BITS * top + bit_length(number[top]) - 62)


@compiled_part
def round_head(head: int, rest: int, exponent: int) -> int:
    """The bits of the double nearest to a positive head, which weighs 2**exponent and is followed
    by `rest`; only that it is zero counts.

    Unless `rest` is zero the head has at least 55 bits, so that the one that decides the rounding
    is among them.  Ties go to even.
    """
    quantum = max(exponent + bit_length(head) - 53, FLOAT_BASE)
    drop = quantum - exponent
    # Less than half of the smallest subnormal, however large `rest` is.
    if drop > 63:
        return 0
    if drop <= 0:
        kept = head << -drop
    else:
        kept = head >> drop
        dropped = head & ((1 << drop) - 1)
        half = 1 << (drop - 1)
        if dropped > half or (dropped == half and (rest != 0 or kept & 1 == 1)):
            kept += 1
    # A carry out of the 53 bits, and the step from subnormal to normal, move into the exponent
    # field by plain addition.
    if quantum - FLOAT_BASE >= 0x7FF:
        return INFINITY
    return min(kept + ((quantum - FLOAT_BASE) << 52), INFINITY)


@compiled_part
def head_of(number: Ints, top: int) -> tuple[int, int]:
    """The leading 62 bits from cell `top` down, and what cells top - 1 and top - 2 hold below
    them.
    """
    leading = number[top]
    second = number[top - 1]
    third = number[top - 2]
    need = 62 - bit_length(leading)
    if need <= LIMB_BITS:
        spare = LIMB_BITS - need
        return (leading << need) | (second >> spare), (second & ((1 << spare) - 1)) | third
    need_third = need - LIMB_BITS
    spare = LIMB_BITS - need_third
    return (leading << need) | (second << need_third) | (third >> spare), third & ((1 << spare) - 1)
