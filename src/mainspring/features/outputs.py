"""From a declared aggregate to what the kernel computes: an operation over a column of values,
its parameters as 64-bit patterns.

A condition (`where`) becomes part of the value: where it does not hold there is no value, and
nothing else in the engine knows of conditions.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mainspring.elements.expression.aggregation import Aggregation, AggregationName, result_type
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.operations.conditional import When
from mainspring.elements.expression.operations.hashing import Hash
from mainspring.elements.expression.tree import Column, Literal, Node, Scalar
from mainspring.elements.schema import DType, Schema
from mainspring.elements.window import WindowLength, format_window
from mainspring.features.kernel.program import AggregateOp, OutputSpec, ValueKind
from mainspring.features.spec import FeatureView, Latest

__all__ = ["COMPARING", "NamedOutput", "ValueColumn", "iter_outputs"]

_OPS: dict[AggregationName, AggregateOp] = {
    "count": AggregateOp.COUNT,
    "sum": AggregateOp.SUM,
    "mean": AggregateOp.MEAN,
    "var": AggregateOp.VAR,
    "std": AggregateOp.STD,
    "min": AggregateOp.MIN,
    "max": AggregateOp.MAX,
    "first": AggregateOp.FIRST,
    "last": AggregateOp.LAST,
    "any": AggregateOp.ANY,
    "all": AggregateOp.ALL,
    "time_since_last": AggregateOp.SINCE_LAST,
    "count_distinct": AggregateOp.DISTINCT,
    "approx_count_distinct": AggregateOp.APPROX_DISTINCT,
    "first_k": AggregateOp.FIRST_K,
    "last_k": AggregateOp.LAST_K,
    "top_k": AggregateOp.TOP_K,
    "bottom_k": AggregateOp.BOTTOM_K,
    "quantile": AggregateOp.QUANTILES,
    "quantiles": AggregateOp.QUANTILES,
    "histogram": AggregateOp.HISTOGRAM,
    "value_counts": AggregateOp.VALUE_COUNTS,
    "ewma": AggregateOp.EWMA,
    "skew": AggregateOp.SKEW,
    "kurt": AggregateOp.KURT,
}
_SATURATE, _APPROXIMATE = 0, 1
COMPARING = frozenset(
    {
        AggregateOp.MIN,
        AggregateOp.MAX,
        AggregateOp.TOP_K,
        AggregateOp.BOTTOM_K,
        AggregateOp.DISTINCT,
    }
)
"""Operations that look at values, where others only count them, keep them or hand them on."""


@dataclass(frozen=True)
class ValueColumn:
    """A value that every fact of the view carries: an expression over the source, and its type.

    The kernel holds 64-bit values only.  Text is dictionary-encoded: it travels as its index in a
    list of the texts of this call
    and is fetched at the end: a sorted list of distinct texts where an output compares them, else
    the facts as they lie.  Where only equality with listed texts is asked, it travels as the index
    among those.

    Args:
        listed: the texts that are distinguished; all others are one.
    """

    node: Node
    dtype: DType
    listed: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the kernel sees places in a list of texts."""
        return self.dtype is DType.STRING and not self.listed

    @property
    def kind(self) -> ValueKind:
        """How the kernel reads the 64 bits."""
        return ValueKind.FLOAT if self.dtype is DType.FLOAT64 else ValueKind.INTEGER


class NamedOutput(NamedTuple):
    """One output of a view without its entity: the name of its column, what the kernel makes, and
    the type that comes out.
    """

    name: str
    output: OutputSpec
    dtype: DType


