"""The compiled doors to online state: grow the pages of keys, answer from them, look facts up in them, and summarise a page that was changed.

Each writes what it would return into the first cells of its first argument; the last cell gets the edition of the kernel, as in `aggregate`.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.exact_sum import CELLS, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.grow import TABLE_FIELDS, grow_keys
from mainspring.features.kernel.jit import allocating_part, entry_point, kernel_edition
from mainspring.features.kernel.newest import answer_lookups
from mainspring.features.kernel.page import FACTS
from mainspring.features.kernel.point import answer_points
from mainspring.features.kernel.program import Kind, Op, Output, compile_program
from mainspring.features.kernel.summary import TileProgram, compile_tiles
from mainspring.features.kernel.tile import HIGH, LOW, MARK_FIELDS, summarise_facts, summarise_tiles

__all__ = ["answer_door", "grow_door", "lookup_door", "summary_door", "warm_online"]

Grow = Callable[[Ints, Ints, Ints, Ints, Bytes, Ints, Ints, Ints, Ints, Ints, Ints, int, int, Ints, Bytes, Ints], None]
Answer = Callable[[Ints, Ints, Ints, Ints, Ints, int, int, Ints, Ints, Ints, Ints, Ints, Ints, Bytes, Ints, Ints], None]
LookUp = Callable[[Ints, Ints, int, Ints, Ints, Bytes, Ints, Ints, Ints, Ints, Ints, Bytes, Ints, Ints], None]
Summarise = Callable[[Ints, Ints, Ints, Ints, Ints], None]

NOTE = np.zeros(3, dtype=np.int64)
_NOTHING = np.frombuffer(b"", dtype=np.int64)
_NO_TEXT = np.frombuffer(b"", dtype=np.uint8)
"""Rows as they are read: arrays over bytes cannot be written to, which is part of a compiled function's signature."""


def warm_online() -> None:
    """Load every door from numba's cache, or compile it; no request and no fold waits for a compiler after this."""
    for door in (grow_door, answer_door, lookup_door, summary_door):
        door()


@cache
def grow_door() -> Grow:
    """`grow_keys`, compiled."""
    tiles, none = _example(), np.zeros(0, dtype=np.int64)
    table, out = np.zeros((0, TABLE_FIELDS), dtype=np.int64), np.zeros(0, dtype=np.int64)
    batch = np.zeros((0, 1), dtype=np.int64)
    return entry_point(
        _sealed_grow(kernel_edition()),
        *(NOTE, tiles.shape, tiles.lanes, _NOTHING, _NO_TEXT, batch, none, none, batch, batch, none, 0, 0, out, out.view(np.uint8), table),
    )


@cache
def answer_door() -> Answer:
    """`answer_points`, compiled."""
    tiles, none = _example(), np.zeros(0, dtype=np.int64)
    bits, valid = np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0), dtype=np.uint8)
    return entry_point(
        _sealed_answer(kernel_edition()),
        *(NOTE, tiles.shape, tiles.lanes, tiles.reach, tiles.outputs, 0, 0, _NOTHING, none, none, none, none, bits, valid, none, bits),
    )


@cache
def lookup_door() -> LookUp:
    """`answer_lookups`, compiled."""
    tiles, none = _example(), np.zeros(0, dtype=np.int64)
    bits, valid = np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0), dtype=np.uint8)
    return entry_point(
        _sealed_lookup(kernel_edition()),
        *(NOTE, tiles.shape, 0, bits, _NOTHING, _NO_TEXT, none, none, none, none, bits, valid, none, bits),
    )


@cache
def summary_door() -> Summarise:
    """`summarise_page`, compiled."""
    tiles, none = _example(), np.zeros(0, dtype=np.int64)
    return entry_point(_sealed_summary(kernel_edition()), NOTE, tiles.shape, tiles.lanes, none, none)


@allocating_part
def summarise_page(shape: Ints, lanes: Ints, words: Ints, tile: Ints) -> None:
    """Write the tile of a page of facts or of tiles, but for its level and number."""
    cells = np.zeros((lanes.shape[0] + 1, CELLS), dtype=np.int64)
    marks = np.zeros((lanes.shape[0], MARK_FIELDS), dtype=np.int64)
    for lane in range(lanes.shape[0]):
        marks[lane, LOW], marks[lane, HIGH] = NO_LIMB, -1
    number = np.zeros(NUMBER_CELLS, dtype=np.int64)
    if words[FACTS] > 0:
        summarise_facts(lanes, shape, cells, marks, number, words, 0, tile, 0)
    else:
        summarise_tiles(lanes, shape, cells, marks, number, words, 0, tile, 0)


def _example() -> TileProgram:
    return compile_tiles(compile_program([Output(Op.SUM, 0, 1)], kinds=[Kind.FLOAT]), kinds=[Kind.FLOAT], texts=[])


def _sealed_grow(edition: int) -> Grow:
    """With the edition inside, which keeps numba's cache honest; so are the others."""

    def grow(
        note: Ints,
        shape: Ints,
        lanes: Ints,
        words: Ints,
        texts: Bytes,
        starts: Ints,
        key_first: Ints,
        order: Ints,
        facts: Ints,
        links: Ints,
        arrived: Ints,
        kept: int,
        until: int,
        out: Ints,
        out_texts: Bytes,
        table: Ints,
    ) -> None:
        note[2] = edition
        note[0] = grow_keys(shape, lanes, words, texts, starts, key_first, order, facts, links, arrived, kept, until, out, out_texts, table)

    return grow


def _sealed_answer(edition: int) -> Answer:
    def answer(
        note: Ints,
        shape: Ints,
        lanes: Ints,
        reach: Ints,
        outputs: Ints,
        edge: int,
        from_tiles: int,
        words: Ints,
        starts: Ints,
        key_rows: Ints,
        codes: Ints,
        times: Ints,
        bits: Ints,
        valid: Bytes,
        outcome: Ints,
        missing: Ints,
    ) -> None:
        note[2] = edition
        note[0], note[1] = answer_points(shape, lanes, reach, outputs, edge, from_tiles, words, starts, key_rows, codes, times, bits, valid, outcome, missing)

    return answer


def _sealed_lookup(edition: int) -> LookUp:
    def look_up(
        note: Ints,
        shape: Ints,
        reach: int,
        columns: Ints,
        words: Ints,
        texts: Bytes,
        starts: Ints,
        key_rows: Ints,
        codes: Ints,
        times: Ints,
        bits: Ints,
        valid: Bytes,
        outcome: Ints,
        missing: Ints,
    ) -> None:
        note[2] = edition
        note[0], note[1] = answer_lookups(shape, reach, columns, words, texts, starts, key_rows, codes, times, bits, valid, outcome, missing)

    return look_up


def _sealed_summary(edition: int) -> Summarise:
    def summarise(note: Ints, shape: Ints, lanes: Ints, words: Ints, tile: Ints) -> None:
        note[2] = edition
        summarise_page(shape, lanes, words, tile)

    return summarise
