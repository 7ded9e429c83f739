"""The nodes of an expression: a closed union of frozen records, serialisable as they stand.

The tree says what is meant; `infer` types it, `columns` runs it over Polars columns, `row` compiles it for one row.  A law in the tests holds the last
two equal on every value.
"""

from dataclasses import dataclass
from typing import Literal as OneOf

from mainspring.elements.schema import DType

__all__ = [
    "Aggregation",
    "AggregationName",
    "Arithmetic",
    "Cast",
    "Clip",
    "Column",
    "Comparison",
    "DatePart",
    "FillNull",
    "IsIn",
    "IsNull",
    "Literal",
    "LocalTime",
    "Logical",
    "Negate",
    "Node",
    "Not",
    "Scalar",
    "When",
    "input_columns",
]

Scalar = bool | int | float | str
AggregationName = OneOf["count", "sum", "mean", "min", "max", "last"]


@dataclass(frozen=True)
class Column:
    """The value of a column of the row."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A constant; timestamps and durations are int64 microseconds with their type."""

    value: Scalar | None
    dtype: DType


@dataclass(frozen=True)
class Arithmetic:
    """`+ - * /` on numbers, and `+ -` between timestamps and durations; null if either side is."""

    op: OneOf["+", "-", "*", "/"]
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Negate:
    """The number with its sign turned."""

    operand: "Node"


@dataclass(frozen=True)
class Comparison:
    """`== != < <= > >=`; null if either side is; NaN equals itself and is above every number, as in Polars."""

    op: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Logical:
    """`and`, `or` with SQL's three values."""

    op: OneOf["and", "or"]
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Not:
    """The opposite; null stays null."""

    operand: "Node"


@dataclass(frozen=True)
class IsNull:
    """Whether the value is absent; never null itself."""

    operand: "Node"


@dataclass(frozen=True)
class FillNull:
    """The value, or another where it is absent."""

    operand: "Node"
    value: "Node"


@dataclass(frozen=True)
class Clip:
    """The number moved into [lower, upper]; null and NaN stay."""

    operand: "Node"
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class IsIn:
    """Whether the value is one of these; null stays null."""

    operand: "Node"
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Cast:
    """The value as another type; what does not fit is null."""

    operand: "Node"
    dtype: DType


@dataclass(frozen=True)
class When:
    """One value where a condition holds, another where it does not or is null."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True)
class LocalTime:
    """A timestamp read on the clock of a time zone of the IANA database."""

    operand: "Node"
    zone: str


@dataclass(frozen=True)
class DatePart:
    """A part of a date: weekday is 1 on Monday, ordinal_day 1 on the first of January."""

    operand: "Node"
    part: OneOf["year", "month", "day", "hour", "minute", "second", "weekday", "ordinal_day"]


Node = Column | Literal | Arithmetic | Negate | Comparison | Logical | Not | IsNull | FillNull | Clip | IsIn | Cast | When | LocalTime | DatePart


@dataclass(frozen=True)
class Aggregation:
    """What to make of the values in a window: `count()` of rows has no operand."""

    name: AggregationName
    operand: Node | None


def input_columns(node: Node) -> tuple[str, ...]:
    """The columns that the expression reads, sorted, each once."""
    found: set[str] = set()
    stack: list[Node] = [node]
    while stack:
        match stack.pop():
            case Column(name):
                found.add(name)
            case Literal():
                pass
            case Arithmetic(_, left, right) | Comparison(_, left, right) | Logical(_, left, right):
                stack += [left, right]
            case FillNull(operand, value):
                stack += [operand, value]
            case When(condition, then, otherwise):
                stack += [condition, then, otherwise]
            case Negate(operand) | Not(operand) | IsNull(operand):
                stack.append(operand)
            case Clip(operand=operand) | IsIn(operand=operand) | Cast(operand=operand) | LocalTime(operand=operand) | DatePart(operand=operand):
                stack.append(operand)
    return tuple(sorted(found))
