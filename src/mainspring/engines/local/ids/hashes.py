"""Hashes of ids, the same for as long as their log lives.

A sum of the words of an id, each times a number that only this log knows (multilinear hashing):
whoever chooses ids cannot choose many of one hash, for which every look-up would try all.

Source: D. Lemire and O. Kaser, "Strongly universal string hashing is fast" (2014), section 3.
"""

from functools import lru_cache
from hashlib import shake_256

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["HASH_BITS", "Hashes", "IdHasher"]

Hashes = npt.NDArray[np.uint64]

HASH_BITS = 48
"""Of ten million ids and ten million that are looked up, one in three such pairs of sets has an id
that is looked at in vain.
"""
_WORD_BYTES = 8
_HALF = np.uint64(0xFFFF_FFFF)
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


class IdHasher:
    """Computes hashes of ids.

    Args:
        secret: of the log; another one gives other hashes.
        bits: how many bits a hash has, 48 at most; few of them make collisions, for tests.
    """

    def __init__(self, secret: str, *, bits: int = HASH_BITS) -> None:
        self._secret, self._shift = secret, np.uint64(64 - bits)

    def hashes(self, ids: pl.Series) -> Hashes:
        """The hash of each id, below `2 ** bits`.  Cost: about 5 ns a byte."""
        lengths = ids.str.len_bytes().to_numpy().astype(np.int64)
        data = np.frombuffer(
            (ids.str.join("").item() or "").encode() + bytes(_WORD_BYTES), dtype=np.uint8
        )
        starts = np.cumsum(lengths) - lengths
        # Words begin at any byte; what reads over the end of an id is masked away.
        words = np.ndarray((data.size - _WORD_BYTES + 1,), np.dtype("<u8"), data, strides=(1,))
        longest = int(lengths.max(initial=0))
        keys = _keys(self._secret, -(-longest // 1024) * 1024 // _WORD_BYTES * 2 + 1)
        found: Hashes = (lengths + 1).astype(np.uint64) * keys[0]
        shortest = int(lengths.min(initial=longest))
        for place, at in enumerate(range(0, longest, _WORD_BYTES)):
            rows = slice(None) if shortest > at else np.flatnonzero(lengths > at)
            word = words[starts[rows] + at]
            if shortest < at + _WORD_BYTES:
                word &= _MASKS[np.minimum(lengths[rows] - at, _WORD_BYTES)]
            first, second = keys[2 * place + 1], keys[2 * place + 2]
            found[rows] += (word & _HALF) * first + (word >> np.uint64(32)) * second
        # The lower half of such a sum is weaker than the upper: every bit shall depend on all.
        found ^= found >> np.uint64(32)
        found *= _MULTIPLIER
        found ^= found >> np.uint64(29)
        found *= _MULTIPLIER
        return found >> self._shift


@lru_cache(maxsize=8)
def _keys(secret: str, count: int) -> Hashes:
    """Random numbers, odd ones, of which a longer list begins as a shorter one."""
    stream = shake_256(secret.encode()).digest(count * _WORD_BYTES)
    return np.frombuffer(stream, dtype=np.dtype("<u8")) | np.uint64(1)
