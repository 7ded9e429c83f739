"""The reading that evaluates an operation over Polars columns.

An operation is written with the operators and methods that a Polars expression has; what needs
Polars itself stands here as a method.  So a module of operations imports no Polars, and declaring
an expression costs none.

One trap decides the shape of this module.  When one side of a float operation has one value for all
rows, Polars takes short cuts: it multiplies by the reciprocal instead of dividing, and drops `+
0.0`.  Both change the last bit or the sign of some results, so the same row would give another
value in another batch.  `spread` multiplies such a side by a column of ones, which Polars cannot
see through, and the exact operation runs.

Where Polars has an operation of its own that may differ from the row's in a bit, a letter or a
change of clocks, the function of one value is called for every value instead (`each`, `pairs`,
`mapped`, `over_present`).  The two evaluators then agree because there is nothing to disagree.

Cost on one core: 0.1 µs a value for `each` and `pairs`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np
import polars as pl

from mainspring.elements.expression.readings.types import TIMES, Operand
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Field
from mainspring.elements.values.columns import reading_of

__all__ = ["ColumnOperand", "ColumnReading", "Numbers", "physical_type"]

Numbers = (
    np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    | np.ndarray[tuple[int, ...], np.dtype[np.float64]]
)
"""An array of numbers of 64 bits."""


@dataclass(frozen=True, kw_only=True)
class ColumnOperand(Operand):
    """An operand as a Polars expression in physical form: instants and durations are int64
    microseconds.

    Args:
        is_constant: it reads no column.
    """

    column: pl.Expr
    is_constant: bool


def physical_type(dtype: DType) -> pl.DataType:
    """The Polars type that values of a type are computed in."""
    return pl.Int64() if dtype in TIMES else STORED[dtype]


@dataclass(frozen=True)
class ColumnReading:
    """One operation being evaluated over columns: its operands, its type, and Polars."""

    operands: tuple[ColumnOperand, ...]
    dtype: DType

    def column(self, name: str) -> pl.Expr:
        """A column of the frame, of the operation's type."""
        stored = pl.col(name).cast(STORED[self.dtype])
        return stored.cast(pl.Int64) if self.dtype in TIMES else stored

    def constant(self, value: object, dtype: DType) -> pl.Expr:
        """A value in every row."""
        return pl.lit(value, dtype=physical_type(dtype))

    def series(self, values: Iterable[object], dtype: DType) -> pl.Series:
        """These values, as a column by itself."""
        return pl.Series(list(values), dtype=physical_type(dtype))

    def brought(self, operand: ColumnOperand, dtype: DType) -> pl.Expr:
        """The operand as another type: None takes it, a whole number becomes a float."""
        if operand.is_absent:
            return self.constant(None, dtype)
        return operand.column if operand.dtype == dtype else self.cast(operand.column, dtype)

    def cast(self, column: pl.Expr, dtype: DType, *, strict: bool = True) -> pl.Expr:
        """Polars' cast; not strict: what does not fit is null."""
        return column.cast(physical_type(dtype), strict=strict)

    def read(self, operand: ColumnOperand, dtype: DType) -> pl.Expr:
        """The operand read as what arrives is read; what is no value of the type is null."""
        read = reading_of(operand.column, STORED[operand.dtype], Field("", dtype))
        return read.cast(physical_type(dtype))

    def choose(
        self, condition: pl.Expr, then: pl.Expr, otherwise: pl.Expr | None = None
    ) -> pl.Expr:
        """One column where the condition holds, another (or null) where it does not or is null."""
        return pl.when(condition).then(then).otherwise(otherwise)

    def within(self, instants: pl.Expr, bounds: tuple[int, int]) -> pl.Expr:
        """The instants that lie in [first, end); null in place of the others."""
        return self.choose((instants >= bounds[0]) & (instants < bounds[1]), instants)

    def clock(self, instants: pl.Expr) -> pl.Expr:
        """Microseconds since 1970 as a date and time of no zone."""
        return instants.cast(pl.Int64).cast(pl.Datetime("us"))

    def spread(self, side: pl.Expr) -> pl.Expr:
        """The side of a float operation, hidden from Polars' short cuts for constants."""
        return side * (pl.int_range(pl.len()) * 0 + 1)

    def each(self, function: Callable[[float], float], operand: pl.Expr) -> pl.Expr:
        """A function of one float, called for every value that is present."""
        return self.over_present(partial(_each, function), operand)

    def pairs(
        self, function: Callable[[float, float], float], left: pl.Expr, right: pl.Expr
    ) -> pl.Expr:
        """A function of two floats, called for every row in which both are present."""
        return pl.map_batches(
            [left, right],
            lambda sides: _pairs(function, sides),
            return_dtype=pl.Float64(),
            is_elementwise=True,
        )

    def mapped(self, function: Callable[[pl.Series], pl.Series], operand: pl.Expr) -> pl.Expr:
        """A function of a column of any length, which gives the operation's type."""
        return operand.map_batches(
            function, return_dtype=physical_type(self.dtype), is_elementwise=True
        )

    def over_present(self, function: Callable[[pl.Series], Numbers], operand: pl.Expr) -> pl.Expr:
        """A function of the values that are present, which gives an array of as many; null stays
        null.
        """
        return self.mapped(partial(_over_present, function), operand)

    def once_each(self, function: Callable[[int], int | None], numbers: pl.Series) -> pl.Series:
        """A function of a whole number, called once for every different one among numbers that are
        all present and lie near each other: memory is taken for all from the least to the greatest.
        """
        if numbers.is_empty():
            return numbers
        values = numbers.to_numpy()
        places = values - values.min()
        seen = np.zeros(places.max() + 1, np.bool_)
        seen[places] = True
        different = np.flatnonzero(seen) + values.min()
        results = self.series(map(function, different.tolist()), DType.INT64)
        return results.gather((np.cumsum(seen) - 1)[places])


def _each(function: Callable[[float], float], present: pl.Series) -> Numbers:
    return np.fromiter(map(function, present.to_list()), np.float64, len(present))


def _pairs(function: Callable[[float, float], float], sides: Sequence[pl.Series]) -> pl.Series:
    """Either side may be one value for all rows."""
    left, right = sides
    length = max(len(left), len(right)) if len(left) and len(right) else 0
    values = [repeat(side[0], length) if len(side) == 1 else side.to_list() for side in sides]
    return pl.Series(
        [
            None if one is None or other is None else function(one, other)
            for one, other in zip(*values, strict=True)
        ],
        dtype=pl.Float64,
    )


def _over_present(function: Callable[[pl.Series], Numbers], column: pl.Series) -> pl.Series:
    present = column.is_not_null()
    values = pl.Series(function(column.drop_nulls()))
    if present.all():
        return values
    places = pl.select(pl.when(present).then(present.cast(pl.Int64).cum_sum() - 1)).to_series()
    return values.gather(places)
