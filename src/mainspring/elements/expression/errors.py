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
    "WrongOperand",
]


@dataclass(eq=False, kw_only=True)
class FaultyExpression(DeclarationError):
    """An expression does not fit the columns that it reads.

    Every fault is listed, each with a code of its own: PRJ-011 unknown columns, PRJ-012 operands of
    the wrong type, PRJ-013 unknown time zones, PRJ-014 constants that cannot be meant, PRJ-003
    operations that have no one meaning.
    """

    code: ClassVar[str] = "PRJ-010"
    template: ClassVar[str] = "the expression has {count} fault(s):{listing}"
    remedy: ClassVar[str] = "mend each of them; `mainspring explain` has a page for every code"
    faults: tuple[DeclarationError, ...] = field(default=())

    def details(self) -> dict[str, object]:
        """The faults, their number, and their messages one a line."""
        listing = "".join(f"\n  {fault.code} {fault.message}" for fault in self.faults)
        return {"faults": self.faults, "count": len(self.faults), "listing": listing}


@dataclass(eq=False, kw_only=True)
class UnknownColumn(DeclarationError):
    """An expression, an id or a time names a column that its source or spine does not have.  Names
    are matched exactly, capitals included.
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
    """An operation is given types that it is not defined for.

    Arithmetic takes numbers; `+` and `-` also timestamps with durations, two timestamps for `-`,
    and two texts for `+`.  A duration can be multiplied by a whole number, and divided by one or by
    another duration.  A comparison takes two values of one type, or two numbers.  `&`, `|` and `~`
    take booleans. Parts of a date are taken from timestamps, `.str` from text.  Cast where another
    type is meant.
    """

    code: ClassVar[str] = "PRJ-012"
    template: ClassVar[str] = "{operation} is not defined for {operands}"
    remedy: ClassVar[str] = "it takes {wanted}"
    operation: str
    operands: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class UnknownTimeZone(DeclarationError):
    """`convert_time_zone` takes a name of the IANA time zone database, such as `America/New_York`;
    abbreviations of your own country are ambiguous.
    """

    code: ClassVar[str] = "PRJ-013"
    template: ClassVar[str] = "{zone!r} is not a time zone of the IANA database"
    remedy: ClassVar[str] = "write a name such as America/New_York, Europe/Berlin or UTC"
    zone: str


@dataclass(eq=False, kw_only=True)
class UnfitConstant(DeclarationError):
    """A constant cannot be meant.

    Such are a whole number beyond 64 bits, half a character, an empty range of `clip` or a NaN as
    its bound, a zero under `//` or `%`, fewer than one bucket, more than 15 digits to round to (a
    float has no more that can be trusted), and a slice of negative length.
    """

    code: ClassVar[str] = "PRJ-014"
    template: ClassVar[str] = "{value} cannot stand in {operation}"
    remedy: ClassVar[str] = "{wanted}"
    value: str
    operation: str
    wanted: str


@dataclass(eq=False, kw_only=True)
class UnsettledOperation(DeclarationError):
    """An operation means different things to the two evaluators, over columns and for one row, so
    no value could be the same in training and serving.

    `//` and `%` on floats: Polars takes the quotient, which is rounded already, and rounds it down;
    Python works with the exact one.  1.0 // 0.1 is 10 in one and 9 in the other.  Whole numbers and
    durations have exact quotients; for floats write `(x / y).floor()`, which says which rounding is
    meant.

    A float as text: the shortest digits are the same, but Polars and Python change to exponents at
    different sizes and write them differently.
    """

    code: ClassVar[str] = "PRJ-003"
    template: ClassVar[str] = "{operation} has no one meaning for {operands}: {why}"
    remedy: ClassVar[str] = "{instead}"
    operation: str
    operands: str
    why: str
    instead: str
