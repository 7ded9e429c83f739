"""Answer a key at one moment from its pages: the reading of online state, and the counterpart of
`sweep`.

Windows of one moment are nested, so a key's past falls into *rings*: what the shortest window
holds, what the next one adds to it, and so on.  The rings are walked from the newest to the oldest
with one set of accumulators, which is written out at each ring's edge; no fact is touched twice
however many windows there are.  A tile is added as a whole where one ring holds it and nothing in
it changes after q; otherwise its page is read, and where the page was not read yet it is put on the
list of what is missing, and the caller calls again with it.
"""

from typing import NamedTuple

from mainspring.features.kernel.arrays import EVENT_TIME, VISIBLE_FROM, VISIBLE_TO, Bytes, Ints
from mainspring.features.kernel.jit import allocating_part, compiled_part
from mainspring.features.kernel.program import AggregateOp
from mainspring.features.kernel.states.exact_sum import COUNT
from mainspring.features.kernel.states.extreme import value_of
from mainspring.features.kernel.tree.page import (
    DIRECTORY_LEVEL,
    EVICTED,
    FACT_TIMES,
    FACTS,
    FLAG_WORDS,
    HEAD_LEVEL,
    LEVEL,
    NUMBER_WORD,
    SIZE,
    TILES,
    fact_at,
    is_root,
    tile_at,
)
from mainspring.features.kernel.tree.tile import (
    BITS,
    LONG_AGO,
    TIED,
    TILE_FIRST,
    TILE_HIGH,
    TILE_LAST,
    TILE_LEVEL,
    TILE_LOW,
    TILE_NUMBER,
    TILE_STABLE_FROM,
    TILE_WIDE,
    TIME,
    add_fact,
    add_tile,
    reset_summary,
)
from mainspring.features.kernel.tree.work import (
    OPEN_PAGES,
    REST,
    START,
    WAITING,
    WANTED,
    WHOLE_TILES,
    Work,
    allocate_work,
)
from mainspring.features.kernel.windows.finalise import summed_value

__all__ = [
    "AMBIGUOUS",
    "ANSWERED",
    "EVICTED_BEFORE",
    "MISSING",
    "OUTPUT_FIELDS",
    "OVERFLOW",
    "PageRows",
    "PointRequests",
    "PointResults",
    "WindowQuery",
    "answer_all",
    "answer_points",
    "count_pages",
    "evicted_until",
    "find_page",
    "list_missing",
    "rows_of_key",
]

OP, LANE, COUNTED, WINDOW, IS_FLOAT, COLUMN, SLOT, OUTPUT_FIELDS = 0, 1, 2, 3, 4, 5, 6, 7

ANSWERED, MISSING, EVICTED_BEFORE, AMBIGUOUS, OVERFLOW = 0, 1, 2, 3, 4
"""What became of a request: answered · pages are missing · the past it needs was evicted · two
pages hold facts of one time that decide, so only the facts in total order can answer · a sum of
whole numbers does not fit.
"""


class PageRows(NamedTuple):
    """The rows that were read, joined, and which pages they lack.

    Shapes:
        shape: (SHAPE_FIELDS,), the layout of pages.
        words: all rows.
        starts: (rows + 1,) where each begins, and where the last ends.
        key_rows: (keys + 1,) which of them are whose: the key's own row first.
        missing: (…, 3) key, level and number of pages to fetch, written.
    """

    shape: Ints
    words: Ints
    starts: Ints
    key_rows: Ints
    missing: Ints


class WindowQuery(NamedTuple):
    """What is computed of every key.

    Args:
        edge: 1 where a window holds the facts of q itself, else 0.
        from_tiles: 1 to answer; 0 to find out only which pages of facts are needed.

    Shapes:
        lanes: (lanes, LANE_FIELDS).
        reach: (windows,) ascending: a fact is inside when event_time >= q - reach.
        outputs: (outputs, OUTPUT_FIELDS): op, lane, lane whose count says whether there is a value,
            window, is float, column, slot.
    """

    lanes: Ints
    reach: Ints
    outputs: Ints
    edge: int
    from_tiles: int


class PointRequests(NamedTuple):
    """Keys and times.  Shapes: codes (requests,) of keys, -1 for one that names nobody; times
    (requests,).
    """

    codes: Ints
    times: Ints


class PointResults(NamedTuple):
    """Where answers go.

    Shapes: bits and valid (slots, requests); outcome (requests,); note (3,): how many pages are
        missing, of which as many are listed as fit, the worst outcome, and the edition of the
        kernel.
    """

    bits: Ints
    valid: Bytes
    outcome: Ints
    note: Ints


@allocating_part
def answer_points(
    rows: PageRows, windows: WindowQuery, requests: PointRequests, results: PointResults
) -> None:
    """Answer every request."""
    answer_all(
        rows,
        windows,
        allocate_work(windows.lanes.shape[0], *count_pages(rows.words, rows.starts)),
        results,
        requests,
    )


