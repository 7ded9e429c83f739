"""How a user writes expressions: `col("dep_delay").clip(-30, 240).mean()`, with Polars' names and Python's operators.

`Expr` only builds; the tree is in `.node`.  It is not hashable and has no truth value, because `==`, `and` and `if` on it would lie.
"""

from datetime import date, datetime
from typing import NoReturn

from mainspring.elements.expression.tree import (
    Aggregation,
    Arithmetic,
    Cast,
    Clip,
    Column,
    Comparison,
    DatePart,
    FillNull,
    IsIn,
    IsNull,
    Literal,
    LocalTime,
    Logical,
    Negate,
    Node,
    Not,
    Scalar,
    When,
)
from mainspring.elements.schema import DType
from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND, parse_instant

__all__ = ["Expr", "col", "count", "days", "hours", "lit", "minutes", "node_of", "seconds", "timestamp", "when"]


def node_of(value: object) -> Node:
    """The node that a Python value or an expression stands for."""
    match value:
        case Expr():
            return value.node
        case None:
            return Literal(None, DType.FLOAT64)
        case bool():
            return Literal(value, DType.BOOLEAN)
        case int():
            return Literal(value, DType.INT64)
        case float():
            return Literal(value, DType.FLOAT64)
        case str():
            return Literal(value, DType.STRING)
        case datetime() | date():
            return Literal(parse_instant(value), DType.TIMESTAMP)
        case _:
            raise TypeError(f"{type(value).__name__} cannot stand in an expression")


class DateTime:
    """The parts of a timestamp: `col("at").dt.hour()`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def convert_time_zone(self, zone: str) -> "Expr":
        """The same instant on the clock of an IANA time zone."""
        return Expr(LocalTime(self._node, zone))

    def year(self) -> "Expr":
        """The year."""
        return Expr(DatePart(self._node, "year"))

    def month(self) -> "Expr":
        """The month, 1–12."""
        return Expr(DatePart(self._node, "month"))

    def day(self) -> "Expr":
        """The day of the month, 1–31."""
        return Expr(DatePart(self._node, "day"))

    def hour(self) -> "Expr":
        """The hour, 0–23."""
        return Expr(DatePart(self._node, "hour"))

    def minute(self) -> "Expr":
        """The minute, 0–59."""
        return Expr(DatePart(self._node, "minute"))

    def second(self) -> "Expr":
        """The second, 0–59."""
        return Expr(DatePart(self._node, "second"))

    def weekday(self) -> "Expr":
        """The day of the week, 1 on Monday."""
        return Expr(DatePart(self._node, "weekday"))

    def ordinal_day(self) -> "Expr":
        """The day of the year, 1 on the first of January."""
        return Expr(DatePart(self._node, "ordinal_day"))


class Expr:
    """An expression over the columns of one row."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, node: Node) -> None:
        self.node = node

    def __repr__(self) -> str:
        return f"Expr({self.node!r})"

    def __bool__(self) -> NoReturn:
        raise TypeError("an expression has no truth value: write & | ~ instead of and, or, not")

    def __add__(self, other: object) -> "Expr":
        return Expr(Arithmetic("+", self.node, node_of(other)))

    def __radd__(self, other: object) -> "Expr":
        return Expr(Arithmetic("+", node_of(other), self.node))

    def __sub__(self, other: object) -> "Expr":
        return Expr(Arithmetic("-", self.node, node_of(other)))

    def __rsub__(self, other: object) -> "Expr":
        return Expr(Arithmetic("-", node_of(other), self.node))

    def __mul__(self, other: object) -> "Expr":
        return Expr(Arithmetic("*", self.node, node_of(other)))

    def __rmul__(self, other: object) -> "Expr":
        return Expr(Arithmetic("*", node_of(other), self.node))

    def __truediv__(self, other: object) -> "Expr":
        return Expr(Arithmetic("/", self.node, node_of(other)))

    def __rtruediv__(self, other: object) -> "Expr":
        return Expr(Arithmetic("/", node_of(other), self.node))

    def __neg__(self) -> "Expr":
        return Expr(Negate(self.node))

    def __eq__(self, other: object) -> "Expr":  # type: ignore[override]
        return Expr(Comparison("==", self.node, node_of(other)))

    def __ne__(self, other: object) -> "Expr":  # type: ignore[override]
        return Expr(Comparison("!=", self.node, node_of(other)))

    def __lt__(self, other: object) -> "Expr":
        return Expr(Comparison("<", self.node, node_of(other)))

    def __le__(self, other: object) -> "Expr":
        return Expr(Comparison("<=", self.node, node_of(other)))

    def __gt__(self, other: object) -> "Expr":
        return Expr(Comparison(">", self.node, node_of(other)))

    def __ge__(self, other: object) -> "Expr":
        return Expr(Comparison(">=", self.node, node_of(other)))

    def __and__(self, other: object) -> "Expr":
        return Expr(Logical("and", self.node, node_of(other)))

    def __or__(self, other: object) -> "Expr":
        return Expr(Logical("or", self.node, node_of(other)))

    def __invert__(self) -> "Expr":
        return Expr(Not(self.node))

    def is_null(self) -> "Expr":
        """Whether the value is absent."""
        return Expr(IsNull(self.node))

    def fill_null(self, value: object) -> "Expr":
        """The value, or another where it is absent."""
        return Expr(FillNull(self.node, node_of(value)))

    def clip(self, lower: float | None = None, upper: float | None = None) -> "Expr":
        """The number moved into [lower, upper]."""
        return Expr(Clip(self.node, lower, upper))

    def is_in(self, values: list[Scalar]) -> "Expr":
        """Whether the value is one of these."""
        return Expr(IsIn(self.node, tuple(values)))

    def cast(self, dtype: DType) -> "Expr":
        """The value as another type; what does not fit is null."""
        return Expr(Cast(self.node, dtype))

    @property
    def dt(self) -> DateTime:
        """The parts of a timestamp."""
        return DateTime(self.node)

    def count(self) -> Aggregation:
        """How many values are not null."""
        return Aggregation("count", self.node)

    def sum(self) -> Aggregation:
        """The exact sum, rounded once; 0 of nothing."""
        return Aggregation("sum", self.node)

    def mean(self) -> Aggregation:
        """The exact mean, rounded once; null of nothing; of a boolean the share that is true."""
        return Aggregation("mean", self.node)

    def min(self) -> Aggregation:
        """The least value; null of nothing."""
        return Aggregation("min", self.node)

    def max(self) -> Aggregation:
        """The greatest value; null of nothing."""
        return Aggregation("max", self.node)

    def last(self) -> Aggregation:
        """The value of the newest event that has one, by (event time, source, id)."""
        return Aggregation("last", self.node)


