"""Faults of expressions and columns, with the declaration that uses them and the user's line."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mainspring.elements.errors import DeclarationError, Location
from mainspring.elements.expression.aggregation import (
    OPERANDS,
    Aggregation,
    parameter_problems,
    value_problems,
)
from mainspring.elements.expression.errors import WrongOperand
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.expression.readings.types import COMPUTABLE, unknown_column
from mainspring.elements.expression.tree import Node, input_columns
from mainspring.elements.schema import DType, Schema
from mainspring.project.loader.errors import UnfitAggregation, UnfitExpression, WrongType

__all__ = [
    "FaultContext",
    "aggregation_faults",
    "column_faults",
    "expression_faults",
    "guesses_of",
    "in_place",
    "parameter_faults",
]


@dataclass(frozen=True)
class FaultContext:
    """The declaration that uses an expression, and where it is declared."""

    user: str
    at: Location


def in_place(fault: DeclarationError, place: FaultContext, *, note: str = "") -> DeclarationError:
    """The fault, attributed to this place, with a note behind what it says."""
    return UnfitExpression(
        user=place.user,
        problem=fault.message + note,
        fault=fault.code,
        advice=fault.remedy.format(**fault.details()),
        at=place.at,
    )


def expression_faults(
    node: Node, schema: Schema, place: FaultContext, *, wanted: Collection[DType] = COMPUTABLE
) -> Iterator[DeclarationError]:
    """Everything that is wrong with an expression over these columns, or that its type is not one
    of `wanted`.
    """
    faults = type_faults(node, schema)
    guessed = guesses_of(input_columns(node), schema)
    if faults:
        yield from (
            in_place(fault, place, note=guessed if isinstance(fault, WrongOperand) else "")
            for fault in faults
        )
    elif (dtype := infer_type(node, schema)) not in wanted:
        yield WrongType(
            user=place.user,
            dtype=dtype.value,
            wanted=" or ".join(w.value for w in wanted),
            guessed=guessed,
            at=place.at,
        )


def aggregation_faults(
    aggregation: Aggregation, schema: Schema, place: FaultContext
) -> Iterator[DeclarationError]:
    """Everything that is wrong with the operand of an aggregation: a sum of text, a missing column,
    a value that cannot occur.
    """
    inside = FaultContext(f"{place.user}, inside {aggregation.name}()", place.at)
    if aggregation.where is not None:
        yield from expression_faults(
            aggregation.where,
            schema,
            FaultContext(f"{place.user}, where", place.at),
            wanted=[DType.BOOLEAN],
        )
    if aggregation.operand is not None:
        faults = list(
            expression_faults(
                aggregation.operand, schema, inside, wanted=OPERANDS[aggregation.name]
            )
        )
        yield from faults
        if not faults:
            problems = value_problems(aggregation, infer_type(aggregation.operand, schema))
            yield from (
                UnfitAggregation(user=inside.user, problem=problem, at=place.at)
                for problem in problems
            )


def parameter_faults(aggregation: Aggregation, place: FaultContext) -> Iterator[DeclarationError]:
    """Everything that is wrong with the parameters of an aggregation, whatever its operand is."""
    user = f"{place.user}, {aggregation.name}()"
    yield from (
        UnfitAggregation(user=user, problem=problem, at=place.at)
        for problem in parameter_problems(aggregation)
    )


def column_faults(
    names: Collection[str],
    schema: Schema,
    place: FaultContext,
    *,
    wanted: Collection[DType] = tuple(DType),
) -> Iterator[DeclarationError]:
    """A fault for each name that is not a column, or one whose type is not one of `wanted`."""
    for name in names:
        if name not in schema:
            yield in_place(unknown_column(name, schema), place)
        elif schema[name].dtype not in wanted:
            yield WrongType(
                user=f"column {name}, {place.user},",
                dtype=schema[name].dtype.value,
                wanted=" or ".join(w.value for w in wanted),
                guessed=guesses_of([name], schema),
                at=place.at,
            )


def guesses_of(names: Collection[str], schema: Schema) -> str:
    """Why columns without a contract have their types, for a message about these."""
    reasons = dict(schema.guessed)
    guesses = [
        f"{name} was guessed to be {schema[name].dtype} because {reasons[name]}"
        for name in names
        if name in reasons and name in schema
    ]
    return f"; {', '.join(guesses)}" if guesses else ""
