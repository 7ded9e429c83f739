"""How the outputs of a program are answered from tiles: their lanes, the layout of a tile, and
which programs can be answered so at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal as OneOf

import numpy as np

from mainspring.features.kernel.arrays import Ints
from mainspring.features.kernel.program import (
    WHOLE_ROW,
    AggregateOp,
    OutputSpec,
    Program,
    ValueKind,
    reach_of,
)
from mainspring.features.kernel.tree.batch import PageLayout
from mainspring.features.kernel.tree.packed import pack_program
from mainspring.features.kernel.tree.page import (
    COLUMNS,
    FACT_TIMES,
    FACT_WORDS,
    FLAG_WORDS,
    FLAGS_PER_WORD,
    REFERENCES,
    SHAPE_FIELDS,
    TILE_WORDS,
)
from mainspring.features.kernel.tree.point import OUTPUT_FIELDS, WindowQuery
from mainspring.features.kernel.tree.tile import (
    TILE_LANE_FIELDS,
    TILE_STATES,
    TileSummary,
    words_of,
)

__all__ = ["TileKind", "TileProgram", "compile_tiles"]

TileKind = OneOf["sums", "newest", "facts"]

_SUMMARIES = {
    AggregateOp.COUNT_ROWS: TileSummary.TALLY,
    AggregateOp.COUNT: TileSummary.TALLY,
    AggregateOp.SUM: TileSummary.SUM,
    AggregateOp.MEAN: TileSummary.SUM,
    AggregateOp.MIN: TileSummary.LEAST,
    AggregateOp.MAX: TileSummary.GREATEST,
    AggregateOp.ANY: TileSummary.GREATEST,
    AggregateOp.ALL: TileSummary.LEAST,
    AggregateOp.LAST: TileSummary.NEWEST,
    AggregateOp.SINCE_LAST: TileSummary.NEWEST,
    AggregateOp.FIRST: TileSummary.OLDEST,
}


@dataclass(frozen=True, eq=False)
class TileProgram:
    """The tables that `grow` and `point` read.

    Args:
        kind: `sums` where every output is answered from tiles; `newest` where all are values of the
            newest fact; `facts` where tiles only say which pages a request needs, and the facts in
            them are swept.
        edge: 1 where a window holds the facts of q itself, else 0.

    Shapes:
        shape: (SHAPE_FIELDS,), the layout of pages and tiles.
        lanes: (lanes, LANE_FIELDS).
        reach: (windows,) ascending.
        outputs: (outputs, OUTPUT_FIELDS) of `point`, or (outputs, 2) of `newest`; empty for
            `facts`.
    """

    kind: TileKind
    shape: Ints
    lanes: Ints
    reach: Ints
    edge: int
    outputs: Ints

    @cached_property
    def layout(self) -> PageLayout:
        """How pages look, for `grow`."""
        return PageLayout(self.shape, self.lanes)

    @cached_property
    def windows(self) -> WindowQuery:
        """The outputs of every key, for `point`."""
        return WindowQuery(self.lanes, self.reach, self.outputs, self.edge, 1)

    @cached_property
    def packed(self) -> Ints:
        """The same in one array, for `packed`."""
        return pack_program(self.shape, self.lanes, self.reach, self.outputs, edge=self.edge)

    @cached_property
    def page_query(self) -> WindowQuery:
        """The same, to find out only which pages of facts are needed."""
        return self.windows._replace(from_tiles=0)

    @cached_property
    def longest(self) -> int:
        """How far back the longest window sees, in microseconds."""
        return int(self.reach[-1])


def compile_tiles(
    program: Program, *, kinds: Sequence[ValueKind], texts: Sequence[int]
) -> TileProgram:
    """Lay out the tiles of a program over fact columns of these kinds.

    Args:
        texts: the columns that hold text; tiles do not.
    """
    outputs = program.outputs
    if outputs and all(output.op is AggregateOp.LATEST for output in outputs):
        return _lookup_tiles(outputs, kinds=kinds, texts=texts)
    # One output that tiles cannot hold sends the whole view to its facts: they have to be read for
    # that output anyway.
    is_whole = all(
        output.op in _SUMMARIES
        and (
            output.column not in texts
            or output.op in (AggregateOp.COUNT_ROWS, AggregateOp.COUNT, AggregateOp.SINCE_LAST)
        )
        for output in outputs
    )
    reach = sorted({reach_of(output, program.closed) for output in outputs})
    lanes, rows = _Lanes(kinds), []
    for position, output in enumerate(outputs if is_whole else ()):
        column = WHOLE_ROW if output.op is AggregateOp.COUNT_ROWS else output.column
        # Every output has to know whether there is a value; equal lanes are laid out once.
        counted = lanes.add(TileSummary.TALLY, column)
        lane = lanes.add(_SUMMARIES[output.op], column)
        is_float = column != WHOLE_ROW and kinds[column] is ValueKind.FLOAT
        rows.append(
            [
                output.op,
                lane,
                counted,
                reach.index(reach_of(output, program.closed)),
                is_float,
                column,
                program.first_slot(position),
            ]
        )
    return TileProgram(
        kind="sums" if is_whole else "facts",
        shape=_shape_of(len(kinds), texts=len(texts), tile_words=lanes.words),
        lanes=np.array(lanes.rows, dtype=np.int64).reshape(-1, TILE_LANE_FIELDS),
        reach=np.array(reach, dtype=np.int64),
        edge=1 - program.tables.lag,
        outputs=np.array(rows, dtype=np.int64).reshape(-1, OUTPUT_FIELDS),
    )


def _lookup_tiles(
    outputs: Sequence[OutputSpec], *, kinds: Sequence[ValueKind], texts: Sequence[int]
) -> TileProgram:
    """A tile of a lookup knows one thing: when its newest fact happened."""
    lanes = _Lanes(kinds)
    lanes.add(TileSummary.NEWEST, WHOLE_ROW)
    columns = [
        [output.column, texts.index(output.column) if output.column in texts else -1]
        for output in outputs
    ]
    return TileProgram(
        kind="newest",
        shape=_shape_of(len(kinds), texts=len(texts), tile_words=lanes.words),
        lanes=np.array(lanes.rows, dtype=np.int64).reshape(-1, TILE_LANE_FIELDS),
        reach=np.array([max(map(reach_of, outputs))], dtype=np.int64),
        edge=0,
        outputs=np.array(columns, dtype=np.int64).reshape(-1, 2),
    )


class _Lanes:
    """Numbers lanes, each once, and lays them out in a tile."""

    def __init__(self, kinds: Sequence[ValueKind]) -> None:
        self.rows: list[list[int]] = []
        self.words = TILE_STATES
        self._kinds = kinds

    def add(self, summary: TileSummary, column: int) -> int:
        """The number of this lane."""
        for number, (kind, known, _, _) in enumerate(self.rows):
            if (kind, known) == (summary, column):
                return number
        is_float = column != WHOLE_ROW and self._kinds[column] is ValueKind.FLOAT
        self.rows.append([summary, column, int(is_float), self.words])
        self.words += words_of(summary)
        return len(self.rows) - 1


def _shape_of(columns: int, *, texts: int, tile_words: int) -> Ints:
    shape = np.zeros(SHAPE_FIELDS, dtype=np.int64)
    flags = max(-(-columns // FLAGS_PER_WORD), 1)
    shape[COLUMNS], shape[FLAG_WORDS], shape[FACT_WORDS] = (
        columns,
        flags,
        FACT_TIMES + flags + columns,
    )
    shape[REFERENCES], shape[TILE_WORDS] = 1 + texts, tile_words
    return shape
