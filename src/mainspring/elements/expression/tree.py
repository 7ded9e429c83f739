"""The nodes of an expression: a closed union of frozen records, serialisable as they stand.

The tree says what is meant; `infer` types it, `columns` runs it over Polars columns, `row` compiles
it for one row.  A law in the tests holds the last two equal on every value.
"""

from dataclasses import dataclass
from typing import Literal as OneOf

from mainspring.elements.schema import DType

__all__ = [
    "Abs",
    "Arithmetic",
    "Bucket",
    "Cast",
    "Ceil",
    "Clip",
    "Column",
    "Comparison",
    "DateNode",
    "DatePart",
    "Elementary",
    "ElementaryName",
    "FillNull",
    "Floor",
    "Hash",
    "IsIn",
    "IsNull",
    "Literal",
    "LocalTime",
    "Logical",
    "Negate",
    "Node",
    "Not",
    "NumberNode",
    "PartName",
    "Round",
    "Scalar",
    "TextCase",
    "TextLength",
    "TextMatch",
    "TextNode",
    "TextSlice",
    "TextStrip",
    "When",
    "input_columns",
]

Scalar = bool | int | float | str
ElementaryName = OneOf["exp", "log", "log10", "log1p", "sqrt", "sin", "cos"]
PartName = OneOf[
    "year", "quarter", "month", "week", "day", "hour", "minute", "second", "weekday", "ordinal_day"
]


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
    """`+ - * / // % **` on numbers, the meaningful ones on timestamps and durations, `+` on text;
    null if either side is.

    Whole numbers wrap at 64 bits.  `//` rounds down and `%` has the sign of the divisor, both on
    whole numbers and durations only; a zero divisor gives null.  `/` and `**` give floats.
    """

    op: OneOf["+", "-", "*", "/", "//", "%", "**"]
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Negate:
    """The number with its sign turned."""

    operand: "Node"


@dataclass(frozen=True)
class Comparison:
    """`== != < <= > >=`; null if either side is; NaN equals itself and is above every number, as in
    Polars.
    """

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
    """A part of a date: weekday is 1 on Monday, ordinal_day 1 on the first of January, week that of
    ISO 8601.
    """

    operand: "Node"
    part: PartName


@dataclass(frozen=True)
class Abs:
    """The number or duration without its sign; the least whole number has no opposite and stays."""

    operand: "Node"


@dataclass(frozen=True)
class Floor:
    """The greatest whole number not above; a float stays a float."""

    operand: "Node"


@dataclass(frozen=True)
class Ceil:
    """The least whole number not below; a float stays a float."""

    operand: "Node"


@dataclass(frozen=True)
class Round:
    """The number times 10^digits, to the nearest whole number with ties to the even one, over
    10^digits; whole numbers stay.
    """

    operand: "Node"
    digits: int


@dataclass(frozen=True)
class Elementary:
    """An elementary function of a number: a float, NaN outside of its domain, infinity at a pole or
    above the range of floats.
    """

    operand: "Node"
    function: ElementaryName


@dataclass(frozen=True)
class TextCase:
    """The text in small or capital letters, by Unicode's full mapping."""

    operand: "Node"
    case: OneOf["lower", "upper"]


@dataclass(frozen=True)
class TextLength:
    """How many characters (code points) the text has."""

    operand: "Node"


@dataclass(frozen=True)
class TextMatch:
    """Whether the text contains another literally, or starts or ends with it."""

    operand: "Node"
    test: OneOf["contains", "starts_with", "ends_with"]
    text: str


@dataclass(frozen=True)
class TextSlice:
    """The characters from an offset on, which counts from the end if it is negative; at most
    `length` of them.
    """

    operand: "Node"
    offset: int
    length: int | None


@dataclass(frozen=True)
class TextStrip:
    """The text without any of these characters at its ends."""

    operand: "Node"
    characters: str
    ends: OneOf["both", "start", "end"]


@dataclass(frozen=True)
class Hash:
    """A whole number of 64 bits that stands for the value, the same on every machine and for
    ever.
    """

    operand: "Node"


@dataclass(frozen=True)
class Bucket:
    """The hash of the value modulo a number of buckets: 0 … buckets - 1."""

    operand: "Node"
    buckets: int


NumberNode = Abs | Floor | Ceil | Round | Elementary
TextNode = TextCase | TextLength | TextMatch | TextSlice | TextStrip
DateNode = LocalTime | DatePart
_Operation = (
    Negate | Not | IsNull | Clip | IsIn | Cast | Hash | Bucket | NumberNode | TextNode | DateNode
)
Node = Column | Literal | Arithmetic | Comparison | Logical | FillNull | When | _Operation


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
            case operation:
                stack.append(operation.operand)
    return tuple(sorted(found))
