"""The type of an expression over the columns of a schema, with every fault it has.

The rules follow Polars with three edges taken off: a whole number divided by a whole number is a
float, a duration by a duration is a plain number, and booleans are no numbers unless cast.  A
literal None takes the type of the value beside it.  Each operation has its own rule, in its family.
"""

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.errors import FaultyExpression
from mainspring.elements.expression.readings.types import Operand, TypeReading
from mainspring.elements.expression.tree import Node, is_absent
from mainspring.elements.schema import DType, Schema

__all__ = ["infer_type", "part_type", "type_faults"]


def infer_type(node: Node, schema: Schema) -> DType:
    """The type of the expression.

    Raises:
        FaultyExpression: PRJ-010, with every fault found.
    """
    dtype, faults = _result(node, schema)
    if faults:
        raise FaultyExpression(faults=faults)
    assert dtype is not None
    return dtype


def type_faults(node: Node, schema: Schema) -> tuple[DeclarationError, ...]:
    """Every fault of the expression over these columns; none if it can be evaluated."""
    return _result(node, schema)[1]


def part_type(node: Node, operands: tuple[Operand, ...], schema: Schema) -> DType:
    """The type of a part, over operands whose types are known, of an expression without faults; a
    part may be a local time.
    """
    dtype = node.typing(TypeReading(schema, operands))
    assert dtype is not None
    return dtype


def _result(node: Node, schema: Schema) -> tuple[DType | None, tuple[DeclarationError, ...]]:
    """The type of a whole expression, which has to be one that a column can have."""
    reading = TypeReading(schema)
    dtype = _walk(node, reading)
    if dtype is DType.ZONED:
        reading.wrong("a result", "a local time", "a part of it, such as .dt.hour()")
    return dtype, tuple(reading.faults)


def _walk(node: Node, reading: TypeReading) -> DType | None:
    """The type of a part; its operands' faults come before its own."""
    operands = []
    for part in node.operands:
        dtype = _walk(part, reading)
        operands.append(None if dtype is None else Operand(dtype=dtype, is_absent=is_absent(part)))
    return node.typing(TypeReading(reading.schema, tuple(operands), reading.faults))
