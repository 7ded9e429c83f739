"""The reading that types an operation: its operands' types, and the checks that note faults."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.errors import (
    UnfitConstant,
    UnknownColumn,
    UnsettledOperation,
    UnstorableColumn,
    WrongOperand,
)
from mainspring.elements.schema import DType, Schema
from mainspring.elements.text import is_unicode

__all__ = [
    "COMPUTABLE",
    "INT64_MAX",
    "INT64_MIN",
    "NUMBERS",
    "STORABLE",
    "TIMES",
    "Operand",
    "TypeReading",
    "common_type",
    "shared_type",
    "unknown_column",
]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

NUMBERS = (DType.INT64, DType.FLOAT64)
"""The types that arithmetic is about."""

TIMES = (DType.TIMESTAMP, DType.DURATION, DType.ZONED)
"""The types that are computed as int64 microseconds, so that they wrap and compare like the
integers they are.
"""

STORABLE = tuple(dtype for dtype in DType if dtype is not DType.ZONED)
"""The types that a value can have outside of an expression."""

COMPUTABLE = tuple(dtype for dtype in STORABLE if not dtype.is_list and not dtype.is_opaque)
"""The types that a feature, a field of a request and a result can have."""


@dataclass(frozen=True, kw_only=True)
class Operand:
    """An operand as every reading sees it.

    Args:
        is_absent: it is the literal None, which takes the type of what stands beside it.
    """

    dtype: DType
    is_absent: bool


def common_type(left: DType, right: DType) -> DType | None:
    """The type to which both sides of a comparison or choice are brought; None if there is none."""
    if left == right:
        return None if left is DType.ZONED or left.is_opaque else left
    return DType.FLOAT64 if left.is_number and right.is_number else None


def shared_type(left: Operand, right: Operand) -> DType | None:
    """The common type of two operands, where a literal None takes that of the other."""
    if left.is_absent:
        return right.dtype
    return left.dtype if right.is_absent else common_type(left.dtype, right.dtype)


def unknown_column(name: str, schema: Schema) -> DeclarationError:
    """The fault of naming a column that is not there, with the names most like it, or one that the
    data has and the schema cannot have.
    """
    reason = dict(schema.unusable).get(name)
    if reason is not None:
        return UnstorableColumn(column=name, reason=reason)
    return UnknownColumn(
        column=name,
        near=tuple(difflib.get_close_matches(name, schema.names, n=2)),
        known=", ".join(schema.names),
    )


@dataclass(frozen=True)
class TypeReading:
    """One operation being typed.

    Args:
        schema: the columns that the expression reads.
        operands: what is known of each operand; None where a fault below hides its type, and then
            no further fault follows from it.
        faults: where faults are noted.
    """

    schema: Schema
    operands: tuple[Operand | None, ...] = ()
    faults: list[DeclarationError] = field(default_factory=list)

    def only(
        self, operation: str, operand: Operand | None, allowed: tuple[DType, ...]
    ) -> DType | None:
        """The operand's type, which has to be one of these; a literal None takes the first."""
        if operand is None:
            return None
        if operand.dtype in allowed:
            return operand.dtype
        if operand.is_absent:
            return allowed[0]
        return self.wrong(operation, operand.dtype, " or ".join(allowed))

    def shared(self, operation: str, left: Operand | None, right: Operand | None) -> DType | None:
        """The type that both operands can be brought to."""
        if left is None or right is None:
            return None
        dtype = shared_type(left, right)
        return dtype or self.wrong(
            operation, f"{left.dtype} and {right.dtype}", "two values of one type, or two numbers"
        )

    def within(self, operation: str, value: int, bounds: tuple[int, int]) -> None:
        """Check that a whole number lies in [least, most]."""
        if not bounds[0] <= value <= bounds[1]:
            self.unfit(str(value), operation, f"use a whole number from {bounds[0]} to {bounds[1]}")

    def constant(self, value: object, operation: str) -> None:
        """Check that a constant is one that both evaluators can hold."""
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            self.unfit(str(value), operation, "use a whole number of 64 bits, or a float")
        if isinstance(value, str) and not is_unicode(value):
            self.unfit(
                ascii(value),
                operation,
                "write whole characters: half of a surrogate pair is none",
            )

    def constants(self, values: Iterable[object], operation: str) -> None:
        """Check each of several constants."""
        for value in values:
            self.constant(value, operation)

    def wrong(self, operation: str, operands: str, wanted: str) -> DType | None:
        """Note operands of the wrong type; the type is unknown from here on."""
        self.faults.append(WrongOperand(operation=operation, operands=operands, wanted=wanted))
        return None

    def unfit(self, value: str, operation: str, wanted: str) -> None:
        """Note a constant that cannot be meant."""
        self.faults.append(UnfitConstant(value=value, operation=operation, wanted=wanted))

    def unsettled(self, operation: str, operands: str, *, why: str, instead: str) -> DType | None:
        """Note an operation that has no one meaning; the type is unknown from here on."""
        self.faults.append(
            UnsettledOperation(operation=operation, operands=operands, why=why, instead=instead)
        )
        return None
