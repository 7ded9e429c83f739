"""Evaluates expressions over Polars columns: the reference that `row` has to agree with.

Each operation says in its family how it is computed; here its operands are read first, and what
reads no column is computed beforehand.  Instants and durations are computed as int64 microseconds
and get their Polars type at the end.
"""

import polars as pl

from mainspring.elements.expression.infer import infer_type, part_type
from mainspring.elements.expression.readings.columns import (
    ColumnOperand,
    ColumnReading,
    physical_type,
)
from mainspring.elements.expression.readings.types import TIMES
from mainspring.elements.expression.row import compile_row
from mainspring.elements.expression.tree import Literal, Node, input_columns, is_absent
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema

__all__ = ["to_polars"]


def to_polars(node: Node, schema: Schema) -> pl.Expr:
    """The expression over frames that have the columns of the schema, stored as `STORED` says.

    Raises:
        FaultyExpression: PRJ-010, if it does not fit the schema.
    """
    dtype = infer_type(node, schema)
    read = _read(node, schema)
    column = ColumnReading((read,), dtype).brought(read, dtype)
    return column.cast(STORED[dtype]) if dtype in TIMES else column


def _read(node: Node, schema: Schema) -> ColumnOperand:
    operands = tuple(_read(part, schema) for part in node.operands)
    dtype = part_type(node, operands, schema)
    is_constant = not input_columns(node)
    return ColumnOperand(
        dtype=dtype,
        is_absent=is_absent(node),
        is_constant=is_constant,
        column=_constant(node, dtype, schema)
        if is_constant and dtype is not DType.ZONED and not isinstance(node, Literal)
        else node.columns(ColumnReading(operands, dtype)),
    )


def _constant(node: Node, dtype: DType, schema: Schema) -> pl.Expr:
    """What reads no column is computed here and now: Polars fails to broadcast some operations on
    constants.
    """
    return pl.lit(compile_row({"value": node}, schema)({})["value"], dtype=physical_type(dtype))
