"""Codes for 64-bit words: 0, 1, 2 … in the order in which words are first met.

An open-addressed table with linear probing, at most half full.  Codes decide nothing but which rows lie together, so that no answer depends on the hash.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints, ShortInts, read_only
from mainspring.features.kernel.jit import compiled_part, entry_point, kernel_edition

__all__ = ["Dictionary", "warm_dictionary"]

KNOWN, NEXT = 0, 1
UNKNOWN = -1
FIRST_BITS = 16
GROWTH = 2
GOLDEN = -7046029254386353131
"""2**64 divided by the golden ratio, as int64: Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4)."""


class Dictionary:
    """Distinct words and their codes.  `firsts[c]` is the row at which the word of code c was met."""

    def __init__(self) -> None:
        self.firsts: Ints = np.empty(0, dtype=np.int64)
        self._words, self._codes = empty_table(FIRST_BITS)

    def learn(self, words: Ints) -> ShortInts:
        """The codes of words, of which every new one gets the next; once per dictionary.  Cost: about 5 ns a word."""
        codes, note = np.empty(words.size, dtype=np.int32), np.zeros(2, dtype=np.int64)
        while True:
            self.firsts = np.resize(self.firsts, self._words.size // 2)
            warm_dictionary().learn(words, self._words, self._codes, self.firsts, codes, note)
            if note[NEXT] == words.size:
                self.firsts = self.firsts[: note[KNOWN]]
                return codes
            self._grow(words, int(note[KNOWN]))

    def look_up(self, words: Ints) -> ShortInts:
        """The codes of words, -1 for those that were not learnt."""
        codes = np.empty(words.size, dtype=np.int32)
        warm_dictionary().look_up(words, self._words, self._codes, codes)
        return codes

    def _grow(self, words: Ints, known: int) -> None:
        """A larger table of the same words under the same codes."""
        distinct, firsts = words[self.firsts[:known]], self.firsts[:known]
        self._words, self._codes = empty_table(self._words.size.bit_length() - 1 + GROWTH)
        room, codes = np.empty(self._words.size // 2, dtype=np.int64), np.empty(known, dtype=np.int32)
        warm_dictionary().learn(distinct, self._words, self._codes, room, codes, np.zeros(2, dtype=np.int64))
        self.firsts = firsts


def empty_table(bits: int) -> tuple[Ints, ShortInts]:
    """Room for words, and the code in each place."""
    return np.zeros(1 << bits, dtype=np.int64), np.full(1 << bits, UNKNOWN, dtype=np.int32)


class Kernels(NamedTuple):
    """The compiled entries."""

    learn: Callable[[Ints, Ints, ShortInts, Ints, ShortInts, Ints], None]
    look_up: Callable[[Ints, Ints, ShortInts, ShortInts], None]


@cache
def warm_dictionary() -> Kernels:
    """The compiled entries; the first call loads them from numba's cache or compiles them (a second)."""
    words, codes = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    entries = sealed_entries(kernel_edition())
    return Kernels(
        entry_point(entries.learn, read_only(words), words, codes, words, codes, words),
        entry_point(entries.look_up, read_only(words), words, codes, codes),
    )


def sealed_entries(edition: int) -> Kernels:
    """The entries with the edition of their source inside, which keeps numba's cache honest (see `jit`)."""

    def learn(words: Ints, table: Ints, codes: ShortInts, firsts: Ints, found: ShortInts, note: Ints) -> None:
        if edition >= 0:
            learn_words(words, table, codes, firsts, found, note)

    def look_up(words: Ints, table: Ints, codes: ShortInts, found: ShortInts) -> None:
        if edition >= 0:
            for row in range(words.size):
                found[row] = codes[place_of(words[row], table, codes)]

    return Kernels(learn, look_up)


@compiled_part
def learn_words(words: Ints, table: Ints, codes: ShortInts, firsts: Ints, found: ShortInts, note: Ints) -> None:
    """Code the words from note[NEXT] on until the end, or until the table is half full."""
    known, row = note[KNOWN], note[NEXT]
    while row < words.size:
        place = place_of(words[row], table, codes)
        if codes[place] == UNKNOWN:
            if known == firsts.size:
                break
            table[place] = words[row]
            codes[place] = known
            firsts[known] = row
            known += 1
        found[row] = codes[place]
        row += 1
    note[KNOWN], note[NEXT] = known, row


@compiled_part
def place_of(word: int, table: Ints, codes: ShortInts) -> int:
    """Where a word is in the table, or the free place where it would be."""
    mask = table.size - 1
    mixed = (word ^ (word >> 32)) * GOLDEN
    place = (mixed >> 24) & mask
    while codes[place] != UNKNOWN and table[place] != word:
        place = (place + 1) & mask
    return place
