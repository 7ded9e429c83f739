"""On-demand features: computed from the request alone, for one row when it is asked and for columns
when a training set is built.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.row import RowValues, compile_row
from mainspring.elements.schema import Field, Schema
from mainspring.features.pattern import Value
from mainspring.features.spec import OnDemandFeatureView

__all__ = ["compile_on_demand", "compute_on_demand", "on_demand_fields"]

RowFunction = Callable[[RowValues], Mapping[str, Value]]


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


def compile_on_demand(views: Sequence[OnDemandFeatureView], schema: Schema) -> RowFunction:
    """A function from one request to its features; a law holds it equal to `compute_on_demand`."""
    return compile_row({name: node for view in views for name, node in view.features}, schema)
