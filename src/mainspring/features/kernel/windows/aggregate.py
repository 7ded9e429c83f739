"""Run the kernel: the one entry point through which backfill, stream and online read call it."""

from collections.abc import Callable
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Facts, Ints, KernelResult, Spine
from mainspring.features.kernel.grouping.as_of import compiled_walk
from mainspring.features.kernel.grouping.dictionary import compiled_dictionary
from mainspring.features.kernel.grouping.group import compiled_grouping
from mainspring.features.kernel.jit import entry_point, kernel_edition
from mainspring.features.kernel.program import Program, Tables, compile_program
from mainspring.features.kernel.shares import run_shares, shares_of
from mainspring.features.kernel.windows.sweep import Part, sealed_sweep

__all__ = ["aggregate", "blank_answer", "compiled_sweep", "warm"]

Entry = Callable[[Part, Facts, Spine, KernelResult], None]


def aggregate(program: Program, facts: Facts, spine: Spine) -> KernelResult:
    """Every output of the program for every row of the spine.

    Args:
        program: What to compute.
        facts: Grouped by key and in total order, which is not checked here; fewer than 2**30 for
            one key.
        spine: Key codes and prediction times (-2**62 … 2**62), in any order; like all arrays here
            writable and contiguous.

    Returns: an answer whose rows follow the spine.  Look at `overflow` before use.

    Cost: facts that a request can see x (windows + 1) + rows x outputs, on all processors and
        without the interpreter lock; the first call of a process loads or compiles.
    """
    answer = blank_answer(program.tables.sizes.height, spine.time.size)
    notes = [note for tables in program.passes for note in run_pass(tables, facts, spine, answer)]
    # The least is the first in the spine's order, whichever thread and pass met it.
    overflows = [note for note in notes if note[0] >= 0]
    answer.note[:] = min(overflows or notes, key=lambda note: int(note[0]), default=answer.note)
    return answer


def run_pass(tables: Tables, facts: Facts, spine: Spine, answer: KernelResult) -> list[Ints]:
    """Fill the rows of the answer that these tables speak of, on all processors; the notes of
    each.
    """
    shares = shares_of(facts.times.shape[1] + spine.time.size)
    # One note each: threads must not race for the first overflow.
    notes = [np.full(2, -1, dtype=np.int64) for _ in range(shares)]
    run_shares(
        lambda share, _first, _stop: compiled_sweep()(
            Part(tables, share, shares), facts, spine, answer._replace(note=notes[share])
        ),
        range(shares + 1),
    )
    return notes


def blank_answer(outputs: int, rows: int) -> KernelResult:
    """Room for an answer, to be filled by the compiled kernel; so far all are values."""
    note = np.full(2, -1, dtype=np.int64)
    return KernelResult(
        np.empty((outputs, rows), dtype=np.int64), np.ones((outputs, rows), dtype=np.uint8), note
    )


def warm() -> None:
    """Load everything that is compiled from numba's cache (a second), or compile it (half a
    minute), so that no request ever waits for it.
    """
    for compiled in (compiled_sweep, compiled_grouping, compiled_dictionary, compiled_walk):
        compiled()


@cache
def compiled_sweep() -> Entry:
    """The compiled sweep, loaded or compiled by the first call."""
    facts = Facts.of(key_start=[0], event_time=[], visible_from=[])
    spine = Spine(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    return entry_point(
        sealed_sweep(kernel_edition()),
        Part(compile_program([], kinds=[]).tables, 0, 1),
        facts,
        spine,
        blank_answer(0, 0),
    )
