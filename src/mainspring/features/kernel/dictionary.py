"""Codes for 64-bit words: 0, 1, 2 … in the order in which words are first met.

An open-addressed table with linear probing, at most half full.  Codes decide nothing but which rows lie together, so that no answer depends on the hash.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints, ShortInts, read_only
from mainspring.features.kernel.jit import compiled_part, entry_point, kernel_edition

__all__ = ["Dictionary", "compiled_dictionary"]

KNOWN, NEXT = 0, 1
UNKNOWN = -1
FIRST_BITS = 16
GROWTH = 2
GOLDEN = -7046029254386353131
"""2**64 divided by the golden ratio, as int64: Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4)."""


class Table(NamedTuple):
    """The words of a dictionary where the hash puts them.

    Shapes: words (places,) int64; codes (places,) int32, -1 where free; firsts (places / 2,) int64, by code the row at which the word was met first;
    note (2,) int64: how many words are known, and the next row to learn.
    """

    words: Ints
    codes: ShortInts
    firsts: Ints
    note: Ints


class Dictionary:
    """Distinct words and their codes."""

    def __init__(self) -> None:
        self._table = empty_table(FIRST_BITS)

    @property
    def firsts(self) -> Ints:
        """By code, the row at which its word was met first, (distinct words,)."""
        return self._table.firsts[: self._table.note[KNOWN]]

    def learn(self, words: Ints) -> ShortInts:
        """The codes of words, of which every new one gets the next; once per dictionary.  Cost: about 5 ns a word."""
        codes = np.empty(words.size, dtype=np.int32)
        compiled_dictionary().learn(words, self._table, codes)
        while self._table.note[NEXT] < words.size:
            self._table = larger_table(self._table, words)
            compiled_dictionary().learn(words, self._table, codes)
        return codes

    def look_up(self, words: Ints) -> ShortInts:
        """The codes of words, -1 for those that were not learnt."""
        codes = np.empty(words.size, dtype=np.int32)
        compiled_dictionary().look_up(words, self._table, codes)
        return codes


def empty_table(bits: int) -> Table:
    """A table of 2**bits places."""
    places = 1 << bits
    return Table(np.zeros(places, dtype=np.int64), np.full(places, UNKNOWN, dtype=np.int32), np.empty(places // 2, dtype=np.int64), np.zeros(2, dtype=np.int64))


def larger_table(table: Table, words: Ints) -> Table:
    """A larger table of the same words under the same codes."""
    known = int(table.note[KNOWN])
    larger = empty_table(table.words.size.bit_length() - 1 + GROWTH)
    compiled_dictionary().learn(words[table.firsts[:known]], larger, np.empty(known, dtype=np.int32))
    larger.firsts[:known], larger.note[NEXT] = table.firsts[:known], table.note[NEXT]
    return larger


class Kernels(NamedTuple):
    """The compiled entries."""

    learn: Callable[[Ints, Table, ShortInts], None]
    look_up: Callable[[Ints, Table, ShortInts], None]


@cache
def compiled_dictionary() -> Kernels:
    """The compiled entries, loaded or compiled by the first call."""
    words, table, codes = read_only(np.empty(0, dtype=np.int64)), empty_table(FIRST_BITS), np.empty(0, dtype=np.int32)
    entries = sealed_entries(kernel_edition())
    return Kernels(entry_point(entries.learn, words, table, codes), entry_point(entries.look_up, words, table, codes))


def sealed_entries(edition: int) -> Kernels:
    """The entries with the edition of their source inside, which keeps numba's cache honest (see `jit`)."""

    def learn(words: Ints, table: Table, found: ShortInts) -> None:
        if edition >= 0:
            learn_words(words, table, found)

    def look_up(words: Ints, table: Table, found: ShortInts) -> None:
        if edition >= 0:
            find_words(words, table, found)

    return Kernels(learn, look_up)


@compiled_part
def learn_words(words: Ints, table: Table, found: ShortInts) -> None:
    """Code the words from the next row on until the end, or until the table is half full."""
    known, row = table.note[KNOWN], table.note[NEXT]
    while row < words.size:
        place = place_of(words[row], table)
        if table.codes[place] == UNKNOWN:
            if known == table.firsts.size:
                break
            table.words[place], table.codes[place], table.firsts[known] = words[row], known, row
            known += 1
        found[row] = table.codes[place]
        row += 1
    table.note[KNOWN], table.note[NEXT] = known, row


@compiled_part
def find_words(words: Ints, table: Table, found: ShortInts) -> None:
    """The codes of words, -1 for unknown ones."""
    for row in range(words.size):
        found[row] = table.codes[place_of(words[row], table)]


@compiled_part
def place_of(word: int, table: Table) -> int:
    """Where a word is in the table, or the free place where it would be."""
    mask = table.words.size - 1
    mixed = (word ^ (word >> 32)) * GOLDEN
    place = (mixed >> 24) & mask
    while table.codes[place] != UNKNOWN and table.words[place] != word:
        place = (place + 1) & mask
    return place
