"""What sketches and ordered aggregates must answer, in plain Python: integers reduced by hand, and
floats in the order that is documented for them.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction

__all__ = ["bucket_middle", "decayed_mean", "halves", "hyperloglog_of", "standard_moment"]

WORD = 2**64
LN_2 = Fraction(
    "0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687"
)
COEFFICIENTS = [float(LN_2**k / math.factorial(k)) for k in range(13, -1, -1)]


def splitmix(pattern: int) -> int:
    """Steele, Lea and Flood's output function after one step from a state."""
    state = (pattern + 0x9E3779B97F4A7C15) % WORD
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % WORD
    state = (state ^ state >> 27) * 0x94D049BB133111EB % WORD
    return state ^ state >> 31


def hyperloglog_of(patterns: Iterable[int], precision: int) -> int:
    """Ertl 2017, algorithm 6, over the highest rank of each register."""
    registers = [0] * 2**precision
    for pattern in patterns:
        rest, register = divmod(splitmix(pattern), 2**precision)
        rank = (
            next((place for place in range(64 - precision) if rest >> place & 1), 64 - precision)
            + 1
        )
        registers[register] = max(registers[register], rank)
    count, size = [registers.count(rank) for rank in range(66 - precision)], float(2**precision)
    total = size * tau(1.0 - count[-1] / size)
    for rank in range(64 - precision, 0, -1):
        total = 0.5 * (total + count[rank])
    total += size * sigma(count[0] / size)
    return int(0.7213475204444817 * size * size / total + 0.5)


def sigma(x: float) -> float:
    """Ertl 2017, algorithm 6."""
    if x == 1.0:
        return math.inf
    y, z, before = 1.0, x, -1.0
    while z != before:
        x, before = x * x, z
        z, y = z + x * y, y + y
    return z


def tau(x: float) -> float:
    """Ertl 2017, algorithm 6."""
    if x in (0.0, 1.0):
        return 0.0
    y, z, before = 1.0, 1.0 - x, -1.0
    while z != before:
        x, y, before = math.sqrt(x), 0.5 * y, z
        z -= (1.0 - x) * (1.0 - x) * y
    return z / 3.0


def bucket_middle(value: float) -> float:
    """The middle of the doubles that share sign, exponent and six bits of mantissa with this
    one.
    """
    if value == 0.0 or math.isinf(value):
        return value + 0.0
    pattern = struct.unpack("<Q", struct.pack("<d", value))[0]
    return float(struct.unpack("<d", struct.pack("<Q", pattern // 2**46 * 2**46 + 2**45))[0])


def halves(age: float) -> float:
    """2**-age by Taylor's polynomial of 2**x over the fraction, term by term from the highest."""
    if age >= 1100.0:
        return 0.0
    whole = int(age + 0.5)
    total = COEFFICIENTS[0]
    for coefficient in COEFFICIENTS[1:]:
        total = total * (whole - age) + coefficient
    return total * 2.0 ** -(whole // 2) * 2.0 ** -(whole - whole // 2)


def decayed_mean(times: Sequence[int], values: Sequence[float], half_life: int) -> float | None:
    """Sum and weight halve with every half-life that passes; then a value is added, and 1."""
    total, weight = 0.0, 0.0
    for before, time, value in zip([*times[:1], *times], times, values, strict=False):
        left = halves((time - before) / half_life)
        total, weight = total * left + value, weight * left + 1.0
    return total / weight if values else None


def standard_moment(values: Sequence[float], power: int) -> float | None:
    """The third or fourth moment about the mean, over that power of the standard deviation; the
    fourth less 3.
    """
    number, total = float(len(values)), 0.0
    for value in values:
        total += value
    mean = total / number if values else 0.0
    second = moment = 0.0
    for value in values:
        square = (value - mean) * (value - mean)
        second += square
        moment += square * (value - mean) if power == 3 else square * square
    second /= max(number, 1.0)
    scale = second * math.sqrt(second) if power == 3 else second * second
    if number < power or scale == 0.0:
        return None
    return moment / number / scale - (0.0 if power == 3 else 3.0)
