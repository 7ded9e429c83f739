"""The type of an expression over the columns of a schema, with every fault it has.

The rules follow Polars with three edges taken off: a whole number divided by a whole number is a
float, a duration by a duration is a plain number, and booleans are no numbers unless cast.  A
literal None takes the type of the value beside it.
"""

import difflib
import math
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.errors import (
    FaultyExpression,
    UnfitConstant,
    UnknownColumn,
    UnknownTimeZone,
    UnsettledOperation,
    WrongOperand,
)
from mainspring.elements.expression.text import is_unicode
from mainspring.elements.expression.tree import (
    Abs,
    Arithmetic,
    Bucket,
    Cast,
    Ceil,
    Clip,
    Column,
    Comparison,
    DateNode,
    DatePart,
    Elementary,
    FillNull,
    Floor,
    Hash,
    IsIn,
    IsNull,
    Literal,
    LocalTime,
    Logical,
    Negate,
    Node,
    Not,
    NumberNode,
    Round,
    Scalar,
    TextCase,
    TextLength,
    TextMatch,
    TextNode,
    TextSlice,
    TextStrip,
    When,
)
from mainspring.elements.schema import DType, Schema

__all__ = [
    "INT64_MAX",
    "INT64_MIN",
    "arithmetic_type",
    "clip_type",
    "common_type",
    "infer_type",
    "is_absent",
    "is_time_zone",
    "member_type",
    "shared_type",
    "type_faults",
    "unknown_column",
]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_DIGITS = 15
_TEXT = (DType.STRING,)
_NUMBERS = (DType.INT64, DType.FLOAT64)
_STORED = tuple(dtype for dtype in DType if dtype is not DType.ZONED)
_CASTS = {
    DType.INT64: {DType.FLOAT64, DType.BOOLEAN, DType.STRING, DType.TIMESTAMP, DType.DURATION},
    DType.FLOAT64: {DType.INT64, DType.BOOLEAN},
    DType.BOOLEAN: {DType.INT64, DType.FLOAT64, DType.STRING},
    DType.STRING: {DType.INT64, DType.FLOAT64},
    DType.TIMESTAMP: {DType.INT64},
    DType.DURATION: {DType.INT64},
    DType.ZONED: set[DType](),
}
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
_UNSETTLED_CAST = "Polars and Python write floats with different digits and exponents"
_INSTEAD = {"//": "(x / y).floor()", "%": "x - (x / y).floor() * y"}
_UNSETTLED_DIVISION = (
    "Polars rounds the quotient down, Python divides exactly: 1.0 // 0.1 is 10 in one and "
    "9 in the other"
)
# The database names these, but what they mean depends on the machine.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules", ""})


def infer_type(node: Node, schema: Schema) -> DType:
    """The type of the expression.

    Raises:
        FaultyExpression: PRJ-010, with every fault found.
    """
    inference = _Inference(schema)
    dtype = inference.result(node)
    if inference.faults:
        raise FaultyExpression(faults=tuple(inference.faults))
    assert dtype is not None
    return dtype


def type_faults(node: Node, schema: Schema) -> tuple[DeclarationError, ...]:
    """Every fault of the expression over these columns; none if it can be evaluated."""
    inference = _Inference(schema)
    inference.result(node)
    return tuple(inference.faults)


def is_absent(node: Node) -> bool:
    """Whether the node is the literal None, which takes the type of what stands beside it."""
    return isinstance(node, Literal) and node.value is None


def common_type(left: DType, right: DType) -> DType | None:
    """The type to which both sides of a comparison or choice are brought; None if there is none."""
    if left == right:
        return None if left is DType.ZONED else left
    return DType.FLOAT64 if left.is_number and right.is_number else None


def shared_type(left: tuple[Node, DType], right: tuple[Node, DType]) -> DType | None:
    """The common type of two nodes, where a literal None takes that of the other."""
    if is_absent(left[0]):
        return right[1]
    return left[1] if is_absent(right[0]) else common_type(left[1], right[1])


def arithmetic_type(op: str, left: DType, right: DType) -> DType | None:
    """The type of `left op right`; None if the operation makes no sense."""
    if not (left.is_number and right.is_number):
        return _SPANS.get((op, left, right))
    if left == right == DType.INT64 and op not in ("/", "**"):
        return DType.INT64
    return None if op in ("//", "%") else DType.FLOAT64


def clip_type(operand: DType, lower: float | None, upper: float | None) -> DType:
    """Whole numbers stay whole under whole bounds; everything else is clipped as a float."""
    whole = all(
        bound is None or (float(bound).is_integer() and INT64_MIN <= bound <= INT64_MAX)
        for bound in (lower, upper)
    )
    return DType.INT64 if operand is DType.INT64 and whole else DType.FLOAT64


