"""One operation is one class: its four readings stand together, and the list of nodes is whole."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, is_dataclass

import polars as pl
import pytest

from mainspring.elements.expression import col, operations
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.notation import render_node
from mainspring.elements.expression.operations import FAMILIES, NODES
from mainspring.elements.expression.readings.columns import ColumnReading
from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import Register, RowReading
from mainspring.elements.expression.readings.types import TypeReading
from mainspring.elements.expression.row import compile_row
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType, Schema

READINGS = ("typing", "columns", "row", "notation")


@dataclass(frozen=True)
class Reversed(Node):
    """A toy: the text from its end."""

    operand: Node

    def typing(self, reading: TypeReading) -> DType | None:
        return reading.only("reversed", reading.operands[0], (DType.STRING,))

    def columns(self, reading: ColumnReading) -> pl.Expr:
        return reading.operands[0].column.str.reverse()

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        return reading.of_present(_reversed, operand.register)

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("str.reversed")


def _reversed(text: str) -> str:
    return text[::-1]


def test_a_new_operation_is_one_class_that_all_readings_know() -> None:
    node, schema = Reversed((col("s") + "!").node), Schema.of(s=DType.STRING)
    assert infer_type(node, schema) is DType.STRING
    frame = pl.DataFrame({"s": ["ab", None]})
    assert frame.select(value=to_polars(node, schema))["value"].to_list() == ["!ba", None]
    assert compile_row({"value": node}, schema)({"s": "ab"}) == {"value": "!ba"}
    assert render_node(node) == '(col("s") + "!").str.reversed()'


def families() -> dict[str, list[type[Node]]]:
    """The nodes that each module of operations defines."""
    modules = {
        name: importlib.import_module(f"{operations.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(operations.__path__)
    }
    return {
        name: [
            member
            for member in vars(module).values()
            if inspect.isclass(member)
            and issubclass(member, Node)
            and member.__module__ == module.__name__
        ]
        for name, module in modules.items()
    }


def test_every_operation_that_is_defined_is_in_the_list_under_its_family() -> None:
    listed = {name: set(nodes) for name, nodes in FAMILIES.items() if name != "leaves"}
    assert listed == {name: set(nodes) for name, nodes in families().items()}


@pytest.mark.parametrize("node", NODES)
def test_every_node_is_a_record_whose_four_readings_stand_beside_each_other(
    node: type[Node],
) -> None:
    assert is_dataclass(node)
    assert not inspect.isabstract(node)
    assert set(READINGS) <= vars(node).keys()


def test_no_two_nodes_share_a_name() -> None:
    assert len({node.__name__ for node in NODES}) == len(NODES)
