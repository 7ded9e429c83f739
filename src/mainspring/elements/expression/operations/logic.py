"""Logic with SQL's three values: true, false and unknown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import RowReading
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

    def row(self, reading: RowReading) -> str:
        left, right = (reading.code.variable(operand.text) for operand in reading.operands)
        # Python's own `and` would call null and false null; one side decides whatever the other is.
        decides, other = ("False", "True") if self.op == "and" else ("True", "False")
        return reading.code.let(
            f"{decides} if {left} is {decides} or {right} is {decides} else "
            f"None if {left} is None or {right} is None else {other}"
        )

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

    def row(self, reading: RowReading) -> str:
        [operand] = reading.operands
        return reading.code.when_present((operand.text,), f"not {operand.text}")

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        [operand] = operands
        return Written(f"~{operand.operand}", "sign")
