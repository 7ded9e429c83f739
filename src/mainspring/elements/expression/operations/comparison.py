"""Comparison of two values, and membership in a list of constants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import OfTwo, Register, RowReading
from mainspring.elements.expression.readings.types import TypeReading, common_type, shared_type
from mainspring.elements.expression.tree import Node, Scalar
from mainspring.elements.schema import DType

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["Comparison", "IsIn"]

_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Comparison(Node):
    """`== != < <= > >=`; null if either side is; NaN equals itself and is above every number, as in
    Polars.
    """

    op: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Node
    right: Node

    def typing(self, reading: TypeReading) -> DType | None:
        left, right = reading.operands
        reading.shared(f"the comparison {self.op}", left, right)
        return DType.BOOLEAN

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        left, right = reading.operands
        dtype = shared_type(left, right)
        assert dtype is not None
        first, second = reading.brought(left, dtype), reading.brought(right, dtype)
        # With a constant on the left, Polars fails to broadcast some results of when … otherwise.
        return (
            _compare(_TURNED[self.op], second, first)
            if left.is_constant
            else _compare(self.op, first, second)
        )

    def row(self, reading: RowReading) -> Register:
        left, right = reading.operands
        dtype = shared_type(left, right)
        assert dtype is not None
        compare = (_OF_FLOATS if dtype is DType.FLOAT64 else _OF_OTHERS)[self.op]
        return reading.of_present(
            compare, reading.brought(left, dtype), reading.brought(right, dtype)
        )

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        left, right = operands
        return Written(f"{left.operand} {self.op} {right.operand}", "infix")


@dataclass(frozen=True)
class IsIn(Node):
    """Whether the value is one of these; null stays null."""

    operand: Node
    values: tuple[Scalar, ...]

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        reading.constants(self.values, "is_in")
        if operand is None or _member_type(operand.dtype, self.values):
            return DType.BOOLEAN
        kinds = sorted({_scalar_type(value) for value in self.values})
        return reading.wrong(
            "is_in",
            f"{operand.dtype} and a list of {' and '.join(kinds)}",
            "numbers, text or booleans, and values of the same type",
        )

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        among, dtype = self._among(operand.dtype)
        return reading.brought(operand, dtype).is_in(reading.series(among, dtype).implode())

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        among, dtype = self._among(operand.dtype)
        is_member = frozenset(among).__contains__
        # A set finds a NaN by its identity only.
        if any(each != each for each in among):
            return reading.of_present(
                lambda value: value != value or is_member(value), reading.brought(operand, dtype)
            )
        return reading.of_present(is_member, reading.brought(operand, dtype))

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("is_in", self.values)

    def _among(self, operand: DType) -> tuple[tuple[Scalar, ...], DType]:
        """The values, and the type that they are compared in."""
        dtype = _member_type(operand, self.values)
        assert dtype is not None
        if dtype is DType.FLOAT64:
            return tuple(float(value) for value in self.values), dtype
        return self.values, dtype


def _member_type(operand: DType, values: Iterable[Scalar]) -> DType | None:
    """The type in which `is_in` compares; None if a value is of another kind than the operand."""
    result: DType | None = (
        operand if operand in (DType.INT64, DType.FLOAT64, DType.BOOLEAN, DType.STRING) else None
    )
    for value in values:
        result = common_type(result, _scalar_type(value)) if result else None
    return result


def _scalar_type(value: Scalar) -> DType:
    match value:
        case bool():
            return DType.BOOLEAN
        case int():
            return DType.INT64
        case float():
            return DType.FLOAT64
        case str():
            return DType.STRING


def _compare(op: str, left: "pl.Expr", right: "pl.Expr") -> "pl.Expr":
    match op:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def _equal(left: float, right: float) -> bool:
    return left == right or (left != left and right != right)


def _unequal(left: float, right: float) -> bool:
    return left != right and (left == left or right == right)


def _less(left: float, right: float) -> bool:
    return left < right or (right != right and left == left)


def _at_most(left: float, right: float) -> bool:
    return left <= right or right != right


def _greater(left: float, right: float) -> bool:
    return left > right or (left != left and right == right)


def _at_least(left: float, right: float) -> bool:
    return left >= right or left != left


_OF_FLOATS: Mapping[str, OfTwo] = MappingProxyType(
    {
        "==": _equal,
        "!=": _unequal,
        "<": _less,
        "<=": _at_most,
        ">": _greater,
        ">=": _at_least,
    }
)
"""NaN equals itself and is above every number."""

_OF_OTHERS: Mapping[str, OfTwo] = MappingProxyType(
    {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
)
