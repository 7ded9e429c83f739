"""Compiles expressions into one Python function of one row, which agrees with `columns` on every
value.

The function is straight-line code over local variables: a call costs microseconds where a one-row
frame costs milliseconds.  Each operation says in its family which statements it needs.
"""

from collections.abc import Callable, Mapping
from types import CodeType

from mainspring.elements.expression.infer import infer_type, part_type
from mainspring.elements.expression.readings.rows import RowCode, RowOperand, RowReading
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
    code = RowCode()
    results = []
    for name, node in nodes.items():
        dtype = infer_type(node, schema)
        results.append(f"{name!r}: {code.brought(_read(node, schema, code), dtype)}")
    body = "\n    ".join([*code.lines, f"return {{{', '.join(results)}}}"])
    compiled = compile(f"def evaluate(row):\n    {body}\n", "<expressions>", "exec")
    return _function(compiled, code.names)


def _function(code: CodeType, names: dict[str, object]) -> RowFunction:
    exec(code, names)
    function = names["evaluate"]
    assert callable(function)
    return function


def _read(node: Node, schema: Schema, code: RowCode) -> RowOperand:
    operands = tuple(_read(part, schema, code) for part in node.operands)
    dtype = part_type(node, operands, schema)
    return RowOperand(
        dtype=dtype,
        is_absent=is_absent(node),
        text=node.row(RowReading(code, operands, dtype)),
    )
