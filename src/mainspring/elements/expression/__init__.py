"""Expressions: a small typed tree with Polars' names, arranged by families of operations.

`tree` has the contract of a node, and `operations` a module for each family: an operation is one
class in which its type, its value over columns, its value for one row and its notation stand
together.  `readings` is what each of the four may use.  `infer`, `columns`, `row` and `notation`
walk a tree with one reading; none of them knows an operation.

`build` and `namespaces` hold what a user writes; `aggregation` is what becomes of an expression's
values in a window, and `aggregable` how a user writes that.  `columns` and `row` are imported from
their modules by those who compute, so that a declaration costs no heavy import.
"""

from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.build import (
    Expr,
    col,
    count,
    days,
    hours,
    lit,
    minutes,
    seconds,
    timestamp,
    when,
)
from mainspring.elements.expression.tree import Node, input_columns

__all__ = [
    "Aggregation",
    "Expr",
    "Node",
    "col",
    "count",
    "days",
    "hours",
    "input_columns",
    "lit",
    "minutes",
    "seconds",
    "timestamp",
    "when",
]