@compiled_part
def count_pages(words: Ints, starts: Ints) -> tuple[int, int]:
    """How many pages there are, and how many tiles in them."""
    pages, tiles, page = 0, 0, starts[0]
    while page < starts[starts.size - 1]:
        pages += 1
        tiles += words[page + TILES]
        page += words[page + SIZE]
    return pages, tiles


@compiled_part
def answer_all(
    rows: PageRows, windows: WindowQuery, work: Work, results: PointResults, requests: PointRequests
) -> None:
    """Answer one request after the other."""
    worst = ANSWERED
    for request in range(requests.codes.size):
        results.outcome[request] = answer_point(
            rows,
            windows,
            work,
            results,
            request,
            requests.codes[request],
            requests.times[request],
        )
        worst = max(worst, results.outcome[request])
    results.note[0], results.note[1] = work.found[WANTED], worst


@compiled_part
def answer_point(
    rows: PageRows,
    windows: WindowQuery,
    work: Work,
    results: PointResults,
    request: int,
    key: int,
    at: int,
) -> int:
    """Answer one request, or say what is in the way."""
    begin, stop = rows_of_key(rows, key)
    wanted = work.found[WANTED]
    work.found[OPEN_PAGES] = work.found[WHOLE_TILES] = 0
    if begin < stop:
        # Checked before anything is read: a partial past must not look like a full one.
        if evicted_until(rows, begin) >= at - windows.reach[windows.reach.size - 1]:
            return EVICTED_BEFORE
        decompose(rows, windows, work, key, at)
    if work.found[WANTED] > wanted:
        return MISSING
    # The caller sweeps the facts of the pages that are now all there.
    if windows.from_tiles == 0:
        return AMBIGUOUS
    return write_answers(rows, windows, work, results, request, at)


@compiled_part
def rows_of_key(rows: PageRows, key: int) -> tuple[int, int]:
    """The first row of a key and the one after its last; none for a key that names nobody."""
    return (int(rows.key_rows[key]), int(rows.key_rows[key + 1])) if key >= 0 else (0, 0)


@compiled_part
def evicted_until(rows: PageRows, row: int) -> int:
    """The newest event time that was evicted from the key with this row; long ago if none was."""
    page, words = rows.starts[row], rows.words
    if page < rows.starts[row + 1] and words[page + LEVEL] == HEAD_LEVEL:
        page += words[page + SIZE]
    if page < rows.starts[row + 1] and words[page + LEVEL] == DIRECTORY_LEVEL:
        return int(words[page + EVICTED])
    return LONG_AGO


@compiled_part
def find_page(rows: PageRows, key: int, level: int, number: int) -> int:
    """The first word of a page among the rows of a key, or -1."""
    begin, stop = rows_of_key(rows, key)
    page = rows.starts[begin]
    while page < rows.starts[stop]:
        if rows.words[page + NUMBER_WORD] == number and rows.words[page + LEVEL] == level:
            return int(page)
        page += rows.words[page + SIZE]
    return -1


@compiled_part
def list_missing(rows: PageRows, wanted: int, key: int, tile: int) -> None:
    """List the page of a tile as missing, if there is room."""
    if wanted < rows.missing.shape[0]:
        rows.missing[wanted, 0] = key
        rows.missing[wanted, 1], rows.missing[wanted, 2] = (
            rows.words[tile + TILE_LEVEL],
            rows.words[tile + TILE_NUMBER],
        )


@compiled_part
def decompose(rows: PageRows, windows: WindowQuery, work: Work, key: int, at: int) -> None:
    """Sort the tree of one key into pages whose facts are needed and tiles that are used whole."""
    begin, _ = rows_of_key(rows, key)
    work.found[WAITING] = 0
    page = rows.starts[begin]
    while page < rows.starts[begin + 1]:
        if is_root(rows.words[page + LEVEL]):
            work.waiting[work.found[WAITING]] = page
            work.found[WAITING] += 1
        page += rows.words[page + SIZE]
    while work.found[WAITING] > 0:
        work.found[WAITING] -= 1
        page = work.waiting[work.found[WAITING]]
        if rows.words[page + FACTS] > 0:
            index = work.found[OPEN_PAGES]
            work.pages[START, index], work.pages[REST, index] = page, rows.words[page + FACTS] - 1
            work.found[OPEN_PAGES] += 1
        for index in range(rows.words[page + TILES]):
            visit_tile(rows, windows, work, key, at, tile_at(page, index, rows.shape))


@compiled_part
def visit_tile(
    rows: PageRows, windows: WindowQuery, work: Work, key: int, at: int, tile: int
) -> None:
    """Use a tile as a whole, open its page, or list the page as missing."""
    words = rows.words
    first, last = words[tile + TILE_FIRST], words[tile + TILE_LAST]
    if last < at - windows.reach[windows.reach.size - 1] or first >= at + windows.edge:
        return
    ring = ring_of(windows, first, at)
    is_stable = (
        windows.from_tiles != 0
        and words[tile + TILE_WIDE] == 0
        and words[tile + TILE_STABLE_FROM] <= at
        and last < at + windows.edge
    )
    # Of two rings a tile would have to be split, and tiles cannot be: its page is read then.
    if is_stable and ring == ring_of(windows, last, at):
        index = work.found[WHOLE_TILES]
        work.tiles[START, index], work.tiles[REST, index] = tile, ring
        work.found[WHOLE_TILES] += 1
        return
    child = find_page(rows, key, words[tile + TILE_LEVEL], words[tile + TILE_NUMBER])
    if child >= 0:
        work.waiting[work.found[WAITING]] = child
        work.found[WAITING] += 1
    else:
        list_missing(rows, work.found[WANTED], key, tile)
        work.found[WANTED] += 1


