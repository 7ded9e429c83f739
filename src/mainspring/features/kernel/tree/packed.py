"""The door for requests: `point`'s answer, with all that is asked in one array and all that is told
in another.

Numba looks at every argument of a call: 0.2 µs for an array, more than 1 µs for a record of arrays.
That is nothing beside a backfill, and half of what one key's answer costs.  So what `point` takes
as records comes packed here, and is taken apart inside; it is the same code that answers.

    words     for each key that is there its head and, if it has one, its directory
    request   the numbers of questions and keys; codes and times of the questions
    program   the numbers of lanes, windows and outputs, and the edge; then shape, lanes, reach and
              outputs, as in `TileProgram`
    told      for each output the bits of all questions; likewise as bytes which are there; what
              became of the questions; then the note of `PointResults`
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.jit import allocating_part, entry_point, kernel_edition
from mainspring.features.kernel.tree.page import (
    DIRECTORY_LEVEL,
    HEAD_LEVEL,
    LEVEL,
    SHAPE_FIELDS,
    SIZE,
)
from mainspring.features.kernel.tree.point import (
    OUTPUT_FIELDS,
    PageRows,
    PointRequests,
    PointResults,
    WindowQuery,
    answer_points,
)
from mainspring.features.kernel.tree.tile import TILE_LANE_FIELDS

__all__ = [
    "ROOTS",
    "WORST",
    "blank_results",
    "pack_program",
    "pack_request",
    "request_entry",
    "result_bits",
    "result_flags",
]

ROOTS = 2
"""Rows of a key that are read at once: its head and its directory."""
NOTE_CELLS, WORST = 3, -2
_COUNTS = 2
_PROGRAM_COUNTS = 4
_WORD = np.dtype(np.int64)

Ask = Callable[[Ints, Ints, Ints, Ints], None]


def pack_request(codes: Sequence[int], times: Sequence[int], keys: int) -> Ints:
    """What is asked about so many keys, in one array."""
    return np.array([len(codes), keys, *codes, *times], _WORD)


def blank_results(outputs: int, questions: int) -> Ints:
    """Room for what is told."""
    values = outputs * questions
    return np.empty(values + ((values + 7) >> 3) + questions + NOTE_CELLS, _WORD)


def result_bits(told: Ints, outputs: int, questions: int) -> Ints:
    """Shapes: (outputs, questions)."""
    return told[: outputs * questions].reshape(outputs, questions)


def result_flags(told: Ints, outputs: int, questions: int) -> Bytes:
    """Which values are there.  Shapes: (outputs, questions)."""
    values = outputs * questions
    return told[values:].view(np.uint8)[:values].reshape(outputs, questions)


def pack_program(shape: Ints, lanes: Ints, reach: Ints, outputs: Ints, *, edge: int) -> Ints:
    """The tables of a program, in one array."""
    counts = np.array([lanes.shape[0], reach.size, outputs.shape[0], edge], dtype=np.int64)
    return np.concatenate([counts, shape, lanes.ravel(), reach, outputs.ravel()])


@cache
def request_entry() -> Ask:
    """`answer_request`, compiled: takes words, request, program and told."""
    none = np.zeros(0, dtype=np.int64)
    return entry_point(
        _sealed(kernel_edition()), np.frombuffer(b"", dtype=np.int64), none, none, none
    )


@allocating_part
def answer_request(words: Ints, request: Ints, program: Ints, told: Ints) -> None:
    """Take apart what came packed, and answer."""
    questions = request[0]
    starts, key_rows = rows_of_roots(words, request[1])
    lanes, windows, outputs = program[0], program[1], program[2]
    lanes_at = _PROGRAM_COUNTS + SHAPE_FIELDS
    reach_at = lanes_at + lanes * TILE_LANE_FIELDS
    outputs_at = reach_at + windows
    values = outputs * questions
    outcome_at = values + ((values + 7) >> 3)
    note_at = outcome_at + questions
    bits, valid = (
        told[:values].reshape((outputs, questions)),
        told[values:outcome_at].view(np.uint8)[:values].reshape((outputs, questions)),
    )
    answer_points(
        PageRows(
            program[_PROGRAM_COUNTS:lanes_at], words, starts, key_rows, told[:0].reshape((0, 3))
        ),
        WindowQuery(
            program[lanes_at:reach_at].reshape((lanes, TILE_LANE_FIELDS)),
            program[reach_at:outputs_at],
            program[outputs_at : outputs_at + outputs * OUTPUT_FIELDS].reshape(
                (outputs, OUTPUT_FIELDS)
            ),
            program[3],
            1,
        ),
        PointRequests(request[_COUNTS : _COUNTS + questions], request[_COUNTS + questions :]),
        PointResults(bits, valid, told[outcome_at:note_at], told[note_at:]),
    )


@allocating_part
def rows_of_roots(words: Ints, keys: int) -> tuple[Ints, Ints]:
    """`starts` and `key_rows` of `PageRows`: every head begins another key."""
    starts, key_rows = (
        np.empty(ROOTS * keys + 1, dtype=np.int64),
        np.empty(keys + 1, dtype=np.int64),
    )
    row, key, page = 0, 0, 0
    while page < words.size:
        level = words[page + LEVEL]
        if level == HEAD_LEVEL:
            key_rows[key] = row
            key += 1
        if level in (HEAD_LEVEL, DIRECTORY_LEVEL):
            starts[row] = page
            row += 1
        page += words[page + SIZE]
    starts[row], key_rows[key] = words.size, row
    return starts[: row + 1], key_rows


def _sealed(edition: int) -> Ask:
    def ask(words: Ints, request: Ints, program: Ints, told: Ints) -> None:
        answer_request(words, request, program, told)
        told[-1] = edition

    return ask
