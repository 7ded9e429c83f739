"""Evaluates expressions over Polars columns: the reference that `row` has to agree with.

Instants and durations are computed as int64 microseconds, so that they wrap and compare like the
integers they are, and get their Polars type at the end.

One trap decides the shape of this module.  When one side of a float operation has one value for all
rows, Polars takes short cuts: it multiplies by the reciprocal instead of dividing, and drops `+
0.0`.  Both change the last bit or the sign of some results, so the same row would give another
value in another batch.  `_spread` multiplies such a side by a column of ones, which Polars cannot
see through, and the exact operation runs.
"""

import polars as pl

from mainspring.elements.expression.calendar import CALENDAR, LOCAL_CALENDAR
from mainspring.elements.expression.clock import local_clock
from mainspring.elements.expression.infer import (
    arithmetic_type,
    clip_type,
    infer_type,
    is_absent,
    member_type,
    shared_type,
)
from mainspring.elements.expression.mapped import cased, elementary, hashed, local, powered
from mainspring.elements.expression.number import WHOLE_FROM
from mainspring.elements.expression.row import compile_row
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
    ElementaryName,
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
    input_columns,
)
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import Micros

__all__ = ["to_polars"]

_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TIMES = (DType.TIMESTAMP, DType.DURATION, DType.ZONED)


def to_polars(node: Node, schema: Schema) -> pl.Expr:
    """The expression over frames that have the columns of the schema, stored as `STORED` says.

    Raises:
        FaultyExpression: PRJ-010, if it does not fit the schema.
    """
    dtype = infer_type(node, schema)
    typed = _Columns(schema).typed(node, dtype)
    return typed.cast(STORED[dtype]) if dtype in _TIMES else typed


def _physical(dtype: DType) -> pl.DataType:
    return pl.Int64() if dtype in _TIMES else STORED[dtype]


def _brought(node: Node, visited: tuple[pl.Expr, DType], dtype: DType) -> pl.Expr:
    if is_absent(node):
        return pl.lit(None, dtype=_physical(dtype))
    return visited[0] if visited[1] == dtype else visited[0].cast(_physical(dtype))


def _spread(side: pl.Expr) -> pl.Expr:
    return side * (pl.int_range(pl.len()) * 0 + 1)


class _Columns:
    """Translates nodes; each visit returns the expression in physical form, and its type."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def typed(self, node: Node, dtype: DType) -> pl.Expr:
        """The node brought to a type: None takes it, a whole number becomes a float."""
        return _brought(node, self.visit(node), dtype)

    def visit(self, node: Node) -> tuple[pl.Expr, DType]:
        """The node, and its type."""
        if not isinstance(node, Literal | LocalTime) and not input_columns(node):
            return self._constant(node)
        match node:
            case Column(name):
                dtype = self._schema[name].dtype
                column = pl.col(name).cast(STORED[dtype])
                return (column.cast(pl.Int64) if dtype in _TIMES else column), dtype
            case Literal(value, dtype):
                return pl.lit(value, dtype=_physical(dtype)), dtype
            case Arithmetic():
                return self._arithmetic(node)
            case Negate(operand):
                expression, dtype = self.visit(operand)
                return -expression, dtype
            case Comparison(op, left, right):
                first, second, _ = self._common(left, right)
                # With a constant on the left, Polars fails to broadcast some results of when …
                # otherwise.
                turned = (
                    _compare(op, first, second)
                    if input_columns(left)
                    else _compare(_TURNED[op], second, first)
                )
                return turned, DType.BOOLEAN
            case Logical(op, left, right):
                first, second = self.typed(left, DType.BOOLEAN), self.typed(right, DType.BOOLEAN)
                return (first & second if op == "and" else first | second), DType.BOOLEAN
            case Not(operand):
                return ~self.typed(operand, DType.BOOLEAN), DType.BOOLEAN
            case IsNull(operand):
                return self.visit(operand)[0].is_null(), DType.BOOLEAN
            case _:
                return self._choice(node)

    def _constant(self, node: Node) -> tuple[pl.Expr, DType]:
        """What reads no column is computed here and now: Polars fails to broadcast some operations
        on constants.
        """
        dtype = infer_type(node, self._schema)
        return pl.lit(
            compile_row({"value": node}, self._schema)({})["value"], dtype=_physical(dtype)
        ), dtype

    def _choice(
        self,
        node: FillNull
        | When
        | Clip
        | IsIn
        | Cast
        | Hash
        | Bucket
        | NumberNode
        | TextNode
        | DateNode,
    ) -> tuple[pl.Expr, DType]:
        match node:
            case FillNull(operand, value):
                first, second, dtype = self._common(operand, value)
                return pl.when(first.is_null()).then(second).otherwise(first), dtype
            case When(condition, then, otherwise):
                first, second, dtype = self._common(then, otherwise)
                return pl.when(self.typed(condition, DType.BOOLEAN)).then(first).otherwise(
                    second
                ), dtype
            case Clip(operand, lower, upper):
                visited = self.visit(operand)
                dtype = clip_type(visited[1], lower, upper)
                return _clip(_brought(operand, visited, dtype), lower, upper, dtype), dtype
            case IsIn(operand, values):
                return self._is_in(operand, values), DType.BOOLEAN
            case Cast(operand, dtype):
                return self.visit(operand)[0].cast(_physical(dtype), strict=False), dtype
            case _:
                return self._function(node)

    def _function(
        self, node: Hash | Bucket | NumberNode | TextNode | DateNode
    ) -> tuple[pl.Expr, DType]:
        match node:
            case LocalTime(operand, zone):
                return local(
                    local_clock(zone), _within(self.typed(operand, DType.TIMESTAMP), LOCAL_CALENDAR)
                ), DType.ZONED
            case DatePart(operand, part):
                clock = _within(self.visit(operand)[0].cast(pl.Int64), CALENDAR).cast(
                    pl.Datetime("us")
                )
                return _part(clock, part).cast(pl.Int64), DType.INT64
            case Hash(operand):
                return hashed(*self.visit(operand)), DType.INT64
            case Bucket(operand, buckets):
                return hashed(*self.visit(operand)) % buckets, DType.INT64
            case Elementary(operand, function):
                return _elementary(function, self.typed(operand, DType.FLOAT64)), DType.FLOAT64
            case Abs() | Floor() | Ceil() | Round():
                value, dtype = self.visit(node.operand)
                return _number(node, value, dtype), dtype
            case _:
                return _text(node, self.visit(node.operand)[0])

    def _common(self, left: Node, right: Node) -> tuple[pl.Expr, pl.Expr, DType]:
        first, second = self.visit(left), self.visit(right)
        dtype = shared_type((left, first[1]), (right, second[1]))
        assert dtype is not None
        return _brought(left, first, dtype), _brought(right, second, dtype), dtype

    def _arithmetic(self, node: Arithmetic) -> tuple[pl.Expr, DType]:
        (left, left_type), (right, right_type) = self.visit(node.left), self.visit(node.right)
        dtype = arithmetic_type(node.op, left_type, right_type)
        assert dtype is not None
        if dtype is not DType.FLOAT64:
            return _whole(node.op, left, right), dtype
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
        match node.op:
            case "*":
                return left * right, dtype
            case "/":
                return left / _spread(right), dtype
            case "**":
                return powered(left, right), dtype
            case "+":
                return (
                    left + right if _is_nonzero(node) else _spread(left) + _spread(right)
                ), dtype
            case _:
                return (
                    left - right if _is_nonzero(node) else _spread(left) - _spread(right)
                ), dtype

    def _is_in(self, operand: Node, values: tuple[Scalar, ...]) -> pl.Expr:
        value, have = self.visit(operand)
        dtype = member_type(have, values)
        assert dtype is not None
        among = pl.Series(
            [float(v) for v in values] if dtype is DType.FLOAT64 else list(values),
            dtype=_physical(dtype),
        )
        return _brought(operand, (value, have), dtype).is_in(among.implode())


def _is_nonzero(node: Arithmetic) -> bool:
    """Whether a constant side rules the short cut for zero out; a zero on the other side then does
    no harm either.
    """
    return any(
        isinstance(side, Literal) and isinstance(side.value, int | float) and side.value != 0
        for side in (node.left, node.right)
    )


def _whole(op: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Arithmetic of whole numbers, which wrap and are null over zero, and the joining of texts."""
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case _:
            return left % right


