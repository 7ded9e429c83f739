"""Requests as they must be: every field present, every value of the type that the spine's schema
says.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from mainspring.elements.errors import MainspringError
from mainspring.elements.expression.text import is_unicode
from mainspring.elements.expression.tree import Scalar
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import parse_instant
from mainspring.features.errors import MissingRequestField, WrongRequestType
from mainspring.features.online.read import EntityRow

__all__ = ["cast_rows"]

_LARGEST_FLOAT = int(sys.float_info.max)


def cast_rows(
    rows: Sequence[Mapping[str, object]], schema: Schema, *, passengers: Schema
) -> list[EntityRow]:
    """The rows with the schema's fields only, instants as int64 microseconds.

    Args:
        schema: fields that every row must have.
        passengers: fields that are kept where a row has them: the key that its label will be joined
            by.

    Raises: FEA-003 for an absent field, FEA-004 for a value of another type; the first fault of the
        first bad row.
    """
    fields = [(field.name, field.dtype) for field in schema]
    extra = [(field.name, field.dtype) for field in passengers if field.name not in schema]
    return [
        _cast_row(row, fields + [field for field in extra if field[0] in row], index)
        for index, row in enumerate(rows)
    ]


def _cast_row(
    row: Mapping[str, object], fields: Sequence[tuple[str, DType]], index: int
) -> EntityRow:
    cast: dict[str, Scalar | None] = {}
    for name, dtype in fields:
        if name not in row:
            raise MissingRequestField(row=index, field=name)
        cast[name] = _cast_value(row[name], dtype, index=index, field=name)
    return cast


def _cast_value(value: object, dtype: DType, *, index: int, field: str) -> Scalar | None:
    match dtype, value:
        case (_, None):
            return None
        case (DType.STRING, str()) if is_unicode(value):
            return value
        case (DType.BOOLEAN, bool()):
            return value
        case (DType.INT64 | DType.TIMESTAMP | DType.DURATION, int()) if (
            not isinstance(value, bool) and -(2**63) <= value < 2**63
        ):
            return value
        case (DType.FLOAT64, float()):
            return value
        case (DType.FLOAT64, int()) if not isinstance(value, bool) and abs(value) <= _LARGEST_FLOAT:
            return float(value)
        case (DType.TIMESTAMP, str() | datetime()):
            return _instant(value, index=index, field=field)
    raise WrongRequestType(row=index, field=field, value=repr(value), dtype=dtype.value)


def _instant(text: str | datetime, *, index: int, field: str) -> int:
    try:
        return parse_instant(text)
    except MainspringError as error:
        raise WrongRequestType(
            row=index, field=field, value=repr(text), dtype=DType.TIMESTAMP.value
        ) from error