def member_type(operand: DType, values: Iterable[Scalar]) -> DType | None:
    """The type in which `is_in` compares; None if a value is of another kind than the operand."""
    result: DType | None = (
        operand if operand in (DType.INT64, DType.FLOAT64, DType.BOOLEAN, DType.STRING) else None
    )
    for value in values:
        result = common_type(result, _scalar_type(value)) if result else None
    return result


def is_time_zone(zone: str) -> bool:
    """Whether the IANA database of this machine has a zone of that name, and it means the same
    everywhere.
    """
    if zone in _NO_ZONES:
        return False
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return False
    return True


def unknown_column(name: str, schema: Schema) -> UnknownColumn:
    """The fault of naming a column that is not there, with the names most like it."""
    return UnknownColumn(
        column=name,
        near=tuple(difflib.get_close_matches(name, schema.names, n=2)),
        known=", ".join(schema.names),
    )


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


class _Inference:
    """One walk over a tree; a subtree whose type is unknown because of a fault is None and causes
    no further faults.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.faults: list[DeclarationError] = []

    def result(self, node: Node) -> DType | None:
        """The type of the whole expression, which has to be one that a column can have."""
        dtype = self.walk(node)
        if dtype is DType.ZONED:
            return self._wrong("a result", "a local time", "a part of it, such as .dt.hour()")
        return dtype

    def walk(self, node: Node) -> DType | None:
        """The type of a subtree, noting its faults."""
        match node:
            case Column(name):
                return self._column(name)
            case Literal(value, dtype):
                self._constant(value, "an expression")
                return dtype
            case Arithmetic():
                return self._arithmetic(node, self.walk(node.left), self.walk(node.right))
            case Negate(operand):
                return self._one("the sign -", operand, (*_NUMBERS, DType.DURATION))
            case Comparison(op, left, right):
                self._common(f"the comparison {op}", left, right)
                return DType.BOOLEAN
            case Logical(op, left, right):
                self._one(op, left, (DType.BOOLEAN,))
                return self._one(op, right, (DType.BOOLEAN,)) and DType.BOOLEAN
            case Not(operand):
                return self._one("not", operand, (DType.BOOLEAN,))
            case IsNull(operand):
                self._one("is_null", operand, _STORED)
                return DType.BOOLEAN
            case FillNull(operand, value):
                return self._common("fill_null", operand, value)
            case When(condition, then, otherwise):
                self._one("when", condition, (DType.BOOLEAN,))
                return self._common("then … otherwise", then, otherwise)
            case _:
                return self._parameterised(node)

    def _parameterised(
        self, node: Clip | IsIn | Cast | Hash | Bucket | NumberNode | TextNode | DateNode
    ) -> DType | None:
        match node:
            case Clip(operand, lower, upper):
                dtype = self._one("clip", operand, _NUMBERS)
                self._bounds(lower, upper)
                return dtype and clip_type(dtype, lower, upper)
            case IsIn(operand, values):
                return self._members(self.walk(operand), values)
            case Cast(operand, dtype):
                return self._cast(self.walk(operand), dtype)
            case Hash(operand):
                return self._one("hash", operand, _STORED) and DType.INT64
            case Bucket(operand, buckets):
                self._within("bucket", buckets, 1, INT64_MAX)
                return self._one("bucket", operand, _STORED) and DType.INT64
            case LocalTime(operand, zone):
                if not is_time_zone(zone):
                    self.faults.append(UnknownTimeZone(zone=zone))
                return self._one("convert_time_zone", operand, (DType.TIMESTAMP,)) and DType.ZONED
            case DatePart(operand, part):
                return (
                    self._one(f"dt.{part}", operand, (DType.TIMESTAMP, DType.ZONED)) and DType.INT64
                )
            case _:
                return self._text(node) if isinstance(node, TextNode) else self._number(node)

    def _number(self, node: NumberNode) -> DType | None:
        match node:
            case Elementary(operand, function):
                return self._one(function, operand, _NUMBERS) and DType.FLOAT64
            case Abs(operand):
                return self._one("abs", operand, (*_NUMBERS, DType.DURATION))
            case Round(operand, digits):
                self._within("round", digits, 0, _DIGITS)
                return self._one("round", operand, _NUMBERS)
            case Floor(operand):
                return self._one("floor", operand, _NUMBERS)
            case Ceil(operand):
                return self._one("ceil", operand, _NUMBERS)

    def _text(self, node: TextNode) -> DType | None:
        match node:
            case TextCase(operand, case):
                return self._one(f"str.to_{case}case", operand, _TEXT)
            case TextLength(operand):
                return self._one("str.len_chars", operand, _TEXT) and DType.INT64
            case TextMatch(operand, test, text):
                self._constant(text, test)
                return self._one(f"str.{test}", operand, _TEXT) and DType.BOOLEAN
            case TextSlice(operand, offset, length):
                self._within("slice", offset, INT64_MIN, INT64_MAX)
                self._within("slice", 0 if length is None else length, 0, INT64_MAX)
                return self._one("str.slice", operand, _TEXT)
            case TextStrip(operand, characters):
                self._constant(characters, "strip_chars")
                return self._one("str.strip_chars", operand, _TEXT)

    def _column(self, name: str) -> DType | None:
        if name not in self._schema:
            self.faults.append(unknown_column(name, self._schema))
            return None
        dtype = self._schema[name].dtype
        return (
            self._wrong(f"the column {name!r} in an expression", dtype, "a column of single values")
            if dtype.is_list
            else dtype
        )

    def _wrong(self, operation: str, operands: str, wanted: str) -> DType | None:
        """Note the fault; the type is unknown from here on."""
        self.faults.append(WrongOperand(operation=operation, operands=operands, wanted=wanted))
        return None

    def _one(self, operation: str, operand: Node, allowed: tuple[DType, ...]) -> DType | None:
        dtype = self.walk(operand)
        if is_absent(operand) and dtype not in allowed:
            return allowed[0]
        if dtype is None or dtype in allowed:
            return dtype
        return self._wrong(operation, dtype, " or ".join(allowed))

    def _arithmetic(
        self, node: Arithmetic, left: DType | None, right: DType | None
    ) -> DType | None:
        if left is None or right is None:
            return None
        rounds_down = node.op in ("//", "%")
        if rounds_down and left.is_number and right.is_number and not left == right == DType.INT64:
            return self._unsettled(
                f"the operator {node.op}",
                f"{left} and {right}",
                _UNSETTLED_DIVISION,
                f"cast to int64, or write {_INSTEAD[node.op]}",
            )
        if rounds_down and isinstance(node.right, Literal) and node.right.value == 0:
            self.faults.append(
                UnfitConstant(
                    value="0",
                    operation=f"a division by {node.op}",
                    wanted="divide by another number: by zero all would be null",
                )
            )
        dtype = arithmetic_type(node.op, left, right)
        meant = "two numbers, two texts for +, or timestamps and durations that make sense together"
        return dtype or self._wrong(f"the operator {node.op}", f"{left} and {right}", meant)

    def _unsettled(self, operation: str, operands: str, why: str, instead: str) -> DType | None:
        self.faults.append(
            UnsettledOperation(operation=operation, operands=operands, why=why, instead=instead)
        )
        return None

    def _common(self, operation: str, left: Node, right: Node) -> DType | None:
        first, second = self.walk(left), self.walk(right)
        if first is None or second is None:
            return None
        shared = shared_type((left, first), (right, second))
        if shared is None:
            self._wrong(
                operation, f"{first} and {second}", "two values of one type, or two numbers"
            )
        return shared

    def _members(self, operand: DType | None, values: tuple[Scalar, ...]) -> DType | None:
        for value in values:
            self._constant(value, "is_in")
        if operand is not None and member_type(operand, values) is None:
            kinds = sorted({_scalar_type(value) for value in values})
            return self._wrong(
                "is_in",
                f"{operand} and a list of {' and '.join(kinds)}",
                "numbers, text or booleans, and values of the same type",
            )
        return DType.BOOLEAN

    def _cast(self, operand: DType | None, dtype: DType) -> DType | None:
        if operand is None or operand == dtype != DType.ZONED or dtype in _CASTS[operand]:
            return operand and dtype
        if (operand, dtype) == (DType.FLOAT64, DType.STRING):
            return self._unsettled(
                f"a cast to {dtype}",
                operand,
                _UNSETTLED_CAST,
                "round it and cast it to int64 first",
            )
        return self._wrong(
            f"a cast to {dtype}",
            operand,
            f"what has one meaning; {operand} can become "
            f"{', '.join(sorted(_CASTS[operand])) or 'nothing else'}",
        )

    def _bounds(self, lower: float | None, upper: float | None) -> None:
        for bound in (lower, upper):
            self._constant(bound, "clip")
            if bound is not None and math.isnan(bound):
                self.faults.append(
                    UnfitConstant(
                        value="NaN", operation="clip", wanted="give a number or leave the bound out"
                    )
                )
        if lower is not None and upper is not None and lower > upper:
            self.faults.append(
                UnfitConstant(
                    value=f"[{lower}, {upper}]",
                    operation="clip",
                    wanted="give the lower bound first",
                )
            )

    def _within(self, operation: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            self.faults.append(
                UnfitConstant(
                    value=str(value),
                    operation=operation,
                    wanted=f"use a whole number from {least} to {most}",
                )
            )

    def _constant(self, value: Scalar | None, operation: str) -> None:
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            self.faults.append(
                UnfitConstant(
                    value=str(value),
                    operation=operation,
                    wanted="use a whole number of 64 bits, or a float",
                )
            )
        if isinstance(value, str) and not is_unicode(value):
            self.faults.append(
                UnfitConstant(
                    value=ascii(value),
                    operation=operation,
                    wanted="write whole characters: half of a surrogate pair is none",
                )
            )
