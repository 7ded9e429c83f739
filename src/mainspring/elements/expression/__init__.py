"""Expressions: a small typed tree with Polars' names, and the ways to read it.

`tree` holds the nodes, `build` the operators a user writes, `infer` the types; `aggregation` is
what becomes of an expression's values in a window, and `aggregable` how a user writes that.
`columns` evaluates over Polars columns and `row` compiles for one row; both are imported from their
modules by those who compute, so that a declaration costs no heavy import.
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
