"""Arithmetic: `+ - * / // % **`, the sign and the absolute value.

Python's arithmetic raises where IEEE 754 has an answer (a division by zero, a power beyond the
range of floats); the functions here are total, and the same wherever they are called.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import add, mul, neg, sub
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import OfTwo, Register, RowReading
from mainspring.elements.expression.readings.types import NUMBERS, TypeReading
from mainspring.elements.expression.tree import Literal, Node
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = [
    "Abs",
    "Arithmetic",
    "Negate",
    "divide",
    "floor_divide",
    "modulo",
    "power",
]

_SPANS = {
    ("+", DType.TIMESTAMP, DType.DURATION): DType.TIMESTAMP,
    ("+", DType.DURATION, DType.TIMESTAMP): DType.TIMESTAMP,
    ("-", DType.TIMESTAMP, DType.DURATION): DType.TIMESTAMP,
    ("-", DType.TIMESTAMP, DType.TIMESTAMP): DType.DURATION,
    ("+", DType.DURATION, DType.DURATION): DType.DURATION,
    ("-", DType.DURATION, DType.DURATION): DType.DURATION,
    ("/", DType.DURATION, DType.DURATION): DType.FLOAT64,
    ("//", DType.DURATION, DType.DURATION): DType.INT64,
    ("%", DType.DURATION, DType.DURATION): DType.DURATION,
    ("*", DType.DURATION, DType.INT64): DType.DURATION,
    ("*", DType.INT64, DType.DURATION): DType.DURATION,
    ("//", DType.DURATION, DType.INT64): DType.DURATION,
    ("+", DType.STRING, DType.STRING): DType.STRING,
}
_MEANT = "two numbers, two texts for +, or timestamps and durations that make sense together"
_OFFSET, _MASK = 2**63, 2**64 - 1
_INSTEAD = {"//": "(x / y).floor()", "%": "x - (x / y).floor() * y"}
_UNSETTLED_DIVISION = (
    "Polars rounds the quotient down, Python divides exactly: 1.0 // 0.1 is 10 in one and "
    "9 in the other"
)


@dataclass(frozen=True)
class Arithmetic(Node):
    """`+ - * / // % **` on numbers, the meaningful ones on timestamps and durations, `+` on text;
    null if either side is.

    Whole numbers wrap at 64 bits.  `//` rounds down and `%` has the sign of the divisor, both on
    whole numbers and durations only; a zero divisor gives null.  `/` and `**` give floats.
    """

    op: OneOf["+", "-", "*", "/", "//", "%", "**"]
    left: Node
    right: Node

    def typing(self, reading: TypeReading) -> DType | None:
        left, right = reading.operands
        if left is None or right is None:
            return None
        name, operands = f"the operator {self.op}", f"{left.dtype} and {right.dtype}"
        rounds_down = self.op in ("//", "%")
        is_whole = left.dtype == right.dtype == DType.INT64
        if rounds_down and left.dtype.is_number and right.dtype.is_number and not is_whole:
            return reading.unsettled(
                name,
                operands,
                why=_UNSETTLED_DIVISION,
                instead=f"cast to int64, or write {_INSTEAD[self.op]}",
            )
        if rounds_down and isinstance(self.right, Literal) and self.right.value == 0:
            reading.unfit(
                "0",
                f"a division by {self.op}",
                "divide by another number: by zero all would be null",
            )
        dtype = _arithmetic_type(self.op, left.dtype, right.dtype)
        return dtype or reading.wrong(name, operands, _MEANT)

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        left, right = (operand.column for operand in reading.operands)
        if reading.dtype is not DType.FLOAT64:
            return _of_whole(self.op, left, right)
        left, right = (reading.cast(side, DType.FLOAT64) for side in (left, right))
        match self.op:
            case "*":
                return left * right
            case "/":
                return left / reading.spread(right)
            case "**":
                return reading.pairs(power, left, right)
        if not self._rules_zero_out():
            left, right = reading.spread(left), reading.spread(right)
        return left + right if self.op == "+" else left - right

    def row(self, reading: RowReading) -> Register:
        if reading.dtype is DType.FLOAT64:
            left, right = (reading.brought(operand, DType.FLOAT64) for operand in reading.operands)
            return reading.of_present(_OF_FLOATS[self.op], left, right)
        left, right = (operand.register for operand in reading.operands)
        is_text = reading.dtype is DType.STRING
        return reading.of_present(add if is_text else _OF_WHOLE[self.op], left, right)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        left, right = operands
        return Written(f"{left.operand} {self.op} {right.operand}", "infix")

    def _rules_zero_out(self) -> bool:
        """Whether a constant side rules Polars' short cut for zero out; a zero on the other side
        then does no harm either.
        """
        return any(
            isinstance(side, Literal) and isinstance(side.value, int | float) and side.value != 0
            for side in (self.left, self.right)
        )


@dataclass(frozen=True)
class Negate(Node):
    """The number with its sign turned."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only("the sign -", operand, (*NUMBERS, DType.DURATION))

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return -operand.column

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        is_float = reading.dtype is DType.FLOAT64
        return reading.of_present(neg if is_float else _wrapped_opposite, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        [operand] = operands
        return Written(f"-{operand.operand}", "sign")


@dataclass(frozen=True)
class Abs(Node):
    """The number or duration without its sign; the least whole number has no opposite and stays."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        return reading.only("abs", operand, (*NUMBERS, DType.DURATION))

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        return operand.column.abs()

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        is_float = reading.dtype is DType.FLOAT64
        return reading.of_present(abs if is_float else _wrapped_size, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("abs")


def divide(left: float, right: float) -> float:
    """The quotient as IEEE 754 has it: infinite over zero, NaN of zero over zero."""
    if right != 0.0:
        return left / right
    if left == 0.0 or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def floor_divide(left: int, right: int) -> int | None:
    """The quotient rounded down, wrapped to 64 bits; null over zero."""
    return _wrapped(left // right) if right else None


def modulo(left: int, right: int) -> int | None:
    """What `floor_divide` leaves, with the sign of the divisor; null over zero."""
    return left % right if right else None


def power(number: float, exponent: float) -> float:
    """C's `pow`, infinite where it overflows or has a pole, NaN for a fractional power of a
    negative number.

    It is called value by value in both evaluators, for the reason that `elementary` tells.
    """
    try:
        return math.pow(number, exponent)
    except OverflowError:
        return _infinity_of(number, exponent)
    except ValueError:
        return _infinity_of(number, exponent) if number == 0.0 else math.nan


def _wrapped(number: int) -> int:
    """Two's complement of 64 bits, as Polars' integers wrap."""
    return (number + _OFFSET & _MASK) - _OFFSET


def _wrapped_sum(left: int, right: int) -> int:
    return (left + right + _OFFSET & _MASK) - _OFFSET


def _wrapped_difference(left: int, right: int) -> int:
    return (left - right + _OFFSET & _MASK) - _OFFSET


def _wrapped_product(left: int, right: int) -> int:
    return (left * right + _OFFSET & _MASK) - _OFFSET


def _wrapped_opposite(number: int) -> int:
    return _wrapped(-number)


def _wrapped_size(number: int) -> int:
    return _wrapped(abs(number))


def _infinity_of(number: float, exponent: float) -> float:
    """The infinity that a power tends to: of the number's sign if the exponent is odd."""
    return math.copysign(math.inf, number) if math.fmod(exponent, 2.0) in (1.0, -1.0) else math.inf


def _arithmetic_type(op: str, left: DType, right: DType) -> DType | None:
    """The type of `left op right`; None if the operation makes no sense."""
    if not (left.is_number and right.is_number):
        return _SPANS.get((op, left, right))
    if left == right == DType.INT64 and op not in ("/", "**"):
        return DType.INT64
    return None if op in ("//", "%") else DType.FLOAT64


def _of_whole(op: str, left: "pl.Expr", right: "pl.Expr") -> "pl.Expr":
    """Arithmetic of whole numbers, which wrap and are null over zero, and the joining of texts."""
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case _:
            return left % right


_OF_FLOATS: Mapping[str, OfTwo] = MappingProxyType(
    {"+": add, "-": sub, "*": mul, "/": divide, "**": power}
)
_OF_WHOLE: Mapping[str, OfTwo] = MappingProxyType(
    {
        "+": _wrapped_sum,
        "-": _wrapped_difference,
        "*": _wrapped_product,
        "//": floor_divide,
        "%": modulo,
    }
)
