"""Faults of expressions and columns in their place: whose they are, and on which line of the user's."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mainspring.elements.errors import DeclarationError, Location
from mainspring.elements.expression.infer import faults_of, infer_type, unknown_column
from mainspring.elements.expression.tree import Aggregation, Node
from mainspring.elements.schema import DType, Schema
from mainspring.project.errors import UnfitExpression, WrongType

__all__ = ["Place", "aggregation_faults", "column_faults", "expression_faults", "in_place"]

_SUMMABLE = (DType.INT64, DType.FLOAT64, DType.BOOLEAN)
_ORDERED = (*_SUMMABLE, DType.TIMESTAMP, DType.DURATION)
_ANY = (*_ORDERED, DType.STRING)
_OPERANDS: dict[str, tuple[DType, ...]] = {"count": _ANY, "sum": _SUMMABLE, "mean": _SUMMABLE, "min": _ORDERED, "max": _ORDERED, "last": _ANY}


@dataclass(frozen=True)
class Place:
    """Who uses an expression, in words, and where it is declared."""

    user: str
    at: Location


def in_place(fault: DeclarationError, place: Place) -> DeclarationError:
    """The fault as one of this place."""
    return UnfitExpression(user=place.user, problem=fault.message, fault=fault.code, advice=fault.remedy.format(**fault.details()), at=place.at)


def expression_faults(node: Node, schema: Schema, place: Place, *, wanted: Collection[DType] = _ANY) -> Iterator[DeclarationError]:
    """Everything that is wrong with an expression over these columns, or its type if that is not wanted."""
    faults = faults_of(node, schema)
    if faults:
        yield from (in_place(fault, place) for fault in faults)
    elif (dtype := infer_type(node, schema)) not in wanted:
        yield WrongType(user=place.user, dtype=dtype.value, wanted=" or ".join(w.value for w in wanted), at=place.at)


def aggregation_faults(aggregation: Aggregation, schema: Schema, place: Place) -> Iterator[DeclarationError]:
    """Everything that is wrong with what is aggregated: a sum of text, a column that is not there."""
    if aggregation.operand is not None:
        inside = Place(f"{place.user}, inside {aggregation.name}()", place.at)
        yield from expression_faults(aggregation.operand, schema, inside, wanted=_OPERANDS[aggregation.name])


def column_faults(names: Collection[str], schema: Schema, place: Place) -> Iterator[DeclarationError]:
    """The names that are not columns."""
    yield from (in_place(unknown_column(name, schema), place) for name in names if name not in schema)
