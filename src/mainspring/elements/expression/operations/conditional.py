"""The choice between two values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import TypeReading
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["When"]

T = TypeVar("T")


@dataclass(frozen=True)
class When(Node):
    """One value where a condition holds, another where it does not or is null."""

    condition: Node
    then: Node
    otherwise: Node

    def typing(self, reading: TypeReading) -> DType | None:
        condition, then, otherwise = reading.operands
        reading.only("when", condition, (DType.BOOLEAN,))
        return reading.shared("then … otherwise", then, otherwise)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        condition, then, otherwise = reading.operands
        return reading.choose(
            reading.brought(condition, DType.BOOLEAN),
            reading.brought(then, reading.dtype),
            reading.brought(otherwise, reading.dtype),
        )

    def row(self, reading: RowReading) -> Register:
        condition, then, otherwise = reading.operands
        return reading.of_any(
            _chosen,
            condition.register,
            reading.brought(then, reading.dtype),
            reading.brought(otherwise, reading.dtype),
        )

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        condition, then, otherwise = operands
        return Written(f"when({condition.text}).then({then.text}).otherwise({otherwise.text})")


def _chosen(condition: bool | None, then: T, otherwise: T) -> T:
    return then if condition else otherwise