def iter_outputs(
    view: FeatureView, schema: Schema, values: list[ValueColumn]
) -> Iterator[NamedOutput]:
    """Every output of a valid view over its source's schema, in order; the values that they read
    are put into `values`, each once.

    Raises: PRJ-010 when an expression does not fit the schema.
    """
    match view.features:
        case Latest(columns):
            for name in columns:
                index, dtype = _value_index(
                    ValueColumn(Column(name), infer_type(Column(name), schema)), values
                )
                yield NamedOutput(name, OutputSpec(AggregateOp.LATEST, index, view.ttl), dtype)
        case features:
            for name, aggregation in features:
                for window in view.windows:
                    output, dtype = _aggregate(aggregation, schema, values, window=window)
                    yield NamedOutput(f"{name}__{format_window(window)}", output, dtype)


def _aggregate(
    aggregation: Aggregation, schema: Schema, values: list[ValueColumn], *, window: WindowLength
) -> tuple[OutputSpec, DType]:
    node = _operand(aggregation)
    if node is None:
        return OutputSpec(AggregateOp.COUNT_ROWS, span=window), DType.INT64
    dtype = infer_type(node, schema)
    index, _ = _value_index(_travelling(aggregation, node, dtype), values)
    size, parameters = _parameters(aggregation, dtype)
    return OutputSpec(_OPS[aggregation.name], index, window, size, parameters), result_type(
        aggregation, dtype
    )


def _operand(aggregation: Aggregation) -> Node | None:
    """What carries a value where the condition holds; None where rows are counted without one."""
    operand, where = aggregation.operand, aggregation.where
    if where is None:
        return operand
    return When(
        where,
        Literal(True, DType.BOOLEAN) if operand is None else operand,
        Literal(None, DType.BOOLEAN),
    )


def _travelling(aggregation: Aggregation, node: Node, dtype: DType) -> ValueColumn:
    if dtype is DType.STRING and aggregation.name == "value_counts":
        return ValueColumn(
            node, dtype, listed=tuple(str(text) for text in aggregation.several("values"))
        )
    # An estimate is made from the bits, which must not depend on the texts that happen to be at
    # hand.
    return (
        ValueColumn(Hash(node), DType.INT64)
        if dtype is DType.STRING and _is_estimate(aggregation)
        else ValueColumn(node, dtype)
    )


def _is_estimate(aggregation: Aggregation) -> bool:
    return aggregation.name == "approx_count_distinct" or (
        aggregation.name == "count_distinct" and _beyond(aggregation) == _APPROXIMATE
    )


def _value_index(value: ValueColumn, values: list[ValueColumn]) -> tuple[int, DType]:
    if value not in values:
        values.append(value)
    return values.index(value), value.dtype


def _beyond(aggregation: Aggregation) -> int:
    return _APPROXIMATE if aggregation.several("beyond") == ("approximate",) else _SATURATE


def _parameters(aggregation: Aggregation, dtype: DType) -> tuple[int, tuple[int, ...]]:
    """How many values the output has at most, and the kernel's parameters."""
    match aggregation.name:
        case "first_k" | "last_k" | "top_k" | "bottom_k":
            return aggregation.whole("k"), ()
        case "count_distinct":
            return 1, (aggregation.whole("limit"), _beyond(aggregation))
        case "approx_count_distinct":
            return 1, (aggregation.whole("precision"),)
        case "quantile":
            return 1, _floats(aggregation.several("q"))
        case "quantiles":
            return len(aggregation.several("qs")), _floats(aggregation.several("qs"))
        case "histogram":
            edges = aggregation.several("edges")
            return len(edges) + 1, _floats(edges) if dtype is DType.FLOAT64 else _wholes(edges)
        case "value_counts":
            listed = aggregation.several("values")
            return len(listed) + 1, tuple(range(len(listed))) if dtype is DType.STRING else _wholes(
                listed
            )
        case "ewma":
            return 1, (aggregation.whole("half_life"),)
        case _:
            return 1, ()


def _wholes(values: tuple[Scalar, ...]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _floats(values: tuple[Scalar, ...]) -> tuple[int, ...]:
    """Doubles by their bits; -0 is 0."""
    return tuple(
        int(struct.unpack("<q", struct.pack("<d", float(value) + 0.0))[0]) for value in values
    )
