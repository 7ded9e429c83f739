"""The compiled entry points to online state: write a run, grow the pages of keys, answer from them,
look facts up in them, and summarise a page that was changed.

Each writes the edition of the kernel into the last cell of the note that it is given, which keeps
numba's cache honest (see `jit`).
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import allocating_part, entry_point, kernel_edition
from mainspring.features.kernel.program import AggregateOp, OutputSpec, ValueKind, compile_program
from mainspring.features.kernel.states.exact_sum import CELLS, NO_LIMB, NUMBER_CELLS
from mainspring.features.kernel.tree.batch import (
    TABLE_FIELDS,
    GrowthBatch,
    GrowthOutput,
    PageLayout,
)
from mainspring.features.kernel.tree.grow import grow_keys
from mainspring.features.kernel.tree.newest import Lookups, answer_lookups
from mainspring.features.kernel.tree.packed import request_entry
from mainspring.features.kernel.tree.page import FACTS
from mainspring.features.kernel.tree.point import (
    PageRows,
    PointRequests,
    PointResults,
    WindowQuery,
    answer_points,
)
from mainspring.features.kernel.tree.run import RunBatch, RunOutput, write_runs
from mainspring.features.kernel.tree.summary import compile_tiles
from mainspring.features.kernel.tree.tile import (
    MARK_FIELDS,
    TILE_HIGH,
    TILE_LOW,
    summarise_facts,
    summarise_tiles,
)

__all__ = [
    "NOTE",
    "grow_entry",
    "lookup_entry",
    "point_entry",
    "run_entry",
    "summary_entry",
    "warm_online",
]

NOTE = np.zeros(3, dtype=np.int64)
"""To be copied for each call."""

_NONE = np.zeros(0, dtype=np.int64)
_TABLE = np.zeros((0, 0), dtype=np.int64)
_WORDS, _TEXTS = np.frombuffer(b"", dtype=np.int64), np.frombuffer(b"", dtype=np.uint8)
"""Rows as they are read: arrays over bytes cannot be written to, which is part of a compiled
function's signature.
"""

Grow = Callable[[PageLayout, GrowthBatch, GrowthOutput], None]
Run = Callable[[RunBatch, RunOutput], None]
Answer = Callable[[PageRows, WindowQuery, PointRequests, PointResults], None]
LookUp = Callable[[PageRows, Lookups, PointRequests, PointResults], None]
Summarise = Callable[[PageLayout, Ints, Ints, Ints], None]


def warm_online() -> None:
    """Load every entry point from numba's cache, or compile it; no request and no materialization
    waits for a compiler after this.
    """
    # Loading takes a moment each and compiling seconds; `apply` and servers pay that before the
    # first request.
    for entry in (run_entry, grow_entry, point_entry, request_entry, lookup_entry, summary_entry):
        entry()


@cache
def grow_entry() -> Grow:
    """`grow_keys`, compiled."""
    batch = GrowthBatch(_WORDS, _TEXTS, _NONE, _NONE, _NONE, _TABLE, _TABLE, _NONE, 0, 0)
    table = np.zeros((0, TABLE_FIELDS), dtype=np.int64)
    return entry_point(
        _sealed_grow(kernel_edition()),
        _layout(),
        batch,
        GrowthOutput(_NONE.copy(), _NONE.view(np.uint8), table, NOTE),
    )


@cache
def run_entry() -> Run:
    """`write_runs`, compiled."""
    return entry_point(
        _sealed_run(kernel_edition()),
        RunBatch(_TEXTS, _NONE, _NONE, _TABLE, _TABLE, _NONE),
        RunOutput(_NONE.copy(), _NONE.view(np.uint8), _NONE, NOTE),
    )


@cache
def point_entry() -> Answer:
    """`answer_points`, compiled."""
    return entry_point(
        _sealed_answer(kernel_edition()),
        _rows(),
        WindowQuery(_TABLE, _NONE, _TABLE, 0, 0),
        PointRequests(_NONE, _NONE),
        _results(),
    )


@cache
def lookup_entry() -> LookUp:
    """`answer_lookups`, compiled."""
    return entry_point(
        _sealed_lookup(kernel_edition()),
        _rows(),
        Lookups(_TEXTS, _TABLE, 0),
        PointRequests(_NONE, _NONE),
        _results(),
    )


@cache
def summary_entry() -> Summarise:
    """`summarise_page`, compiled."""
    return entry_point(_sealed_summary(kernel_edition()), _layout(), _NONE, _NONE, NOTE)


@allocating_part
def summarise_page(layout: PageLayout, words: Ints, tile: Ints) -> None:
    """Write the tile of a page of facts or of tiles, but for its level and number."""
    shape, lanes = layout.shape, layout.lanes
    cells = np.zeros((lanes.shape[0] + 1, CELLS), dtype=np.int64)
    marks = np.zeros((lanes.shape[0], MARK_FIELDS), dtype=np.int64)
    marks[:, TILE_LOW], marks[:, TILE_HIGH] = NO_LIMB, -1
    number = np.zeros(NUMBER_CELLS, dtype=np.int64)
    if words[FACTS] > 0:
        summarise_facts(lanes, shape, cells, marks, number, words, 0, tile, 0)
    else:
        summarise_tiles(lanes, shape, cells, marks, number, words, 0, tile, 0)


def _layout() -> PageLayout:
    tiles = compile_tiles(
        compile_program([OutputSpec(AggregateOp.SUM, 0, 1)], kinds=[ValueKind.FLOAT]),
        kinds=[ValueKind.FLOAT],
        texts=[],
    )
    return PageLayout(tiles.shape, tiles.lanes)


def _rows() -> PageRows:
    return PageRows(_NONE, _WORDS, _NONE, _NONE, _TABLE)


def _results() -> PointResults:
    return PointResults(_TABLE, np.zeros((0, 0), dtype=np.uint8), _NONE, NOTE)


def _sealed_grow(edition: int) -> Grow:
    def grow(layout: PageLayout, batch: GrowthBatch, out: GrowthOutput) -> None:
        out.note[2] = edition
        grow_keys(layout, batch, out)

    return grow


def _sealed_run(edition: int) -> Run:
    def write(batch: RunBatch, out: RunOutput) -> None:
        out.note[2] = edition
        write_runs(batch, out)

    return write


def _sealed_answer(edition: int) -> Answer:
    def answer(
        rows: PageRows, windows: WindowQuery, requests: PointRequests, results: PointResults
    ) -> None:
        results.note[2] = edition
        answer_points(rows, windows, requests, results)

    return answer


def _sealed_lookup(edition: int) -> LookUp:
    def look_up(
        rows: PageRows, lookups: Lookups, requests: PointRequests, results: PointResults
    ) -> None:
        results.note[2] = edition
        answer_lookups(rows, lookups, requests, results)

    return look_up


def _sealed_summary(edition: int) -> Summarise:
    def summarise(layout: PageLayout, words: Ints, tile: Ints, note: Ints) -> None:
        note[2] = edition
        summarise_page(layout, words, tile)

    return summarise
