"""What can be wrong with an expression: each fault by itself, and the one error that lists them
all.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.errors import DeclarationError

__all__ = [
    "FaultyExpression",
    "UnfitConstant",
    "UnknownColumn",
    "UnknownTimeZone",
    "UnsettledOperation",
    "UnstorableColumn",
    "WrongOperand",
]


@dataclass(eq=False, kw_only=True)
class FaultyExpression(DeclarationError):
    """An expression does not fit the columns that it reads.

    Every fault is listed with its own code: PRJ-011 unknown columns, PRJ-012 operands of the wrong
    type, PRJ-013 unknown time zones, PRJ-014 invalid constants, PRJ-003 operations whose result is
    not the same in training and serving.
    """

    code: ClassVar[str] = "PRJ-010"
    template: ClassVar[str] = "the expression has {count} fault(s):{listing}"
    remedy: ClassVar[str] = "correct each of them; `mainspring explain CODE` describes each code"
    faults: tuple[DeclarationError, ...] = field(default=())

    def details(self) -> dict[str, object]:
        """The faults, their number, and their messages one a line."""
        listing = "".join(f"\n  {fault.code} {fault.message}" for fault in self.faults)
        return {"faults": self.faults, "count": len(self.faults), "listing": listing}


@dataclass(eq=False, kw_only=True)
class UnknownColumn(DeclarationError):
    """An expression, an id or a time names a column that its source or spine does not have.  Names
    must match exactly, including case.
    """

    code: ClassVar[str] = "PRJ-011"
    template: ClassVar[str] = "there is no column {column!r}{hint}"
    remedy: ClassVar[str] = "the columns are: {known}"
    column: str
    near: tuple[str, ...] = ()
    known: str = ""

    def details(self) -> dict[str, object]:
        """The typed fields, and near names as a question."""
        return super().details() | {
            "hint": f"; did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        }


@dataclass(eq=False, kw_only=True)
class WrongOperand(DeclarationError):
    """An operation is applied to types that it is not defined for.

    Arithmetic takes numbers; `+` and `-` also take a timestamp and a duration, `-` two timestamps,
    and `+` two texts.  A duration can be multiplied by a whole number, and divided by a whole
    number or by another duration.  A comparison takes two values of one type, or two numbers.  `&`,
    `|` and `~` take booleans.  `.dt` works on timestamps, `.str` on text.  Cast a value first if it
    has another type.
    """

    code: ClassVar[str] = "PRJ-012"
    template: ClassVar[str] = "{operation} is not defined for {operands}"
    remedy: ClassVar[str] = "it takes {wanted}"
    operation: str
    operands: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class UnstorableColumn(DeclarationError):
    """A declaration names a column of the data that cannot be used: it has a type that no source
    stores (a struct, a list of texts), a name that is reserved for the log and its tables, or
    another type in another part of the data.

    Columns like that are left out, and a plan lists them; only what names one stops.  Reserved
    names begin with an underscore, such as `_offset`, end with a type, such as `delay~float64`, or
    are patterns, `*` and `^...$`.
    """

    code: ClassVar[str] = "PRJ-052"
    template: ClassVar[str] = "the column {column!r} cannot be used: {reason}"
    remedy: ClassVar[str] = "rename, flatten or convert the column when you write the data"
    column: str
    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownTimeZone(DeclarationError):
    """A time zone is not in the IANA database.  `convert_time_zone` takes a name from it, such as
    `America/New_York`; abbreviations such as `EST` or `IST` are ambiguous.
    """

    code: ClassVar[str] = "PRJ-013"
    template: ClassVar[str] = "{zone!r} is not a time zone of the IANA database"
    remedy: ClassVar[str] = "write a name such as America/New_York, Europe/Berlin or UTC"
    zone: str


@dataclass(eq=False, kw_only=True)
class UnfitConstant(DeclarationError):
    """A constant is not valid in its operation.

    Examples are a whole number beyond 64 bits, half of a surrogate pair, an empty range for `clip`
    or NaN as its bound, zero as the divisor of `//` or `%`, fewer than one bucket, rounding to more
    than 15 digits (a float has no more that are exact), and a slice of negative length.
    """

    code: ClassVar[str] = "PRJ-014"
    template: ClassVar[str] = "{value} is not valid in {operation}"
    remedy: ClassVar[str] = "{wanted}"
    value: str
    operation: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class UnsettledOperation(DeclarationError):
    """An operation gives different results over columns and for one row, so training and serving
    could get different values.

    `//` and `%` on floats: Polars rounds the quotient first and then rounds it down; Python works
    with the exact quotient.  1.0 // 0.1 is 10 in one and 9 in the other.  Whole numbers and
    durations have exact quotients; for floats write `(x / y).floor()`, which says which rounding
    you want.

    A float as text: the shortest digits are the same, but Polars and Python switch to exponents at
    different sizes and write them differently.
    """

    code: ClassVar[str] = "PRJ-003"
    template: ClassVar[str] = "{operation} is ambiguous for {operands}: {why}"
    remedy: ClassVar[str] = "{instead}"
    operation: str
    operands: str
    why: str
    instead: str
