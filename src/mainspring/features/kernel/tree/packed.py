"""The entry point for requests: `point`'s answer, with the whole request in one array and all
results in another.

Numba looks at every argument of a call: 0.2 µs for an array, more than 1 µs for a record of arrays.
That is nothing beside a backfill, and half of what one key's answer costs.  So what `point` takes
as records comes packed here, and is taken apart inside; it is the same code that answers.

    words     for each key that is there its head and, if it has one, its directory
    request   the numbers of requests and keys; codes and times of the requests
    program   the numbers of lanes, windows and outputs, and the edge; then shape, lanes, reach and
              outputs, as in `TileProgram`
    results   for each output the bits of all requests; likewise as bytes which are there; what
              became of the requests; then the note of `PointResults`
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
    """A request about so many keys, in one array."""
    return np.array([len(codes), keys, *codes, *times], _WORD)


def blank_results(outputs: int, requests: int) -> Ints:
    """Space for the results."""
    values = outputs * requests
    return np.empty(values + ((values + 7) >> 3) + requests + NOTE_CELLS, _WORD)


def result_bits(results: Ints, outputs: int, requests: int) -> Ints:
    """Shapes: (outputs, requests)."""
    return results[: outputs * requests].reshape(outputs, requests)


def result_flags(results: Ints, outputs: int, requests: int) -> Bytes:
    """Which values are there.  Shapes: (outputs, requests)."""
    values = outputs * requests
    return results[values:].view(np.uint8)[:values].reshape(outputs, requests)


def pack_program(shape: Ints, lanes: Ints, reach: Ints, outputs: Ints, *, edge: int) -> Ints:
    """The tables of a program, in one array."""
    counts = np.array([lanes.shape[0], reach.size, outputs.shape[0], edge], dtype=np.int64)
    return np.concatenate([counts, shape, lanes.ravel(), reach, outputs.ravel()])


@cache
def request_entry() -> Ask:
    """`answer_request`, compiled: takes words, request, program and results."""
    none = np.zeros(0, dtype=np.int64)
    return entry_point(
        _sealed(kernel_edition()), np.frombuffer(b"", dtype=np.int64), none, none, none
    )


@allocating_part
def answer_request(words: Ints, request: Ints, program: Ints, results: Ints) -> None:
    """Take apart what came packed, and answer."""
    requests = request[0]
    starts, key_rows = rows_of_roots(words, request[1])
    lanes, windows, outputs = program[0], program[1], program[2]
    lanes_at = _PROGRAM_COUNTS + SHAPE_FIELDS
    reach_at = lanes_at + lanes * TILE_LANE_FIELDS
    outputs_at = reach_at + windows
    values = outputs * requests
    outcome_at = values + ((values + 7) >> 3)
    note_at = outcome_at + requests
    bits, valid = (
        results[:values].reshape((outputs, requests)),
        results[values:outcome_at].view(np.uint8)[:values].reshape((outputs, requests)),
    )
    answer_points(
        # No room for missing pages: what needs one is answered the slower way, which can fetch.
        PageRows(
            program[_PROGRAM_COUNTS:lanes_at], words, starts, key_rows, results[:0].reshape((0, 3))
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
        PointRequests(request[_COUNTS : _COUNTS + requests], request[_COUNTS + requests :]),
        PointResults(bits, valid, results[outcome_at:note_at], results[note_at:]),
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
    def answer(words: Ints, request: Ints, program: Ints, results: Ints) -> None:
        answer_request(words, request, program, results)
        # Behind the answer, because the note is written by it.
        results[-1] = edition

    return answer