@compiled_part
def ring_of(windows: WindowQuery, time: int, at: int) -> int:
    """The smallest window that reaches back to this time; the number of windows if none does."""
    ring = 0
    while ring < windows.reach.size and time < at - windows.reach[ring]:
        ring += 1
    return ring


@compiled_part
def write_answers(
    rows: PageRows, windows: WindowQuery, work: Work, results: PointResults, request: int, at: int
) -> int:
    """Walk the rings and write the outputs of each window; what became of the request."""
    reset_summary(windows.lanes, work.cells, work.marks)
    outcome = ANSWERED
    for ring in range(windows.reach.size):
        for index in range(work.found[WHOLE_TILES]):
            if work.tiles[REST, index] == ring:
                add_tile(
                    windows.lanes, work.cells, work.marks, rows.words, work.tiles[START, index]
                )
        # Each page keeps its next fact between rings, so no fact is touched twice.
        for index in range(work.found[OPEN_PAGES]):
            add_facts_of_ring(rows, windows, work, index, at - windows.reach[ring], at)
        outcome = max(outcome, write_window(windows, work, results, ring, request, at))
    return outcome


@compiled_part
def add_facts_of_ring(
    rows: PageRows, windows: WindowQuery, work: Work, index: int, oldest: int, at: int
) -> None:
    """Add the facts of a page that are not older than the ring and have not been added yet."""
    words, page, values = rows.words, work.pages[START, index], FACT_TIMES + rows.shape[FLAG_WORDS]
    while work.pages[REST, index] >= 0:
        fact = fact_at(words, page, work.pages[REST, index], rows.shape)
        # Left for the next ring; facts of a page stand in order of time.
        if words[fact + EVENT_TIME] < oldest:
            return
        work.pages[REST, index] -= 1
        if (
            words[fact + EVENT_TIME] < at + windows.edge
            and words[fact + VISIBLE_FROM] <= at < words[fact + VISIBLE_TO]
        ):
            add_fact(windows.lanes, work.cells, work.marks, words, page, fact, values)


@compiled_part
def write_window(
    windows: WindowQuery, work: Work, results: PointResults, window: int, request: int, at: int
) -> int:
    """Write the outputs of one window from what was accumulated so far."""
    outcome = ANSWERED
    for output in range(windows.outputs.shape[0]):
        if windows.outputs[output, WINDOW] == window:
            value, is_there, became = value_of_output(windows, work, output, at)
            slot = windows.outputs[output, SLOT]
            results.bits[slot, request] = value if is_there else 0
            results.valid[slot, request] = is_there
            outcome = max(outcome, became)
    return outcome


@compiled_part
def value_of_output(
    windows: WindowQuery, work: Work, output: int, at: int
) -> tuple[int, bool, int]:
    """The bits of an output, whether there is a value, and what became of it."""
    op, lane, is_float = (
        windows.outputs[output, OP],
        windows.outputs[output, LANE],
        windows.outputs[output, IS_FLOAT] != 0,
    )
    cells, marks = work.cells, work.marks
    count = cells[windows.outputs[output, COUNTED], COUNT]
    if op == AggregateOp.COUNT_ROWS or op == AggregateOp.COUNT:
        return count, True, ANSWERED
    if op == AggregateOp.ANY or op == AggregateOp.ALL:
        # The greatest (least) of booleans, as ranks; without any, any is false and all is true.
        return (
            value_of(marks[lane, BITS], False, op == AggregateOp.ALL)
            if count > 0
            else int(op == AggregateOp.ALL),
            True,
            ANSWERED,
        )
    if count == 0:
        return 0, op == AggregateOp.SUM, ANSWERED
    if op == AggregateOp.SUM or op == AggregateOp.MEAN:
        value, fits = summed_value(
            op,
            is_float,
            cells,
            lane,
            windows.lanes.shape[0],
            marks[lane, TILE_LOW],
            marks[lane, TILE_HIGH],
            work.number,
        )
        return value, fits, ANSWERED if fits else OVERFLOW
    if op == AggregateOp.MIN or op == AggregateOp.MAX:
        return value_of(marks[lane, BITS], is_float, op == AggregateOp.MIN), True, ANSWERED
    if op == AggregateOp.SINCE_LAST:
        return at - marks[lane, TIME], True, ANSWERED
    return marks[lane, BITS], True, AMBIGUOUS if marks[lane, TIED] else ANSWERED
