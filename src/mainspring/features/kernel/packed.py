"""The door for requests: `point`'s answer, with all that is asked in one array and all that is told in another.

Numba looks at every argument of a call: 0.2 µs for an array, more than 1 µs for a record of arrays.  That is nothing beside a backfill, and half of what one
key's answer costs.  So what `point` takes as records comes packed here, and is taken apart inside; it is the same code that answers.

    request   questions, keys, rows; then codes and times of the questions, starts of the rows (and where the last ends), rows of the keys, as in `point`
    program   the numbers of lanes, windows and outputs, and the edge; then shape, lanes, reach and outputs, as in `TileProgram`
    told      (2 * slots + 1, questions + 3): bits, validity and outcome of the questions; in its last row behind the outcomes the note of `Told`
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.jit import allocating_part, entry_point, kernel_edition
from mainspring.features.kernel.page import SHAPE_FIELDS
from mainspring.features.kernel.point import OUTPUT_FIELDS, Questions, Rows, Told, Windows, answer_points
from mainspring.features.kernel.tile import LANE_FIELDS

__all__ = ["NOTE_CELLS", "pack_program", "pack_request", "request_door"]

NOTE_CELLS = 3
_COUNTS = 3
_PROGRAM_COUNTS = 4

Ask = Callable[[Ints, Ints, Ints, Ints], None]


def pack_request(codes: Sequence[int], times: Sequence[int], starts: Sequence[int], key_rows: Sequence[int]) -> Ints:
    """What is asked, in one array."""
    return np.array([len(codes), len(key_rows) - 1, len(starts) - 1, *codes, *times, *starts, *key_rows], dtype=np.int64)


def pack_program(shape: Ints, lanes: Ints, reach: Ints, outputs: Ints, *, edge: int) -> Ints:
    """The tables of a program, in one array."""
    counts = np.array([lanes.shape[0], reach.size, outputs.shape[0], edge], dtype=np.int64)
    return np.concatenate([counts, shape, lanes.ravel(), reach, outputs.ravel()])


@cache
def request_door() -> Ask:
    """`answer_request`, compiled: takes words, request, program and told."""
    none = np.zeros(0, dtype=np.int64)
    return entry_point(_sealed(kernel_edition()), np.frombuffer(b"", dtype=np.int64), none, none, np.zeros((0, 0), dtype=np.int64))


@allocating_part
def answer_request(words: Ints, request: Ints, program: Ints, told: Ints) -> None:
    """Take apart what came packed, and answer."""
    questions, keys, rows = request[0], request[1], request[2]
    at = _COUNTS + 2 * questions
    lanes, windows, outputs = program[0], program[1], program[2]
    lanes_at = _PROGRAM_COUNTS + SHAPE_FIELDS
    reach_at = lanes_at + lanes * LANE_FIELDS
    outputs_at = reach_at + windows
    slots = told.shape[0] // 2
    valid = np.empty((slots, questions), dtype=np.uint8)
    bits = np.empty((slots, questions), dtype=np.int64)
    outcome, note = np.empty(questions, dtype=np.int64), np.zeros(NOTE_CELLS, dtype=np.int64)
    answer_points(
        Rows(
            program[_PROGRAM_COUNTS:lanes_at],
            words,
            request[at : at + rows + 1],
            request[at + rows + 1 : at + rows + keys + 2],
            np.empty((0, 3), dtype=np.int64),
        ),
        Windows(
            program[lanes_at:reach_at].reshape((lanes, LANE_FIELDS)),
            program[reach_at:outputs_at],
            program[outputs_at : outputs_at + outputs * OUTPUT_FIELDS].reshape((outputs, OUTPUT_FIELDS)),
            program[3],
            1,
        ),
        Questions(request[_COUNTS : _COUNTS + questions], request[_COUNTS + questions : at]),
        Told(bits, valid, outcome, note),
    )
    told[:slots, :questions] = bits
    told[slots : 2 * slots, :questions] = valid
    told[2 * slots, :questions] = outcome
    told[2 * slots, questions : questions + NOTE_CELLS] = note


def _sealed(edition: int) -> Ask:
    def ask(words: Ints, request: Ints, program: Ints, told: Ints) -> None:
        answer_request(words, request, program, told)
        told[-1, -1] = edition

    return ask
