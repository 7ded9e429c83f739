"""The columns of a source, from its data and its contract, and every fault of the declaration."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.expression.operations.dates import is_time_zone
from mainspring.elements.expression.readings.types import unknown_column
from mainspring.elements.expression.tree import Node
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.number import DECIMAL_DIGITS, DECIMALS
from mainspring.elements.values.spelling import PLAIN
from mainspring.sources.columns import is_reserved
from mainspring.sources.errors import (
    PromisedColumnMissing,
    TypeConflict,
    UnusableColumn,
    UnusableId,
    UnusableTime,
)
from mainspring.sources.spec import ColumnContract, Source

__all__ = [
    "can_be_read",
    "contract_problems",
    "contract_schema",
    "effective_schema",
    "validate_source",
]

_WHOLE, _EXACT = (DType.INT64, DType.UINT64), (DType.INT64, DType.UINT64, DType.DECIMAL)
_READABLE_AS: Mapping[DType, tuple[DType, ...]] = MappingProxyType(
    {
        DType.STRING: (
            DType.TIMESTAMP,
            DType.TIME,
            DType.DECIMAL,
            DType.UINT64,
            DType.BYTES,
            DType.LIST_FLOAT64,
        ),
        DType.INT64: (*_EXACT, DType.FLOAT64, DType.BOOLEAN, DType.STRING),
        DType.UINT64: (*_EXACT, DType.FLOAT64, DType.STRING),
        DType.FLOAT64: (*_EXACT, DType.STRING),
        DType.DECIMAL: (*_WHOLE, DType.FLOAT64, DType.STRING),
        DType.BOOLEAN: (DType.STRING,),
    }
)
"""What else a contract may promise of the columns of a file that says their types.  Whole numbers
are not read as instants: whether they count seconds or microseconds only an expression can say.
"""
_SAMPLE = datetime(2031, 12, 30, 23, 58, 57, tzinfo=UTC)
_IDS = (*_WHOLE, DType.STRING, DType.BOOLEAN, DType.TIMESTAMP)


def contract_schema(source: Source) -> Schema:
    """The columns that the contract names: the whole schema of a source that is only pushed to."""
    return Schema(
        tuple(
            Field(name, column.dtype, column.nullable, column.spelling)
            for name, column in source.contract.columns
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
        if is_reserved(field.name)
    ]
    for fault in faults:
        fault.at = source.declared_at
    return faults


def can_be_read(found: DType, promised: ColumnContract) -> bool:
    """Whether columns of a type can be what a contract says.  Texts can be anything that it says
    how to write.
    """
    if found is promised.dtype or promised.dtype in _READABLE_AS.get(found, ()):
        return True
    return found is DType.STRING and promised.spelling != PLAIN


def contract_problems(column: ColumnContract) -> Iterator[str]:
    """What is wrong with the contract of a column in itself."""
    spelling = column.spelling
    nulls: Iterable[object] = spelling.nulls
    for null in nulls:
        if not isinstance(null, str):
            yield f"nulls={null!r} is no text; write {str(null)!r}"
    if column.between is not None and not column.between[0] <= column.between[1]:
        yield f"between={column.between} is an empty range"
    if len(spelling.decimal) != 1 or spelling.decimal.isalnum() or spelling.decimal in "+-":
        yield f"decimal={spelling.decimal!r} is not one mark"
    if len(spelling.thousands) > 1 or spelling.thousands.isalnum() or spelling.thousands == "-":
        yield f"thousands={spelling.thousands!r} is not one mark"
    if spelling.thousands == spelling.decimal:
        yield f"decimal and thousands are the same mark {spelling.decimal!r}"
    if spelling.zone and not is_time_zone(spelling.zone):
        yield f"zone={spelling.zone!r} is not a time zone of the IANA database"
    if spelling.format:
        yield from _format_problems(spelling.format)
    if column.digits is not None and not _has_digits(*column.digits):
        yield (
            f"precision {column.digits[0]} and scale {column.digits[1]} do not fit: at most "
            f"{DECIMALS} decimals, and {DECIMAL_DIGITS - DECIMALS} digits before them"
        )
    if column.size is not None and column.size < 1:
        yield f"a vector of {column.size} numbers holds nothing"


def _format_problems(form: str) -> Iterator[str]:
    if "%Z" in form.replace("%%", ""):
        # Python skips the name, and which ones it knows depends on the machine.
        yield f"format={form!r} has %Z, of which nothing is read: %z is an offset, zone= a zone"
        return
    written = _SAMPLE.strftime(form)
    try:
        read = datetime.strptime(written, form)  # noqa: DTZ007
    except ValueError as error:
        yield f"format={form!r} cannot be read: {error}"
    else:
        if read.date() != _SAMPLE.date():
            yield f"format={form!r} does not say the year, the month and the day"


def _has_digits(precision: int, scale: int) -> bool:
    return 0 <= scale <= min(precision, DECIMALS) and 0 < precision <= (
        DECIMAL_DIGITS - DECIMALS + scale
    )


def _merged(source: Source, found: Schema) -> Schema:
    promised = dict(source.contract.columns)
    return Schema(
        tuple(
            Field(f.name, column.dtype, column.nullable, column.spelling)
            if (column := promised.get(f.name)) is not None
            else f
            for f in found
        ),
        found.unusable,
        found.guessed,
    )


def _contract_faults(source: Source, found: Schema) -> list[DeclarationError]:
    faults: list[DeclarationError] = []
    unusable = dict(found.unusable)
    for name, promised in source.contract.columns:
        if name in unusable:
            faults.append(
                UnusableColumn(
                    source=source.name, column=name, found=unusable[name], at=source.declared_at
                )
            )
        elif name not in found:
            faults.append(
                PromisedColumnMissing(
                    source=source.name,
                    column=name,
                    known=", ".join(found.names),
                    at=source.declared_at,
                )
            )
        elif not can_be_read(found[name].dtype, promised):
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
    unfit = [name for name in source.id if name in schema and schema[name].dtype not in _IDS]
    if unfit:
        dtypes = " and ".join(dict.fromkeys(schema[name].dtype.value for name in unfit))
        faults.append(
            UnusableId(
                source=source.name,
                columns=", ".join(unfit),
                reason=f"a value of type {dtypes} names nothing",
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
