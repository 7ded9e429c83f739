"""Evaluates expressions on one row, and agrees with `columns` on every value.

The expressions become one program of closures over registers: a call costs microseconds where a
one-row frame costs milliseconds.  Each operation says in its family which steps it needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields

from mainspring.elements.expression.infer import infer_type, part_type
from mainspring.elements.expression.readings.rows import RowOperand, RowProgram, RowReading
from mainspring.elements.expression.tree import Node, Scalar, is_absent
from mainspring.elements.schema import Schema

__all__ = ["RowFunction", "RowValues", "compile_row"]

RowValues = Mapping[str, Scalar | None]
"""Values by column: int, float, bool, str or None; instants and durations are int64
microseconds.
"""

RowFunction = Callable[[RowValues], dict[str, Scalar | None]]


def compile_row(nodes: Mapping[str, Node], schema: Schema) -> RowFunction:
    """One function that evaluates all of these expressions on a row that has the columns of the
    schema, in the types of the schema.

    Raises:
        FaultyExpression: PRJ-010, if one of them does not fit the schema.

    Cost: about 0.1–0.3 µs a node and call.

    >>> from mainspring.elements.expression import col
    >>> from mainspring.elements.schema import DType
    >>> late = compile_row({"late": (col("delay") > 15).node}, Schema.of(delay=DType.FLOAT64))
    >>> late({"delay": 20.0}), late({"delay": None})
    ({'late': True}, {'late': None})
    """
    program = RowProgram()
    results = []
    for node in nodes.values():
        dtype = infer_type(node, schema)
        reading = RowReading(program, (), dtype, "result")
        results.append(reading.brought(_read(node, schema, program), dtype))
    return program.function(tuple(nodes), results)


def _read(node: Node, schema: Schema, program: RowProgram) -> RowOperand:
    operands = tuple(_read(part, schema, program) for part in node.operands)
    dtype = part_type(node, operands, schema)
    return RowOperand(
        dtype=dtype,
        is_absent=is_absent(node),
        register=node.row(RowReading(program, operands, dtype, _operation(node))),
    )


def _operation(node: Node) -> tuple[str, ...]:
    """What a node does, whatever its operands are."""
    values = (getattr(node, field.name) for field in fields(node))
    return (type(node).__name__, *(repr(value) for value in values if not isinstance(value, Node)))
