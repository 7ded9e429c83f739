"""A feature view, compiled: which values a fact carries, which outputs the kernel makes of them, and what the columns are called.

One program serves all entities of a view, because entities differ only in how facts are grouped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.row import RowFunction, compile_row
from mainspring.elements.expression.tree import Aggregation, Column, Node, input_columns
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.time import MINUTE, Micros, format_duration
from mainspring.features.kernel.program import FOREVER, Kind, Op, Output, Program, compile_program, reach_of
from mainspring.features.spec import Entity, FeatureView, Latest

__all__ = ["CompiledView", "ValueColumn", "compile_view", "feature_fields"]

_OPS = {"count": Op.COUNT, "sum": Op.SUM, "mean": Op.MEAN, "min": Op.MIN, "max": Op.MAX, "last": Op.LAST}
_BUCKETS_PER_WINDOW = 8


@dataclass(frozen=True)
class ValueColumn:
    """A value that every fact of the view carries: an expression over the source, and its type.

    Text travels as the fact's own place, since the kernel holds 64-bit values only; the text is fetched by place at the end.
    """

    node: Node
    dtype: DType

    @property
    def is_text(self) -> bool:
        """Whether the kernel sees places instead of values."""
        return self.dtype is DType.STRING

    @property
    def kind(self) -> Kind:
        """How the kernel reads the 64 bits."""
        return Kind.FLOAT if self.dtype is DType.FLOAT64 else Kind.INTEGER


@dataclass(frozen=True, eq=False)
class CompiledView:
    """A view ready to compute.

    Args:
        shard: the name of its online state: one per build fingerprint.
        values: what every fact carries, each expression once.
        program: the kernel's outputs, the same for every entity.
        outputs: name without the entity, and type, in the program's order.
        reach: how far back any output sees, in microseconds; `FOREVER` for a lookup without ttl.
        bucket_width: event time covered by one online segment; 0 when there is a single one.
    """

    view: FeatureView
    shard: str
    schema: Schema
    values: tuple[ValueColumn, ...]
    program: Program
    outputs: tuple[Field, ...]
    reach: Micros
    bucket_width: Micros

    def names_of(self, entity: Entity) -> tuple[str, ...]:
        """The feature columns of one entity, in the program's order."""
        return tuple(f"{entity.name}__{field.name}" for field in self.outputs)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every feature column with its type, entity by entity."""
        return tuple(Field(f"{entity.name}__{field.name}", field.dtype) for entity in self.view.entities for field in self.outputs)

    @property
    def text_columns(self) -> tuple[int, ...]:
        """The indices of value columns that hold text."""
        return tuple(i for i, value in enumerate(self.values) if value.is_text)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the source that the values are computed from."""
        return tuple(dict.fromkeys(name for value in self.values for name in input_columns(value.node)))

    @cached_property
    def row_function(self) -> RowFunction:
        """The values of one fact, by the index of the value column as text."""
        return compile_row({str(index): value.node for index, value in enumerate(self.values)}, self.schema)


def compile_view(view: FeatureView, schema: Schema, *, shard: str) -> CompiledView:
    """Compile a valid view over its source's schema.  Raises PRJ-010 when an expression does not fit the schema."""
    values: list[ValueColumn] = []
    wanted = list(_iter_outputs(view, schema, values))
    outputs = [output for _, output, _ in wanted]
    reach = max(reach_of(output) for output in outputs)
    return CompiledView(
        view=view,
        shard=shard,
        schema=schema,
        values=tuple(values),
        program=compile_program(outputs, kinds=[value.kind for value in values]),
        outputs=tuple(Field(name, dtype) for name, _, dtype in wanted),
        reach=reach,
        bucket_width=0 if reach >= FOREVER else max(reach // _BUCKETS_PER_WINDOW, MINUTE),
    )


def feature_fields(view: FeatureView, schema: Schema) -> tuple[Field, ...]:
    """The columns that the view gives, entity by entity, with their types."""
    wanted = [(name, dtype) for name, _, dtype in _iter_outputs(view, schema, [])]
    return tuple(Field(f"{entity.name}__{name}", dtype) for entity in view.entities for name, dtype in wanted)


def _iter_outputs(view: FeatureView, schema: Schema, values: list[ValueColumn]) -> Iterator[tuple[str, Output, DType]]:
    match view.features:
        case Latest(columns):
            for name in columns:
                column, dtype = _value(Column(name), schema, values)
                yield name, Output(Op.LATEST, column, view.ttl), dtype
        case features:
            for name, aggregation in features:
                for window in view.windows:
                    output, dtype = _aggregate(aggregation, schema, values, window=window)
                    yield f"{name}__{format_duration(window)}", output, dtype


def _aggregate(aggregation: Aggregation, schema: Schema, values: list[ValueColumn], *, window: Micros) -> tuple[Output, DType]:
    if aggregation.operand is None:
        return Output(Op.COUNT_ROWS, span=window), DType.INT64
    column, dtype = _value(aggregation.operand, schema, values)
    return Output(_OPS[aggregation.name], column, window), _result_type(aggregation, dtype)


def _result_type(aggregation: Aggregation, operand: DType) -> DType:
    match aggregation.name:
        case "count":
            return DType.INT64
        case "mean":
            return DType.FLOAT64
        case "sum":
            return DType.INT64 if operand is DType.BOOLEAN else operand
        case "min" | "max" | "last":
            return operand


def _value(node: Node, schema: Schema, values: list[ValueColumn]) -> tuple[int, DType]:
    value = ValueColumn(node, infer_type(node, schema))
    if value not in values:
        values.append(value)
    return values.index(value), value.dtype
