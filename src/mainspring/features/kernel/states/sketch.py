"""HyperLogLog: how many distinct values there are, from what a few thousand registers have seen of
their hashes.

Hashes and registers are integers.  Only the estimate, made once from finished registers, divides
and takes roots, all of which IEEE 754 rounds correctly, in one fixed order.

Source: Flajolet et al. 2007, HyperLogLog; Ertl 2017, New cardinality estimation algorithms for
    HyperLogLog sketches, section 4 (the estimator used here: no bias tables, no switch to linear
    counting, no logarithm); Steele et al. 2014, Fast splittable pseudorandom number generators (the
    mix of the hash).
"""

import math
from typing import Final

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.jit import compiled_part

__all__ = [
    "REGISTER_VALUES",
    "estimate_of",
    "hash_of",
    "observation_of",
    "observe",
    "reset_registers",
]

RANK_BITS: Final = 6
REGISTER_VALUES: Final = 1 << RANK_BITS

GOLDEN: Final = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST_FACTOR: Final = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND_FACTOR: Final = 0x94D049BB133111EB - (1 << 64)
HALF_RECIPROCAL_LN_2: Final = 0.7213475204444817


@compiled_part
def hash_of(bits: int) -> int:
    """A 64-bit hash of a pattern, the same for ever: the output function of splitmix64 after one
    step.
    """
    mixed = bits + GOLDEN
    mixed = (mixed ^ ((mixed >> 30) & ((1 << 34) - 1))) * FIRST_FACTOR
    mixed = (mixed ^ ((mixed >> 27) & ((1 << 37) - 1))) * SECOND_FACTOR
    return mixed ^ ((mixed >> 31) & ((1 << 33) - 1))


@compiled_part
def observation_of(bits: int, precision: int) -> int:
    """What a HyperLogLog of 2**precision registers sees of a value: register * 64 + rank, rank in 1
    … 65 - precision.
    """
    hashed = hash_of(bits)
    rest = (hashed >> precision) & ((1 << (64 - precision)) - 1)
    rank = 1
    while rank <= 64 - precision and rest & 1 == 0:
        rest >>= 1
        rank += 1
    return ((hashed & ((1 << precision) - 1)) << RANK_BITS) | rank


@compiled_part
def observe(registers: Bytes, histogram: Ints, observation: int) -> None:
    """Raise a register to an observed rank; `histogram`, how many registers have each rank,
    follows.
    """
    register, rank = observation >> RANK_BITS, observation & (REGISTER_VALUES - 1)
    known = registers[register]
    if rank > known:
        histogram[known] -= 1
        histogram[rank] += 1
        registers[register] = rank


@compiled_part
def reset_registers(registers: Bytes, observation: int) -> None:
    """Put a register back to zero."""
    registers[observation >> RANK_BITS] = 0


@compiled_part
def estimate_of(histogram: Ints, precision: int) -> int:
    """How many distinct values made these registers, to the nearest integer.

    Args:
        histogram: (REGISTER_VALUES,): how many registers have each rank.
        precision: Registers are 2**precision; the relative standard error is 1.04 /
            sqrt(2**precision).
    """
    registers, highest = float(1 << precision), 64 - precision
    total = registers * tau(1.0 - histogram[highest + 1] / registers)
    # Horner's rule from the highest rank down, in this order always: additions of doubles are not
    # associative.
    for rank in range(highest, 0, -1):
        total = 0.5 * (total + histogram[rank])
    total += registers * sigma(histogram[0] / registers)
    return int(HALF_RECIPROCAL_LN_2 * registers * registers / total + 0.5)


@compiled_part
def sigma(share: float) -> float:
    """x + the sum over k of x**(2**k) * 2**(k - 1); infinite at 1."""
    if share == 1.0:
        return math.inf
    weight, total, before = 1.0, share, -1.0
    while total != before:
        share *= share
        before = total
        total += share * weight
        weight += weight
    return total


@compiled_part
def tau(share: float) -> float:
    """(1 - x - the sum over k of (1 - x**(2**-k))**2 * 2**-k) / 3."""
    if share in (0.0, 1.0):
        return 0.0
    weight, total, before = 1.0, 1.0 - share, -1.0
    while total != before:
        share = math.sqrt(share)
        before = total
        weight *= 0.5
        total -= (1.0 - share) * (1.0 - share) * weight
    return total / 3.0