class _When:
    """`when(condition).then(value)`, waiting for `.otherwise(value)`."""

    def __init__(self, condition: Node, then: Node | None = None) -> None:
        self._condition, self._then = condition, then

    def then(self, value: object) -> "_When":
        """The value where the condition holds."""
        return _When(self._condition, node_of(value))

    def otherwise(self, value: object) -> Expr:
        """The value where it does not hold or is null."""
        if self._then is None:
            raise TypeError("when(condition) needs .then(value) before .otherwise(value)")
        return Expr(When(self._condition, self._then, node_of(value)))


def col(name: str) -> Expr:
    """The value of a column."""
    return Expr(Column(name))


def lit(value: object) -> Expr:
    """A constant."""
    return Expr(node_of(value))


def when(condition: Expr) -> _When:
    """Begin `when(condition).then(value).otherwise(value)`."""
    return _When(condition.node)


def count() -> Aggregation:
    """How many rows are in the window, nulls and all."""
    return Aggregation("count", None)


def timestamp(text: str) -> Expr:
    """A constant instant, ISO 8601; without a zone it is UTC."""
    return Expr(Literal(parse_instant(text), DType.TIMESTAMP))


def seconds(number: int) -> Expr:
    """A length of time."""
    return Expr(Literal(number * SECOND, DType.DURATION))


def minutes(number: int) -> Expr:
    """A length of time."""
    return Expr(Literal(number * MINUTE, DType.DURATION))


def hours(number: int) -> Expr:
    """A length of time."""
    return Expr(Literal(number * HOUR, DType.DURATION))


def days(number: int) -> Expr:
    """A length of time; a day is 24 hours."""
    return Expr(Literal(number * DAY, DType.DURATION))
