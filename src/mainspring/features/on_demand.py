"""On-demand features: computed from the request alone, when a training set is built, when a request
is answered, and for the rows of a spine.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.row import RowFunction, compile_row
from mainspring.elements.expression.tree import Node, input_columns
from mainspring.elements.frame import STORED, schema_of
from mainspring.elements.schema import DType, Field, Schema
from mainspring.features.cast import RequestColumns, cast_columns
from mainspring.features.errors import RequestTypesUnknown, SpineUnusable
from mainspring.features.physical import Value, plain_values, stored_column
from mainspring.features.spec import OnDemandFeatureView

__all__ = [
    "CompiledOnDemandView",
    "PreparedOnDemand",
    "RequestExpressions",
    "compile_on_demand",
    "compile_request_expressions",
    "compute_on_demand",
    "compute_on_request",
    "compute_on_spine",
    "on_demand_fields",
    "request_schema",
]

_FEW = 4_096
"""Up to so many rows the row function answers.  Polars takes 0.02 ms before it sees the first row,
but 2.5 ms where a local time is among the expressions, and the row function 0.1 to 1 µs a row: so
few rows lose at most 0.3 ms with the one, and might lose 2.5 ms with the other.
"""


@dataclass(frozen=True, eq=False)
class CompiledOnDemandView:
    """An on-demand view, and what is known of the types of the columns that it reads.

    Args:
        schema: those columns as the training sets that use the view have them; without one that
            no training set has, or that two of them have in different types.
    """

    view: OnDemandFeatureView
    schema: Schema

    @classmethod
    def of(cls, view: OnDemandFeatureView, requests: Iterable[Schema]) -> "CompiledOnDemandView":
        """The view with the types that these request schemas agree on."""
        found: dict[str, set[DType]] = {}
        for field in (field for schema in requests for field in schema):
            found.setdefault(field.name, set()).add(field.dtype)
        agreed = [Field(name, min(dtypes)) for name, dtypes in found.items() if len(dtypes) == 1]
        return cls(view, Schema(tuple(agreed)))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns of a request that it reads."""
        return tuple(
            dict.fromkeys(name for _, node in self.view.features for name in input_columns(node))
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Its features."""
        return tuple(name for name, _ in self.view.features)


def on_demand_fields(view: OnDemandFeatureView, schema: Schema) -> tuple[Field, ...]:
    """The columns that the view gives over a request of this schema."""
    return tuple(Field(name, infer_type(node, schema)) for name, node in view.features)


def compute_on_demand(
    views: Sequence[OnDemandFeatureView], requests: pl.DataFrame, schema: Schema
) -> pl.DataFrame:
    """All features for a frame of requests, in its order."""
    nodes = {name: node for view in views for name, node in view.features}
    # Beside the columns of the request: an expression without any would make a frame of one row.
    return requests.with_columns(
        to_polars(node, schema).alias(name) for name, node in nodes.items()
    ).select(list(nodes))


def compute_on_spine(view: CompiledOnDemandView, spine: pl.DataFrame) -> pl.DataFrame:
    """The features for every row of a spine, the same bits as in a training set of these rows.

    Raises: SpineUnusable FEA-010 for a column that is missing, or of a type that expressions do not
        know; WrongRequestType FEA-004 for a value of another type than training sets have.
    """
    for name in view.inputs:
        if name not in spine.columns:
            raise SpineUnusable(column=name, problem=f"is missing, which {view.view.name} reads")
    columns = [_request_column(spine[name], view.schema) for name in view.inputs]
    schema, strange = schema_of({column.name: column.dtype for column in columns})
    for name, dtype in strange.items():
        raise SpineUnusable(column=name, problem=f"is of type {dtype}, which no expression reads")
    stored = [column.cast(STORED[schema[column.name].dtype]) for column in columns]
    return compute_on_demand([view.view], spine.with_columns(stored), schema)


def compute_on_request(
    view: CompiledOnDemandView, rows: Sequence[Mapping[str, object]]
) -> dict[str, list[Value]]:
    """The features for each row of a request, as a prediction has them.

    Raises: MissingRequestField FEA-003, WrongRequestType FEA-004, RequestTypesUnknown FEA-073 where
        no training set says what types the view reads.
    """
    return PreparedOnDemand.of(view).evaluate(rows)


def request_schema(views: Iterable[CompiledOnDemandView]) -> Schema:
    """The columns that these views read, each once.  Raises: RequestTypesUnknown FEA-073 where no
    training set says their types.
    """
    read = [PreparedOnDemand.of(view).expressions.inputs for view in views]
    return Schema(tuple({field.name: field for schema in read for field in schema}.values()))


@dataclass(frozen=True, eq=False)
class PreparedOnDemand:
    """An on-demand view, compiled for requests.

    Args:
        fields: its features, with their types.
    """

    fields: tuple[Field, ...]
    expressions: "RequestExpressions"

    @classmethod
    def of(cls, view: CompiledOnDemandView) -> "PreparedOnDemand":
        """The view with the types that training sets have.  Raises: RequestTypesUnknown FEA-073
        where no training set says them.
        """
        unknown = [name for name in view.inputs if name not in view.schema]
        if unknown:
            raise RequestTypesUnknown(view=view.view.name, columns=", ".join(unknown))
        schema = view.schema.select(view.inputs)
        return cls(on_demand_fields(view.view, schema), compile_on_demand([view.view], schema))

    def evaluate(self, rows: Sequence[Mapping[str, object]]) -> dict[str, list[Value]]:
        """The features of each row.  Raises: MissingRequestField FEA-003, WrongRequestType
        FEA-004.
        """
        request = cast_columns(rows, self.expressions.inputs, passthrough=Schema(()))
        return self.expressions.evaluate(request)


def _request_column(column: pl.Series, known: Schema) -> pl.Series:
    """A column of a spine in the type that training sets have it in: read value by value, as a
    request is, where it has another.
    """
    if column.name not in known or column.dtype == STORED[known[column.name].dtype]:
        return column
    field = known[column.name]
    if column.null_count() == len(column):
        return column.cast(STORED[field.dtype])
    rows = [{field.name: value} for value in column.to_list()]
    cells = cast_columns(rows, Schema((field,)), passthrough=Schema(())).columns[field.name]
    return stored_column(field.name, cells, field.dtype)


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
