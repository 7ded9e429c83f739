"""The entry point for requests: `point`'s answer, with the whole request in one array and all
results in another.

Numba looks at every argument of a call: 0.2 µs for an array, more than 1 µs for a record of arrays.
That is nothing beside a backfill, and half of what one key's answer costs.  So what `point` takes
as records comes packed here, and is taken apart inside; it is the same code that answers.

    words     the rows of the keys that are there, joined
    request   the numbers of requests and keys; how many words the row of each key has; codes and
              times of the requests; then room for `starts` and `key_rows` of `PageRows`, and to
              work in, `most_work_words` at most; what is in it does not matter
    program   the numbers of lanes, windows and outputs, and the edge; then shape, lanes, reach and
              outputs, as in `TileProgram`
    results   for each output the bits of all requests; likewise as bytes which are there; what
              became of the requests; then the note of `PointResults`
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints
from mainspring.features.kernel.jit import (
    bare_entry,
    compiled_part,
    entry_point,
    kernel_edition,
)
from mainspring.features.kernel.tree.page import SHAPE_FIELDS
from mainspring.features.kernel.tree.point import (
    MISSING,
    OUTPUT_FIELDS,
    PageRows,
    PointRequests,
    PointResults,
    WindowQuery,
    answer_all,
    count_pages,
)
from mainspring.features.kernel.tree.tile import TILE_LANE_FIELDS
from mainspring.features.kernel.tree.work import work_in, work_words

__all__ = [
    "WORST",
    "blank_results",
    "pack_program",
    "pack_request",
    "request_entry",
    "result_bits",
    "result_flags",
]

NOTE_CELLS, WORST = 3, -2
_COUNTS = 2
_PROGRAM_COUNTS = 4
_WORD = np.dtype(np.int64)

Ask = Callable[[Ints, Ints, Ints, Ints], None]


def pack_request(
    codes: Sequence[int], times: Sequence[int], sizes: Sequence[int], *, room: int
) -> Ints:
    """A request about keys whose rows have so many words, in one array, with room for so many words
    of work.
    """
    given = np.array([len(codes), len(sizes), *sizes, *codes, *times], _WORD)
    request = np.empty(given.size + 2 * (len(sizes) + 1) + room, _WORD)
    request[: given.size] = given
    return request


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
    return bare_entry(
        entry_point(_sealed(kernel_edition()), np.frombuffer(b"", dtype=np.int64), none, none, none)
    )


@compiled_part
def answer_request(words: Ints, request: Ints, program: Ints, results: Ints) -> None:
    """Take apart what came packed, and answer.  Nothing is allocated, which would take as long as
    the answer for a key.
    """
    requests, keys = request[0], request[1]
    codes_at = _COUNTS + keys
    starts_at = codes_at + 2 * requests
    key_rows_at = starts_at + keys + 1
    work_at = key_rows_at + keys + 1
    starts, key_rows = request[starts_at:key_rows_at], request[key_rows_at:work_at]
    work = request[work_at:]
    place_rows(request, keys, starts, key_rows)
    pages, tiles = count_pages(words, starts)
    if work_words(program[0], pages, tiles) > work.size:
        # No rows of ours: pages are smaller than any can be.  Whoever sees this allocates.
        results[WORST] = MISSING
        return
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
    answer_all(
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
        work_in(work, lanes, pages, tiles),
        PointResults(bits, valid, results[outcome_at:note_at], results[note_at:]),
        PointRequests(
            request[codes_at : codes_at + requests], request[codes_at + requests : starts_at]
        ),
    )


@compiled_part
def place_rows(request: Ints, keys: int, starts: Ints, key_rows: Ints) -> None:
    """Write `starts` and `key_rows` of `PageRows`: one row a key."""
    starts[0] = 0
    for key in range(keys):
        starts[key + 1] = starts[key] + request[_COUNTS + key]
    for key in range(keys + 1):
        key_rows[key] = key


def _sealed(edition: int) -> Ask:
    def answer(words: Ints, request: Ints, program: Ints, results: Ints) -> None:
        answer_request(words, request, program, results)
        # Behind the answer, because the note is written by it.
        results[-1] = edition

    return answer
