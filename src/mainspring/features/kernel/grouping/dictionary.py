"""Codes for 64-bit words: 0, 1, 2 … in the order in which words are first met.

An open-addressed table with linear probing, at most a quarter full.  Codes decide nothing but which
rows lie together, so that no answer depends on the hash.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Ints, ShortInts, read_only
from mainspring.features.kernel.grouping.chunks import iter_between
from mainspring.features.kernel.jit import at, compiled_part, entry_point, kernel_edition
from mainspring.features.kernel.shares import even_bounds, run_shares

__all__ = ["Dictionary", "compiled_dictionary", "learn_in_shares"]

KNOWN, NEXT = 0, 1
UNKNOWN = -1
FIRST_BITS = 16
GROWTH = 2
ROOM = 4
"""Places to a word: so many that a search nearly always ends where it begins."""
BLOCK = 256
GOLDEN = -7046029254386353131
"""2**64 divided by the golden ratio, as int64: Fibonacci hashing (Knuth, The Art of Computer
Programming, 6.4).
"""


class Table(NamedTuple):
    """The words of a dictionary, and where the hash puts them.

    Codes alone lie in the places of the hash, because they fit into the cache twice as often as
    words would.

    Shapes: codes (places,) int32, -1 where free; words and firsts (places / ROOM,) int64, by code
        the word and the row at which it was met first; note (2,) int64: how many words are known,
        and the next row to learn.
    """

    codes: ShortInts
    words: Ints
    firsts: Ints
    note: Ints


class Dictionary:
    """Distinct words and their codes."""

    def __init__(self) -> None:
        self._table = empty_table(FIRST_BITS)

    @property
    def words(self) -> Ints:
        """By code, the word, (distinct words,)."""
        return self._table.words[: self._table.note[KNOWN]]

    @property
    def firsts(self) -> Ints:
        """By code, the row at which the word was met first, (distinct words,)."""
        return self._table.firsts[: self._table.note[KNOWN]]

    def learn(self, words: Ints, codes: ShortInts, *, row: int = 0) -> None:
        """Write the codes of words, of which every new one gets the next.  Cost: about 3 ns a word.

        Args:
            row: the number of the first of these words among all that are learnt.
        """
        known, self._table.note[NEXT] = int(self._table.note[KNOWN]), 0
        compiled_dictionary().learn(words, self._table, codes)
        while self._table.note[NEXT] < words.size:
            self._table = larger_table(self._table)
            compiled_dictionary().learn(words, self._table, codes)
        self.firsts[known:] += row

    def look_up(self, words: Ints) -> ShortInts:
        """The codes of words, -1 for those that were not learnt."""
        codes = np.empty(words.size, dtype=np.int32)
        run_shares(
            lambda _, first, stop: compiled_dictionary().look_up(
                words[first:stop], self._table, codes[first:stop]
            ),
            even_bounds(words.size),
        )
        return codes


def learn_in_shares(chunks: Sequence[Ints]) -> tuple[Dictionary, ShortInts]:
    """A dictionary of words and their codes, learnt on all processors: each share by itself, and
    the few distinct words of each once more together.
    """
    codes = np.empty(sum(chunk.size for chunk in chunks), dtype=np.int32)
    bounds = even_bounds(codes.size)
    own = [Dictionary() for _ in bounds[1:]]

    def learn(share: int, first: int, stop: int) -> None:
        for row, words in iter_between(chunks, first, stop):
            own[share].learn(words, codes[row : row + words.size], row=row)

    run_shares(learn, bounds)
    return own[0] if len(own) == 1 else _together(own, codes, bounds), codes


def _together(own: Sequence[Dictionary], codes: ShortInts, bounds: Sequence[int]) -> Dictionary:
    """One dictionary of what each share learnt; the codes become its own."""
    # In the order of the shares, so that codes are those of one walk over all words, however many
    # threads there were.
    words, together = np.concatenate([each.words for each in own]), Dictionary()
    common = np.empty(words.size, dtype=np.int32)
    together.learn(words, common)
    starts = np.cumsum([0, *(each.words.size for each in own)])

    def rename(share: int, first: int, stop: int) -> None:
        if share > 0:
            compiled_dictionary().rename(
                common[starts[share] : starts[share + 1]], codes[first:stop]
            )

    run_shares(rename, bounds)
    together.firsts[:] = np.concatenate([each.firsts for each in own])[together.firsts]
    return together


def empty_table(bits: int) -> Table:
    """A table of 2**bits places."""
    codes, most = np.full(1 << bits, UNKNOWN, dtype=np.int32), (1 << bits) // ROOM
    return Table(
        codes,
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        np.zeros(2, dtype=np.int64),
    )


def larger_table(table: Table) -> Table:
    """A larger table of the same words under the same codes."""
    known = int(table.note[KNOWN])
    # Codes are kept by learning the words again in their order; rows that were coded stay right.
    larger = empty_table(table.codes.size.bit_length() - 1 + GROWTH)
    compiled_dictionary().learn(table.words[:known], larger, np.empty(known, dtype=np.int32))
    larger.firsts[:known], larger.note[NEXT] = table.firsts[:known], table.note[NEXT]
    return larger


class Kernels(NamedTuple):
    """The compiled entries."""

    learn: Callable[[Ints, Table, ShortInts], None]
    look_up: Callable[[Ints, Table, ShortInts], None]
    rename: Callable[[ShortInts, ShortInts], None]


@cache
def compiled_dictionary() -> Kernels:
    """The compiled entries, loaded or compiled by the first call."""
    words, table, codes = (
        read_only(np.empty(0, dtype=np.int64)),
        empty_table(FIRST_BITS),
        np.empty(0, dtype=np.int32),
    )
    entries = sealed_entries(kernel_edition())
    return Kernels(
        entry_point(entries.learn, words, table, codes),
        entry_point(entries.look_up, words, table, codes),
        entry_point(entries.rename, codes, codes),
    )


def sealed_entries(edition: int) -> Kernels:
    """The entries with the edition of their source inside, which keeps numba's cache honest (see
    `jit`).
    """

    def learn(words: Ints, table: Table, found: ShortInts) -> None:
        if edition >= 0:
            learn_words(words, table, found)

    def look_up(words: Ints, table: Table, found: ShortInts) -> None:
        if edition >= 0:
            find_words(words, table, found)

    def rename(names: ShortInts, codes: ShortInts) -> None:
        if edition >= 0:
            for row in range(codes.size):
                codes[row] = names[at(codes[row])]

    return Kernels(learn, look_up, rename)


@compiled_part
def learn_words(words: Ints, table: Table, found: ShortInts) -> None:
    """Code the words from the next row on until the end, or until the table is full."""
    row = guessed = table.note[NEXT]
    while row < words.size:
        if row == guessed:
            guessed = min(row + BLOCK, words.size)
            guess_codes(words, table, found, row, guessed)
        code = found[at(row)]
        # A guess may be stale, since words learnt in this block were not in the table yet; the
        # search decides.
        if code == UNKNOWN or table.words[at(code)] != words[at(row)]:
            found[at(row)] = learn_word(words[at(row)], row, table)
            if found[at(row)] == UNKNOWN:
                break
        row += 1
    table.note[NEXT] = row


@compiled_part
def learn_word(word: int, row: int, table: Table) -> int:
    """The code of a word, which is the next one if it is new; `UNKNOWN` if there is no room for
    it.
    """
    index, known = slot_of(word, table), table.note[KNOWN]
    code = int(table.codes[at(index)])
    if code == UNKNOWN and known < table.words.size:
        code = known
        table.codes[at(index)], table.words[at(code)], table.firsts[at(code)] = code, word, row
        table.note[KNOWN] = known + 1
    return code


@compiled_part
def find_words(words: Ints, table: Table, found: ShortInts) -> None:
    """The codes of words, -1 for unknown ones."""
    guess_codes(words, table, found, 0, words.size)
    for row in range(words.size):
        code = found[row]
        if code != UNKNOWN and table.words[at(code)] != words[row]:
            found[row] = table.codes[at(slot_of(words[row], table))]


@compiled_part
def guess_codes(words: Ints, table: Table, found: ShortInts, first: int, stop: int) -> None:
    """The codes at which the search for each word begins: nearly always the right ones, and found
    without waiting for one another.
    """
    for row in range(first, stop):
        found[at(row)] = table.codes[at(home_of(words[at(row)], table))]


@compiled_part
def home_of(word: int, table: Table) -> int:
    """Where the search for a word begins."""
    return (((word ^ (word >> 32)) * GOLDEN) >> 24) & (table.codes.size - 1)


@compiled_part
def slot_of(word: int, table: Table) -> int:
    """Where a word is in the table, or the free place where it would be."""
    index = home_of(word, table)
    while True:
        code = table.codes[at(index)]
        if code == UNKNOWN or table.words[at(code)] == word:
            return index
        index = (index + 1) & (table.codes.size - 1)
