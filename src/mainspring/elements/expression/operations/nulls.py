"""Values that may be absent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import STORABLE, TypeReading
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["FillNull", "IsNull"]

T = TypeVar("T")


@dataclass(frozen=True)
class IsNull(Node):
    """Whether the value is absent; never null itself."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        reading.only("is_null", operand, STORABLE)
        return DType.BOOLEAN

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return operand.column.is_null()

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        return reading.of_any(_is_null, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("is_null")


@dataclass(frozen=True)
class FillNull(Node):
    """The value, or another where it is absent."""

    operand: Node
    value: Node

    def typing(self, reading: TypeReading) -> DType | None:
        operand, value = reading.operands
        return reading.shared("fill_null", operand, value)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        first, second = (reading.brought(side, reading.dtype) for side in reading.operands)
        return reading.choose(first.is_null(), second, first)

    def row(self, reading: RowReading) -> Register:
        first, second = (reading.brought(side, reading.dtype) for side in reading.operands)
        return reading.of_any(_filled, first, second)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        operand, value = operands
        return operand.method("fill_null", value)


def _is_null(value: object) -> bool:
    return value is None


def _filled(value: T | None, other: T) -> T:
    return other if value is None else value
