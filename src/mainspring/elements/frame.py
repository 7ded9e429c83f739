"""How the types of a schema are stored in Polars frames, and which schema a frame has."""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.number import DECIMAL_DIGITS, DECIMALS

__all__ = ["STORED", "schema_of"]

_PLAIN: dict[DType, pl.DataType] = {
    DType.INT64: pl.Int64(),
    DType.FLOAT64: pl.Float64(),
    DType.BOOLEAN: pl.Boolean(),
    DType.STRING: pl.String(),
    DType.TIMESTAMP: pl.Datetime("us", "UTC"),
    DType.DURATION: pl.Duration("us"),
    DType.UINT64: pl.UInt64(),
    DType.DECIMAL: pl.Decimal(DECIMAL_DIGITS, DECIMALS),
    DType.BYTES: pl.Binary(),
    # In whole microseconds since midnight, as every other time: neither Delta nor an expression has
    # a type for them.
    DType.TIME: pl.Int64(),
}
STORED: Mapping[DType, pl.DataType] = MappingProxyType(
    _PLAIN | {dtype: pl.List(_PLAIN[dtype.element]) for dtype in DType if dtype.is_list}
)
"""The Polars type of each type that a column can have; `ZONED` exists only inside expressions."""


def schema_of(columns: Mapping[str, pl.DataType]) -> tuple[Schema, dict[str, str]]:
    """The schema that these Polars columns can be cast to without loss, and the columns (with their
    Polars type) that have no type of ours.

    >>> schema, others = schema_of({"n": pl.Int32(), "tags": pl.List(pl.String)})
    >>> schema["n"].dtype
    <DType.INT64: 'int64'>
    >>> others
    {'tags': 'List(String)'}
    """
    fields, strange = [], {}
    for name, stored in columns.items():
        dtype = _dtype_of(stored)
        if dtype is None:
            strange[name] = str(stored)
        else:
            fields.append(Field(name, dtype))
    return Schema(tuple(fields)), strange


def _dtype_of(stored: pl.DataType) -> DType | None:
    match stored:
        case pl.Int128() | pl.UInt128():
            return None
        case pl.UInt64():
            return DType.UINT64
        case _ if stored.is_integer():
            return DType.INT64
        case _ if stored.is_float():
            return DType.FLOAT64
        case pl.Boolean():
            return DType.BOOLEAN
        case pl.String() | pl.Categorical() | pl.Enum() | pl.Null():
            return DType.STRING
        case pl.Datetime() | pl.Date():
            return DType.TIMESTAMP
        case pl.Duration():
            return DType.DURATION
        case pl.Decimal():
            return DType.DECIMAL if stored.scale <= DECIMALS else None
        case pl.Binary():
            return DType.BYTES
        case pl.Time():
            return DType.TIME
        case pl.List() | pl.Array() if stored.inner.is_numeric() and not stored.inner.is_decimal():
            return DType.LIST_FLOAT64
        case _:
            return None
