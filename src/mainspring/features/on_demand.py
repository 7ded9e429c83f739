"""On-demand features: computed from the request alone, when a training set is built and when a
request is answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.row import RowFunction, compile_row
from mainspring.elements.expression.tree import Node, input_columns
from mainspring.elements.schema import Field, Schema
from mainspring.features.cast import RequestColumns
from mainspring.features.physical import Value, plain_values, stored_column
from mainspring.features.spec import OnDemandFeatureView

__all__ = [
    "RequestExpressions",
    "compile_on_demand",
    "compile_request_expressions",
    "compute_on_demand",
    "on_demand_fields",
]

_FEW = 4_096
"""Up to so many rows the row function answers.  Polars takes 0.02 ms before it sees the first row,
but 2.5 ms where a local time is among the expressions, and the row function 0.1 to 1 µs a row: so
few rows lose at most 0.3 ms with the one, and might lose 2.5 ms with the other.
"""


def on_demand_fields(view: OnDemandFeatureView, schema: Schema) -> tuple[Field, ...]:
    """The columns that the view gives over a request of this schema."""
    return tuple(Field(name, infer_type(node, schema)) for name, node in view.features)


def compute_on_demand(
    views: Sequence[OnDemandFeatureView], requests: pl.DataFrame, schema: Schema
) -> pl.DataFrame:
    """All features for a frame of requests, in its order."""
    return requests.select(
        to_polars(node, schema).alias(name) for view in views for name, node in view.features
    )


@dataclass(frozen=True, eq=False)
class RequestExpressions:
    """Expressions over the columns of a request, compiled for both evaluators, which agree on every
    bit; which one answers is a matter of speed alone.

    Args:
        inputs: the columns that they read, with their types.
    """

    inputs: Schema
    by_row: RowFunction
    by_column: Mapping[str, pl.Expr]

    def evaluate(self, request: RequestColumns) -> dict[str, list[Value]]:
        """The values of each expression, in the order of the rows."""
        if request.height > _FEW and self.inputs.fields:
            return self._evaluate_columns(request)
        rows = [self.by_row(row) for row in request.rows]
        return {name: [row[name] for row in rows] for name in self.by_column}

    def _evaluate_columns(self, request: RequestColumns) -> dict[str, list[Value]]:
        frame = pl.DataFrame(
            [
                stored_column(field.name, request.columns[field.name], field.dtype)
                for field in self.inputs
            ]
        )
        computed = frame.with_columns(self.by_column.values())
        return {name: plain_values(computed[name]) for name in self.by_column}


def compile_on_demand(views: Sequence[OnDemandFeatureView], schema: Schema) -> RequestExpressions:
    """All features of these views over a request of this schema; a law holds both evaluators equal
    to `compute_on_demand`.
    """
    return compile_request_expressions(
        {name: node for view in views for name, node in view.features}, schema
    )


def compile_request_expressions(nodes: Mapping[str, Node], schema: Schema) -> RequestExpressions:
    """These expressions over a request of this schema.  Raises: FaultyExpression (PRJ-010)."""
    read = {name for node in nodes.values() for name in input_columns(node)}
    return RequestExpressions(
        inputs=schema.select(tuple(name for name in schema.names if name in read)),
        by_row=compile_row(nodes, schema),
        by_column={name: to_polars(node, schema).alias(name) for name, node in nodes.items()},
    )