def _compare(op: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
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


def _clip(value: pl.Expr, lower: float | None, upper: float | None, dtype: DType) -> pl.Expr:
    low, high = (
        None if bound is None else pl.lit(int(bound) if dtype is DType.INT64 else float(bound))
        for bound in (lower, upper)
    )
    return value.clip(low, high) if (low is not None or high is not None) else value


def _elementary(function: ElementaryName, value: pl.Expr) -> pl.Expr:
    """The root is exact by IEEE 754 wherever it is computed; the others need one implementation."""
    return value.sqrt() if function == "sqrt" else elementary(function, value)


def _number(node: Abs | Floor | Ceil | Round, value: pl.Expr, dtype: DType) -> pl.Expr:
    match node:
        case Abs():
            return value.abs()
        case _ if dtype is DType.INT64:
            return value
        case Floor():
            return value.floor()
        case Ceil():
            return value.ceil()
        case Round(_, digits):
            return _round(value, 10.0**digits)


def _round(value: pl.Expr, scale: float) -> pl.Expr:
    """`round` of Polars is not used beyond whole numbers: how it scales is not promised."""
    scaled = value * scale
    rounded = scaled.round(0, mode="half_to_even") / _spread(pl.lit(scale))
    return pl.when(scaled.abs() < WHOLE_FROM).then(rounded).otherwise(value)


def _text(node: TextNode, value: pl.Expr) -> tuple[pl.Expr, DType]:
    match node:
        case TextCase(_, case):
            return cased(case, value), DType.STRING
        case TextLength():
            return value.str.len_chars().cast(pl.Int64), DType.INT64
        case TextMatch(_, "contains", text):
            return value.str.contains(text, literal=True), DType.BOOLEAN
        case TextMatch(_, "starts_with", text):
            return value.str.starts_with(text), DType.BOOLEAN
        case TextMatch(_, _, text):
            return value.str.ends_with(text), DType.BOOLEAN
        case TextSlice(_, offset, length):
            return value.str.slice(offset, length), DType.STRING
        case TextStrip(_, characters, "both"):
            return value.str.strip_chars(characters), DType.STRING
        case TextStrip(_, characters, "start"):
            return value.str.strip_chars_start(characters), DType.STRING
        case TextStrip(_, characters, _):
            return value.str.strip_chars_end(characters), DType.STRING


def _within(instant: pl.Expr, bounds: tuple[Micros, Micros]) -> pl.Expr:
    return pl.when((instant >= bounds[0]) & (instant < bounds[1])).then(instant)


def _part(clock: pl.Expr, part: str) -> pl.Expr:
    match part:
        case "year":
            return clock.dt.year()
        case "month":
            return clock.dt.month()
        case "quarter":
            return clock.dt.quarter()
        case "week":
            return clock.dt.week()
        case "day":
            return clock.dt.day()
        case "hour":
            return clock.dt.hour()
        case "minute":
            return clock.dt.minute()
        case "second":
            return clock.dt.second()
        case "weekday":
            return clock.dt.weekday()
        case _:
            return clock.dt.ordinal_day()
