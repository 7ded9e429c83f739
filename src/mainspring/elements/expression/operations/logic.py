"""Logic with SQL's three values: true, false and unknown."""

from dataclasses import dataclass
from operator import not_
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import TypeReading
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["Logical", "Not"]

_SIGNS = {"and": "&", "or": "|"}


@dataclass(frozen=True)
class Logical(Node):
    """`and`, `or` with SQL's three values."""

    op: OneOf["and", "or"]
    left: Node
    right: Node

    def typing(self, reading: TypeReading) -> DType | None:
        left, right = reading.operands
        reading.only(self.op, left, (DType.BOOLEAN,))
        return reading.only(self.op, right, (DType.BOOLEAN,)) and DType.BOOLEAN

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        left, right = (reading.brought(operand, DType.BOOLEAN) for operand in reading.operands)
        return left & right if self.op == "and" else left | right

    def row(self, reading: RowReading) -> Register:
        left, right = (operand.register for operand in reading.operands)
        return reading.of_any(_both if self.op == "and" else _either, left, right)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        left, right = operands
        return Written(f"{left.operand} {_SIGNS[self.op]} {right.operand}", "infix")


@dataclass(frozen=True)
class Not(Node):
    """The opposite; null stays null."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only("not", operand, (DType.BOOLEAN,))

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return ~reading.brought(operand, DType.BOOLEAN)

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        return reading.of_present(not_, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        [operand] = operands
        return Written(f"~{operand.operand}", "sign")


def _both(left: bool | None, right: bool | None) -> bool | None:
    # Python's own `and` would call null and false null; one side decides whatever the other is.
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False
