"""The nodes of an expression: frozen records, serialisable as they stand, each with its readings.

A node is an operation over the nodes below it.  It has four readings, each made of those of its
operands: its type, how it is computed over Polars columns, how for one row, and how a user writes
it.  The four stand in one class, beside each other, because they have to say the same: a law in the
tests holds columns and row equal on every value.  A family of operations is a module of
`operations`; here are the contract and the two leaves.

The name of a class and of its fields are data: definitions kept with models and fingerprints are
made of them, so they never change.

Tried before: a module for each reading, with a `match` over all nodes in each. An operation was
then spread over five files, and its type was derived in three of them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mainspring.elements.expression.readings.notation import Written, render_constant
from mainspring.elements.expression.readings.rows import Register, RowReading, Scalar
from mainspring.elements.expression.readings.types import TypeReading, unknown_column
from mainspring.elements.schema import DType
from mainspring.elements.time import format_duration, format_instant

if TYPE_CHECKING:
    import polars as pl

    # Declarations import nodes, and must not import Polars.
    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["Column", "Literal", "Node", "Scalar", "input_columns", "is_absent"]


@dataclass(frozen=True)
class Node(ABC):
    """A part of an expression."""

    @property
    def operands(self) -> tuple["Node", ...]:
        """The expressions that this one is made of, in the order of its fields."""
        parts = (getattr(self, field.name) for field in fields(self))
        return tuple(part for part in parts if isinstance(part, Node))

    @abstractmethod
    def typing(self, reading: TypeReading) -> DType | None:
        """The type of the value; None if a fault, which is noted in the reading, hides it.

        Every check is made, whichever has failed before: a declaration gets all its faults at once.
        The other readings ask for nothing that this one has not let pass.
        """

    @abstractmethod
    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        """The value over columns, in the physical form of the reading's type.  The value of a row
        must not depend on the other rows of its batch.
        """

    @abstractmethod
    def row(self, reading: RowReading) -> Register:
        """The register that holds the value for one row, equal to the columns' to the bit."""

    @abstractmethod
    def notation(self, operands: tuple[Written, ...], /) -> Written:
        """The expression as a user writes it."""


@dataclass(frozen=True)
class Column(Node):
    """The value of a column of the row."""

    name: str

    def typing(self, reading: TypeReading) -> DType | None:
        if self.name not in reading.schema:
            reading.faults.append(unknown_column(self.name, reading.schema))
            return None
        dtype = reading.schema[self.name].dtype
        if not dtype.is_list:
            return dtype
        return reading.wrong(
            f"the column {self.name!r} in an expression", dtype, "a column of single values"
        )

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        return reading.column(self.name)

    def row(self, reading: RowReading) -> Register:
        return reading.program.column(self.name)

    def notation(self, _: tuple[Written, ...], /) -> Written:
        return Written(f'col("{self.name}")')


@dataclass(frozen=True)
class Literal(Node):
    """A constant; timestamps and durations are int64 microseconds with their type."""

    value: Scalar | None
    dtype: DType

    def typing(self, reading: TypeReading) -> DType | None:
        reading.constant(self.value, "an expression")
        return self.dtype

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        return reading.constant(self.value, self.dtype)

    def row(self, reading: RowReading) -> Register:
        return reading.program.constant(self.value, reading.dtype)

    def notation(self, _: tuple[Written, ...], /) -> Written:
        match self:
            case Literal(int(micros), DType.DURATION):
                return Written(format_duration(micros) if micros > 0 else f"{micros}us")
            case Literal(int(micros), DType.TIMESTAMP):
                return Written(format_instant(micros))
            case Literal(str(text)):
                return Written(f'"{text}"')
            case _:
                return Written(render_constant(self.value))


def is_absent(node: Node) -> bool:
    """Whether the node is the literal None, which takes the type of what stands beside it."""
    return isinstance(node, Literal) and node.value is None


def input_columns(node: Node) -> tuple[str, ...]:
    """The columns that the expression reads, sorted, each once."""
    found: set[str] = set()
    stack: list[Node] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, Column):
            found.add(part.name)
        stack += part.operands
    return tuple(sorted(found))
