"""Lanes: the kinds of intermediate state, and their numbering."""

from collections.abc import Sequence
from enum import IntEnum

__all__ = ["WHOLE_ROW", "Lane", "LaneBook", "ValueKind"]

WHOLE_ROW = -1
"""The column of a lane that looks at facts whatever they hold."""


class ValueKind(IntEnum):
    """What the 64 bits of a value mean; booleans are integers 0 and 1."""

    INTEGER = 0
    FLOAT = 1


class Lane(IntEnum):
    """Kinds of intermediate state, in families that the sweep distinguishes by their order.

    * Additive, so that what expires can be subtracted exactly: how many values, how many that are
      not zero, their sum, the sum of their squares.
    * NEWEST: the position of the newest value.
    * A tree of ranks, whose greatest is queried: the least value, the greatest, the oldest, the
      most recent.
    * A multiset: of values, of what a sketch sees of them (parameter: its precision), of log-linear
      buckets, of bins (their edges, as ranks), of places in a list (what it lists, canonical).
    """

    TALLY = 0
    TRUTHS = 1
    SUM = 2
    SQUARES = 3
    NEWEST = 4
    LEAST = 5
    GREATEST = 6
    OLDEST = 7
    RECENT = 8
    VALUES = 9
    SKETCH = 10
    BUCKETS = 11
    BINS = 12
    LISTED = 13


class LaneBook:
    """Numbers the lanes that a list of outputs needs, each once; `rows` is what the sweep reads of
    them.

    A row holds the column or `WHOLE_ROW`, the `Lane`, the `ValueKind` of the column, where the
    lane's parameters begin, how many there are, and its place among the trees or the multisets.
    """

    WIDTH = 6

    def __init__(self, kinds: Sequence[ValueKind]) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.trees = 0
        self.bags = 0
        self._known: dict[tuple[int, Lane, tuple[int, ...]], int] = {}
        self._kinds = kinds

    def number(
        self, column: int, lane: Lane, *, parameters: Sequence[int] = (), offset: int = 0
    ) -> int:
        """The number of a lane over a column.

        Args:
            parameters: What distinguishes lanes of one kind and column.
            offset: Where these stand among the program's parameters; the first such lane's is kept.
        """
        key = (column, lane, tuple(parameters))
        if key not in self._known:
            self._known[key] = len(self.rows)
            kind = ValueKind.INTEGER if column == WHOLE_ROW else self._kinds[column]
            self.rows.append(
                (
                    column,
                    lane,
                    kind,
                    offset,
                    len(parameters),
                    self.bags if lane >= Lane.VALUES else self.trees,
                )
            )
            # Trees and multisets are numbered apart: only lanes that have one take memory for it.
            self.trees += Lane.LEAST <= lane < Lane.VALUES
            self.bags += lane >= Lane.VALUES
        return self._known[key]

    def holds(self, lane: Lane) -> bool:
        """Whether there is a lane of this kind."""
        return any(kind is lane for _, kind, _ in self._known)
