"""The columns of a source, from its data and its contract, and every fault of the declaration."""

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.expression.readings.types import unknown_column
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType, Field, Schema
from mainspring.sources.columns import is_reserved
from mainspring.sources.errors import (
    PromisedColumnMissing,
    TypeConflict,
    UnusableColumn,
    UnusableId,
    UnusableTime,
)
from mainspring.sources.spec import Source

__all__ = ["contract_schema", "effective_schema", "validate_source"]

_READABLE_AS = {(DType.STRING, DType.TIMESTAMP), (DType.INT64, DType.FLOAT64)}


def contract_schema(source: Source) -> Schema:
    """The columns that the contract names: the whole schema of a source that is only pushed to."""
    return Schema(
        tuple(
            Field(name, column.dtype, column.nullable) for name, column in source.contract.columns
        )
    )


def effective_schema(source: Source, found: Schema) -> Schema:
    """The columns of the data in its order, with the types and nullability of the contract where it
    names them.

    Raises:
        PromisedColumnMissing: PRJ-015.
        TypeConflict: PRJ-016.
    """
    faults = _contract_faults(source, found)
    if faults:
        raise faults[0]
    return _merged(source, found)


def validate_source(source: Source, found: Schema) -> list[DeclarationError]:
    """Every fault of the declaration over data with these columns, each at the user's line."""
    schema = _merged(source, found)
    faults: list[DeclarationError] = [
        *_contract_faults(source, found),
        *_id_faults(source, schema),
        *_time_faults(source, "event_time", source.event_time, schema),
    ]
    if source.known_at != source.event_time:
        faults += _time_faults(source, "known_at", source.known_at, schema)
    faults += [
        UnusableColumn(source=source.name, column=field.name, found=field.dtype)
        for field in found
        if is_reserved(field.name) or field.dtype is DType.ZONED
    ]
    for fault in faults:
        fault.at = source.declared_at
    return faults


def _merged(source: Source, found: Schema) -> Schema:
    promised = dict(source.contract.columns)
    return Schema(
        tuple(
            Field(f.name, promised[f.name].dtype, promised[f.name].nullable)
            if f.name in promised
            else f
            for f in found
        ),
    )


def _contract_faults(source: Source, found: Schema) -> list[DeclarationError]:
    faults: list[DeclarationError] = []
    for name, promised in source.contract.columns:
        if name not in found:
            faults.append(
                PromisedColumnMissing(
                    source=source.name,
                    column=name,
                    known=", ".join(found.names),
                    at=source.declared_at,
                )
            )
        elif (
            found[name].dtype != promised.dtype
            and (found[name].dtype, promised.dtype) not in _READABLE_AS
        ):
            faults.append(
                TypeConflict(
                    source=source.name,
                    column=name,
                    found=found[name].dtype,
                    promised=promised.dtype,
                    at=source.declared_at,
                )
            )
    return faults


def _id_faults(source: Source, schema: Schema) -> list[DeclarationError]:
    columns = ", ".join(source.id) or "no column"
    faults: list[DeclarationError] = [
        unknown_column(name, schema) for name in source.id if name not in schema
    ]
    if not source.id or len(set(source.id)) < len(source.id):
        faults.append(
            UnusableId(
                source=source.name,
                columns=columns,
                reason="it has to name at least one column, each once",
            )
        )
    floats = [
        name
        for name in source.id
        if name in schema and schema[name].dtype in (DType.FLOAT64, DType.DURATION)
    ]
    if floats:
        faults.append(
            UnusableId(
                source=source.name,
                columns=", ".join(floats),
                reason="floats and durations name nothing",
            )
        )
    return faults


def _time_faults(source: Source, role: str, node: Node, schema: Schema) -> list[DeclarationError]:
    faults = list(type_faults(node, schema))
    if faults:
        return faults
    dtype = infer_type(node, schema)
    return (
        []
        if dtype is DType.TIMESTAMP
        else [UnusableTime(source=source.name, role=role, found=dtype)]
    )
