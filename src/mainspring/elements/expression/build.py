"""How a user writes expressions: `col("dep_delay").clip(-30, 240).mean()`, with Polars' names and
Python's operators.

`Expr` only builds; the tree is in `.node`.  It is not hashable and has no truth value, because
`==`, `and` and `if` on it would lie.
"""

import typing
from collections.abc import Callable
from datetime import date, datetime
from operator import index
from typing import NoReturn, Protocol

from mainspring.elements.expression.aggregable import Aggregable, condition_of
from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.namespaces import DateTime, Text
from mainspring.elements.expression.operations.arithmetic import Abs, Arithmetic, Negate
from mainspring.elements.expression.operations.casting import Cast
from mainspring.elements.expression.operations.comparison import Comparison, IsIn
from mainspring.elements.expression.operations.conditional import When
from mainspring.elements.expression.operations.elementary import Elementary
from mainspring.elements.expression.operations.hashing import Bucket, Hash
from mainspring.elements.expression.operations.logic import Logical, Not
from mainspring.elements.expression.operations.nulls import FillNull, IsNull
from mainspring.elements.expression.operations.rounding import Ceil, Clip, Floor, Round
from mainspring.elements.expression.tree import Column, Literal, Node, Scalar
from mainspring.elements.schema import DType
from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND, parse_instant
from mainspring.elements.values.scalar import plain_value

__all__ = [
    "Expr",
    "Typed",
    "col",
    "count",
    "days",
    "hours",
    "lit",
    "minutes",
    "node_of",
    "seconds",
    "timestamp",
    "when",
]


def node_of(value: object) -> Node:
    """The node that a Python value or an expression stands for."""
    if isinstance(value, Expr):
        return value.node
    match plain_value(value):
        case None:
            return Literal(None, DType.FLOAT64)
        case bool() as plain:
            return Literal(plain, DType.BOOLEAN)
        case int() as plain:
            return Literal(plain, DType.INT64)
        case float() as plain:
            return Literal(plain, DType.FLOAT64)
        case str() as plain:
            return Literal(plain, DType.STRING)
        case (datetime() | date()) as plain:
            return Literal(parse_instant(plain), DType.TIMESTAMP)
        case _ if callable(value):
            raise TypeError(
                f"the function {value!r} cannot stand in an expression: features travel "
                f"with a model as data, not as code"
            )
        case _:
            raise TypeError(f"{type(value).__name__} cannot stand in an expression")


class Typed(Protocol):
    """What has a type, such as the contract of a column."""

    @property
    def dtype(self) -> DType:
        """The type."""
        ...


class Expr(Aggregable):
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

    def __floordiv__(self, other: object) -> "Expr":
        return Expr(Arithmetic("//", self.node, node_of(other)))

    def __rfloordiv__(self, other: object) -> "Expr":
        return Expr(Arithmetic("//", node_of(other), self.node))

    def __mod__(self, other: object) -> "Expr":
        return Expr(Arithmetic("%", self.node, node_of(other)))

    def __rmod__(self, other: object) -> "Expr":
        return Expr(Arithmetic("%", node_of(other), self.node))

    def __pow__(self, other: object) -> "Expr":
        return Expr(Arithmetic("**", self.node, node_of(other)))

    def __rpow__(self, other: object) -> "Expr":
        return Expr(Arithmetic("**", node_of(other), self.node))

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

    def is_not_null(self) -> "Expr":
        """Whether the value is there."""
        return Expr(Not(IsNull(self.node)))

    def is_between(self, lower: object, upper: object) -> "Expr":
        """Whether the value is in [lower, upper]; null where that cannot be told."""
        return (self >= lower) & (self <= upper)

    def fill_null(self, value: object) -> "Expr":
        """The value, or another where it is absent."""
        return Expr(FillNull(self.node, node_of(value)))

    def clip(self, lower: float | None = None, upper: float | None = None) -> "Expr":
        """The number moved into [lower, upper]."""
        least, most = (typing.cast("float | None", plain_value(end)) for end in (lower, upper))
        return Expr(Clip(self.node, least, most))

    def is_in(self, values: list[Scalar]) -> "Expr":
        """Whether the value is one of these."""
        among = (typing.cast("Scalar", plain_value(value)) for value in values)
        return Expr(IsIn(self.node, tuple(among)))

    def cast(self, dtype: "DType | str | Typed | Callable[[], Typed]") -> "Expr":
        """The value as another type; what does not fit is null.  A type is named as in a contract:
        `col("price").cast(ms.Float64)`.
        """
        return Expr(Cast(self.node, _dtype_of(dtype)))

    def abs(self) -> "Expr":
        """The number or duration without its sign."""
        return Expr(Abs(self.node))

    def floor(self) -> "Expr":
        """The greatest whole number not above, as a float."""
        return Expr(Floor(self.node))

    def ceil(self) -> "Expr":
        """The least whole number not below, as a float."""
        return Expr(Ceil(self.node))

    def round(self, digits: int = 0) -> "Expr":
        """The number at 0–15 decimal digits; a tie goes to the even digit."""
        return Expr(Round(self.node, index(digits)))

    def sqrt(self) -> "Expr":
        """The square root; NaN of a negative number."""
        return Expr(Elementary(self.node, "sqrt"))

    def exp(self) -> "Expr":
        """e to the power of the number; infinity beyond the range of floats."""
        return Expr(Elementary(self.node, "exp"))

    def log(self) -> "Expr":
        """The natural logarithm; minus infinity of 0, NaN of a negative number."""
        return Expr(Elementary(self.node, "log"))

    def log10(self) -> "Expr":
        """The logarithm to base 10."""
        return Expr(Elementary(self.node, "log10"))

    def log1p(self) -> "Expr":
        """The natural logarithm of 1 + the number, exact for small numbers too."""
        return Expr(Elementary(self.node, "log1p"))

    def sin(self) -> "Expr":
        """The sine of an angle in radians."""
        return Expr(Elementary(self.node, "sin"))

    def cos(self) -> "Expr":
        """The cosine of an angle in radians."""
        return Expr(Elementary(self.node, "cos"))

    def hash(self) -> "Expr":
        """A whole number of 64 bits for the value, the same on every machine and for ever; it
        depends on the type, so 1 and 1.0 differ.
        """
        return Expr(Hash(self.node))

    def bucket(self, buckets: int) -> "Expr":
        """Which of so many buckets the value's hash falls into, from 0."""
        return Expr(Bucket(self.node, index(buckets)))

    @property
    def dt(self) -> "DateTime[Expr]":
        """The parts of a timestamp."""
        return DateTime(self.node, Expr)

    # The last of the class: below it, `str` would name this property in annotations.
    @property
    def str(self) -> "Text[Expr]":
        """What a text holds."""
        return Text(self.node, Expr)


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


def count(*, where: Expr | None = None) -> Aggregation:
    """How many rows are in the window, nulls and all, or how many of them satisfy a condition."""
    return Aggregation("count", None, condition_of(where))


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


def _dtype_of(named: DType | str | Typed | Callable[[], Typed]) -> DType:
    if isinstance(named, str):
        return DType(named)
    return (named() if callable(named) else named).dtype
