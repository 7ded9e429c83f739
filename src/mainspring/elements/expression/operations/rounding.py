"""Numbers moved to one near by: to a whole one, to some digits, into a range."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import (
    INT64_MAX,
    INT64_MIN,
    NUMBERS,
    TypeReading,
)
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["WHOLE_FROM", "Ceil", "Clip", "Floor", "Round", "ceil", "floor", "round_to"]

WHOLE_FROM = 2.0**52
"""From here on every float is a whole number."""

_DIGITS = 15


@dataclass(frozen=True)
class Floor(Node):
    """The greatest whole number not above; a float stays a float."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only("floor", operand, NUMBERS)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return operand.column.floor() if reading.dtype is DType.FLOAT64 else operand.column

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        if reading.dtype is not DType.FLOAT64:
            return operand.register
        return reading.of_present(floor, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("floor")


@dataclass(frozen=True)
class Ceil(Node):
    """The least whole number not below; a float stays a float."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only("ceil", operand, NUMBERS)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return operand.column.ceil() if reading.dtype is DType.FLOAT64 else operand.column

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        if reading.dtype is not DType.FLOAT64:
            return operand.register
        return reading.of_present(ceil, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("ceil")


@dataclass(frozen=True)
class Round(Node):
    """The number times 10^digits, to the nearest whole number with ties to the even one, over
    10^digits; whole numbers stay.
    """

    operand: Node
    digits: int

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        reading.within("round", self.digits, (0, _DIGITS))
        return reading.only("round", operand, NUMBERS)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        if reading.dtype is not DType.FLOAT64:
            return operand.column
        # `round` of Polars is not used beyond whole numbers: how it scales is not promised.
        scale = 10.0**self.digits
        scaled = operand.column * scale
        divisor = reading.spread(reading.constant(scale, DType.FLOAT64))
        rounded = scaled.round(0, mode="half_to_even") / divisor
        return reading.choose(scaled.abs() < WHOLE_FROM, rounded, operand.column)

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        if reading.dtype is not DType.FLOAT64:
            return operand.register
        return reading.of_present(partial(round_to, scale=10.0**self.digits), operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("round", self.digits)


@dataclass(frozen=True)
class Clip(Node):
    """The number moved into [lower, upper]; null and NaN stay."""

    operand: Node
    lower: float | None
    upper: float | None

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        dtype = reading.only("clip", operand, NUMBERS)
        reading.constants((self.lower, self.upper), "clip")
        for bound in (self.lower, self.upper):
            if bound is not None and math.isnan(bound):
                reading.unfit("NaN", "clip", "give a number or leave the bound out")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            reading.unfit(f"[{self.lower}, {self.upper}]", "clip", "give the lower bound first")
        # Whole numbers stay whole under whole bounds; everything else is clipped as a float.
        is_whole = dtype is DType.INT64 and all(map(_is_whole, (self.lower, self.upper)))
        return dtype and (DType.INT64 if is_whole else DType.FLOAT64)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        value = reading.brought(operand, reading.dtype)
        low, high = (
            None if bound is None else reading.constant(bound, reading.dtype)
            for bound in self._bounds(reading.dtype)
        )
        return value.clip(low, high) if (low is not None or high is not None) else value

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        lower, upper = self._bounds(reading.dtype)
        value = reading.brought(operand, reading.dtype)
        if upper is not None:
            value = reading.of_present(partial(_at_most, upper), value)
        return value if lower is None else reading.of_present(partial(_at_least, lower), value)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("clip", self.lower, self.upper)

    def _bounds(self, dtype: DType) -> Iterable[float | None]:
        """Lower and upper bound as values of the type."""
        convert = int if dtype is DType.INT64 else float
        return [None if bound is None else convert(bound) for bound in (self.lower, self.upper)]


def floor(number: float) -> float:
    """The greatest whole number not above; NaN and infinities stay, and so does the sign of a
    zero.
    """
    return math.copysign(math.floor(number), number) if math.isfinite(number) else number


def ceil(number: float) -> float:
    """The least whole number not below; what is rounded up to zero from below is negative zero."""
    return math.copysign(math.ceil(number), number) if math.isfinite(number) else number


def round_to(number: float, scale: float) -> float:
    """The nearest multiple of 1 / scale, a power of ten: scaled, rounded with ties to even,
    divided.

    Unlike Python's `round` it does not look at the decimal digits of the number, because no
    vectorised rounding does.

    >>> round_to(2.5, 1.0), round_to(1234.5678, 100.0)
    (2.0, 1234.57)
    """
    scaled = number * scale
    return (
        math.copysign(round(scaled) / scale, number)
        if -WHOLE_FROM < scaled < WHOLE_FROM
        else number
    )


def _at_most(bound: float, number: float) -> float:
    """The number or the bound; NaN stays."""
    return bound if number > bound else number


def _at_least(bound: float, number: float) -> float:
    return bound if number < bound else number


def _is_whole(bound: float | None) -> bool:
    return bound is None or (float(bound).is_integer() and INT64_MIN <= bound <= INT64_MAX)
