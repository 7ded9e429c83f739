"""A whole number of 64 bits that stands for a value: the same on every machine, in every version,
for ever.

Hashes of a library were rejected: they promise nothing across versions, and a model taught on the
buckets of one would be served those of another.

Text is hashed by BLAKE2b, cut to eight bytes.  Numbers, whose range a user can exhaust, are mixed
by the finaliser of SplitMix64, which is one to one: two whole numbers never share a hash.  Every
type starts from a seed of its own, so that 1, true and the first microsecond of 1970 stand apart.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; RFC
    7693.
"""

import hashlib
import struct

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType

__all__ = [
    "FACTORS",
    "SHIFTS",
    "hash_of_float",
    "hash_of_int",
    "hash_of_text",
    "hash_value",
    "seed_of",
]

SHIFTS = (30, 27, 31)
FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)

_64_BITS = 2**64 - 1
_NAN_BITS = 0x7FF8000000000000


def hash_of_text(text: str) -> int:
    """The hash of a text: the first eight bytes of its BLAKE2b digest, little-endian, signed.

    >>> hash_of_text("LGA")
    -6570138879727618864
    """
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(),
        "little",
        signed=True,
    )


def seed_of(dtype: DType) -> int:
    """Where the numbers of a type start: the hash of its name, unsigned."""
    return hash_of_text(dtype.value) & _64_BITS


def hash_of_int(value: int, seed: int) -> int:
    """The hash of a whole number, boolean, instant or duration.

    >>> hash_of_int(1, seed_of(DType.INT64)), hash_of_int(1, seed_of(DType.BOOLEAN))
    (7853632369848234827, -7450037851770264145)
    """
    mixed = (value + seed) & _64_BITS
    mixed = (mixed ^ mixed >> SHIFTS[0]) * FACTORS[0] & _64_BITS
    mixed = (mixed ^ mixed >> SHIFTS[1]) * FACTORS[1] & _64_BITS
    mixed ^= mixed >> SHIFTS[2]
    return mixed - (mixed >> 63 << 64)


def hash_of_float(value: float, seed: int) -> int:
    """The hash of the bits of a float; both zeros have one, and so have all NaNs.

    >>> hash_of_float(-0.0, 7) == hash_of_float(0.0, 7)
    True
    """
    bits: int = (
        struct.unpack("<q", struct.pack("<d", value + 0.0))[0] if value == value else _NAN_BITS
    )
    return hash_of_int(bits, seed)


def hash_value(value: Scalar, dtype: DType) -> int:
    """The hash of a value of a type."""
    match value:
        case str():
            return hash_of_text(value)
        case float():
            return hash_of_float(value, seed_of(dtype))
        case _:
            return hash_of_int(value, seed_of(dtype))
