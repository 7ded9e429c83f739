"""Expressions and aggregates as users write them, and read from their canonical description.

A plan compares what is stored with what is declared, and shows both: the canonical JSON of a
fingerprint is parsed into the records that it was made of, and those are rendered.  So there is one
notation, and it stands with the operations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from mainspring.elements.expression.aggregation import Aggregation, AggregationParameter
from mainspring.elements.expression.operations import NODES
from mainspring.elements.expression.readings.notation import (
    Written,
    render_constant,
    render_text,
)
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType
from mainspring.elements.time import format_duration

__all__ = ["is_expression", "parse_expression", "render_aggregation", "render_node"]

_RECORDS: Mapping[str, type[Node] | type[Aggregation]] = {
    record.__name__: record for record in (*NODES, Aggregation)
}
_POSITIONAL = frozenset({"k", "q", "qs", "edges", "values"})


def render_node(node: Node) -> str:
    """The expression as a user writes it.

    >>> from mainspring.elements.expression import col
    >>> render_node(((col("x") + 1).round(2) > 3).node)
    '(col("x") + 1).round(2) > 3'
    """
    return _written(node).text


def render_aggregation(aggregation: Aggregation) -> str:
    """The aggregate as a user writes it.

    >>> from mainspring.elements.expression import col
    >>> render_aggregation(col("a").top_k(3, where=col("b") > 1))
    'col("a").top_k(3, where=col("b") > 1)'
    """
    given = ", ".join(_given(aggregation))
    operand = aggregation.operand
    receiver = "" if operand is None else f"{_written(operand).receiver}."
    return f"{receiver}{aggregation.name}({given})"


def is_expression(kind: str) -> bool:
    """Whether records of this name are nodes or aggregates."""
    return kind in _RECORDS


def parse_expression(described: object) -> Node | Aggregation | None:
    """The node or aggregate of a canonical description, `{"is": name, field: value, …}`; None for a
    description of anything else, or of one that a later version may know.

    >>> parse_expression({"is": "Column", "name": "x"})
    Column(name='x')
    """
    if not isinstance(described, dict) or described.get("is") not in _RECORDS:
        return None
    record = _RECORDS[described["is"]]
    names = [field.name for field in fields(record)]
    if described.keys() - {"is"} != set(names):
        return None
    values = {name: _parsed(name, described[name]) for name in names}
    # A part that is not known stays as it was described.
    is_known = not any(isinstance(value, dict) for value in values.values())
    return _made(record, values) if is_known else None


def _written(node: Node) -> Written:
    return node.notation(tuple(map(_written, node.operands)))


def _given(aggregation: Aggregation) -> Iterator[str]:
    """What an aggregate is given besides its operand, as its method takes it."""
    for name, value in aggregation.parameters:
        written = _parameter(
            format_duration(value) if name == "half_life" and isinstance(value, int) else value
        )
        yield written if name in _POSITIONAL else f"{name}={written}"
    if aggregation.where is not None:
        yield f"where={render_node(aggregation.where)}"


def _parameter(value: AggregationParameter) -> str:
    """A constant as Python reads it."""
    match value:
        case bool():
            return str(value)
        case str():
            return render_text(value)
        case tuple():
            return f"[{', '.join(map(_parameter, value))}]"
        case _:
            return render_constant(value)


def _made(
    record: type[Node] | type[Aggregation], values: Mapping[str, object]
) -> Node | Aggregation:
    made = object.__new__(record)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def _parsed(field: str, value: object) -> object:
    match value:
        case {"is": _}:
            return parse_expression(value) or value
        case {"float": str(number)}:
            return float(number)
        case list():
            return tuple(_parsed("", item) for item in value)
        case str() if field == "dtype":
            return DType(value)
        case _:
            return value
