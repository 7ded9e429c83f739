"""What to make of the values in a window: which aggregates there are, of which types, and what each
gives.

The meaning of each is told to users by the methods of `aggregable`, and computed by the kernel of
`features`; here is what can be decided from the declaration alone.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal as OneOf
from typing import get_args

from mainspring.elements.expression.tree import Node, Scalar
from mainspring.elements.schema import DType
from mainspring.elements.text import is_unicode

__all__ = [
    "MOST_ELEMENTS",
    "OPERANDS",
    "ORDERED",
    "Aggregation",
    "AggregationName",
    "AggregationParameter",
    "OutOfRange",
    "parameter_problems",
    "result_type",
    "value_problems",
]

Single = OneOf[
    "count",
    "sum",
    "mean",
    "var",
    "std",
    "min",
    "max",
    "first",
    "last",
    "any",
    "all",
    "time_since_last",
    "skew",
    "kurt",
]
Parametric = OneOf[
    "first_k",
    "last_k",
    "top_k",
    "bottom_k",
    "count_distinct",
    "approx_count_distinct",
    "quantile",
    "quantiles",
    "histogram",
    "value_counts",
    "ewma",
]
AggregationName = Single | Parametric
OutOfRange = OneOf["saturate", "approximate"]
AggregationParameter = Scalar | tuple[Scalar, ...]

MOST_ELEMENTS = 1_000
"""The most values that one aggregate gives; an answer has room for all of them in every row."""

_NUMBERS = (DType.INT64, DType.FLOAT64)
_SUMMABLE = (*_NUMBERS, DType.BOOLEAN)
_LISTABLE = (*_SUMMABLE, DType.STRING, DType.TIMESTAMP)
_ANY = (*_LISTABLE, DType.DURATION)

OPERANDS: Mapping[AggregationName, tuple[DType, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "count",
                "min",
                "max",
                "first",
                "last",
                "time_since_last",
                "count_distinct",
                "approx_count_distinct",
            ),
            _ANY,
        ),
        **dict.fromkeys(("sum", "mean", "var", "std", "skew", "kurt", "ewma"), _SUMMABLE),
        **dict.fromkeys(("any", "all"), (DType.BOOLEAN,)),
        **dict.fromkeys(("first_k", "last_k", "top_k", "bottom_k"), _LISTABLE),
        **dict.fromkeys(("quantile", "quantiles", "histogram"), _NUMBERS),
        "value_counts": (DType.INT64, DType.BOOLEAN, DType.STRING),
    }
)
"""The types that each aggregate is made of."""


ORDERED: frozenset[AggregationName] = frozenset({"ewma", "skew", "kurt"})
"""Those that fold the events of a window one by one in total order; all others are states that are
merged in any order.
"""


@dataclass(frozen=True)
class Aggregation:
    """An aggregate of an expression over a window.

    Args:
        operand: what is aggregated; None: rows are counted.
        where: facts for which this is not true do not count.
        parameters: what the aggregate needs besides, by name in the order of the method that a user
            calls.
    """

    name: AggregationName
    operand: Node | None
    where: Node | None = None
    parameters: tuple[tuple[str, AggregationParameter], ...] = ()

    def whole(self, name: str) -> int:
        """A parameter that is a whole number."""
        value = dict(self.parameters)[name]
        assert isinstance(value, int)
        return value

    def several(self, name: str) -> tuple[Scalar, ...]:
        """A parameter that is a tuple; a single value is a tuple of one."""
        value = dict(self.parameters)[name]
        return value if isinstance(value, tuple) else (value,)


def result_type(aggregation: Aggregation, operand: DType) -> DType:
    """The type that the aggregate gives of values of a type that it takes."""
    match aggregation.name:
        case "count" | "count_distinct" | "approx_count_distinct":
            return DType.INT64
        case "sum":
            return DType.INT64 if operand is DType.BOOLEAN else operand
        case "mean" | "var" | "std" | "quantile" | "ewma" | "skew" | "kurt":
            return DType.FLOAT64
        case "any" | "all":
            return DType.BOOLEAN
        case "min" | "max" | "first" | "last":
            return operand
        case "time_since_last":
            return DType.DURATION
        case "first_k" | "last_k" | "top_k" | "bottom_k":
            return DType.list_of(operand)
        case "quantiles":
            return DType.LIST_FLOAT64
        case "histogram" | "value_counts":
            return DType.LIST_INT64


def parameter_problems(aggregation: Aggregation) -> Iterator[str]:
    """What is wrong with the parameters, whatever the type of the operand."""
    for name, value in aggregation.parameters:
        check = _CHECKS.get(name)
        if check is not None:
            yield from check(name, value)


def value_problems(aggregation: Aggregation, operand: DType) -> Iterator[str]:
    """Which listed values could never be met among values of this type."""
    if aggregation.name == "value_counts":
        for value in aggregation.several("values"):
            if not _is_of(value, operand):
                yield f"values holds {value!r}, which is not of type {operand.value}"
    if aggregation.name == "histogram" and operand is DType.INT64:
        for edge in aggregation.several("edges"):
            if isinstance(edge, float) and not edge.is_integer():
                yield f"edges holds {edge!r}, and whole numbers are told apart by whole edges"


def _is_of(value: Scalar, dtype: DType) -> bool:
    match value:
        case bool():
            return dtype is DType.BOOLEAN
        case int():
            return dtype is DType.INT64 and -(2**63) <= value < 2**63
        case str():
            return dtype is DType.STRING
        case float():
            return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole_between(least: int, most: int) -> Callable[[str, AggregationParameter], Iterator[str]]:
    def check(name: str, value: AggregationParameter) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield f"{name}={value!r} is not a whole number from {least} to {most:_}"

    return check


def _check_beyond(name: str, value: AggregationParameter) -> Iterator[str]:
    if value not in get_args(OutOfRange):
        yield f"{name}={value!r} is none of {', '.join(get_args(OutOfRange))}"


def _check_rank(name: str, value: AggregationParameter) -> Iterator[str]:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        yield f"{name}={value!r} does not lie in [0, 1]"


def _check_ranks(name: str, value: AggregationParameter) -> Iterator[str]:
    ranks = value if isinstance(value, tuple) else (value,)
    yield from _check_number(name, ranks)
    for rank in ranks:
        yield from _check_rank(name, rank)


def _check_edges(name: str, value: AggregationParameter) -> Iterator[str]:
    edges = value if isinstance(value, tuple) else (value,)
    yield from _check_number(name, edges)
    strange = [
        edge for edge in edges if not _is_number(edge) or not -(2**63) <= float(edge) < 2**63
    ]
    yield from (f"{name} holds {edge!r}, which is no finite number of 64 bits" for edge in strange)
    numbers = [float(edge) for edge in edges if edge not in strange]
    if any(left >= right for left, right in pairwise(numbers)):
        yield f"{name} do not ascend"


def _check_values(name: str, value: AggregationParameter) -> Iterator[str]:
    values = value if isinstance(value, tuple) else (value,)
    yield from _check_number(name, values)
    if len({(type(each), each) for each in values}) < len(values):
        yield f"{name} names a value twice"
    for each in values:
        if isinstance(each, str) and not is_unicode(each):
            yield f"{name} holds {each!a}, and half of a surrogate pair is no text"


def _check_number(name: str, values: Sequence[Scalar]) -> Iterator[str]:
    if not values:
        yield f"{name} is empty"
    if len(values) > MOST_ELEMENTS:
        yield f"{name} holds {len(values)}, and an aggregate gives {MOST_ELEMENTS:_} values at most"


_CHECKS: Mapping[str, Callable[[str, AggregationParameter], Iterator[str]]] = {
    "k": _whole_between(1, MOST_ELEMENTS),
    "limit": _whole_between(1, 2**40),
    "precision": _whole_between(4, 16),
    "beyond": _check_beyond,
    "q": _check_rank,
    "qs": _check_ranks,
    "edges": _check_edges,
    "values": _check_values,
}
