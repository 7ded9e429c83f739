"""What sketches must answer, in plain Python: arbitrary integers reduced by hand, and floats in the order that the papers give."""

import math
from collections.abc import Iterable

__all__ = ["hyperloglog_of"]

WORD = 2**64


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
        rank = next((place for place in range(64 - precision) if rest >> place & 1), 64 - precision) + 1
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
