"""The columns of facts in the types of a schema, whether they come from a file, an older batch or a
table.

A source's file may gain, lose or retype a column.  The log stores each batch as it was written, so
a reader passes the types that it works with; a value that cannot be converted to them is null, and
so is a column that the batch did not have.

A table, which has one type for each column, stores the values of another type in a second column,
`delay~float64`: Delta would store 1.5 in a column of whole numbers as 1.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import polars as pl

from mainspring.elements.frame import STORED, schema_of
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.columns import reading_of
from mainspring.ports.log import ENVELOPE

__all__ = [
    "conform_rows",
    "is_reserved",
    "rejoin_changed_columns",
    "split_changed_columns",
]

_MARK = "~"
_PATTERN = re.compile(r"\*|\^.*\$", re.DOTALL)
Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)
_IN_WORDS = (DType.DURATION, DType.UINT64)
"""The types that Delta does not have, and holds as whole numbers of 64 bits."""


def conform_rows(frame: Rows, schema: Schema) -> Rows:
    """Records with the columns of the schema in its types; other columns stay as they are.

    Cost: a look at each column where nothing differs.
    """
    stored = frame.collect_schema()
    differing = [field for field in schema if stored.get(field.name) != STORED[field.dtype]]
    if not differing:
        return frame
    return frame.with_columns(
        (
            _converted(pl.col(field.name), stored[field.name], field)
            if field.name in stored
            else pl.lit(None, dtype=STORED[field.dtype])
        ).alias(field.name)
        for field in differing
    )


def split_changed_columns(frame: pl.DataFrame, held: dict[str, DType]) -> pl.DataFrame:
    """Records with each column named for the table, which holds one type under each name; lengths
    of time go as whole numbers, for Delta has no such type.

    Args:
        held: the type of each column of the table; filled with those that these records add.
    """
    names: dict[str, str] = {}
    for field in schema_of(
        {name: dtype for name, dtype in frame.schema.items() if name not in ENVELOPE}
    )[0]:
        held.setdefault(field.name, field.dtype)
        if field.dtype in _IN_WORDS or held[field.name] is not field.dtype:
            names[field.name] = f"{field.name}{_MARK}{field.dtype}"
    lengths = [name for name, stored in frame.schema.items() if isinstance(stored, pl.Duration)]
    unsigned = [name for name, stored in frame.schema.items() if isinstance(stored, pl.UInt64)]
    return frame.with_columns(
        pl.col(lengths).cast(pl.Int64), pl.col(unsigned).reinterpret(signed=True)
    ).rename(names)


def rejoin_changed_columns(frame: Rows, schema: Schema | None = None) -> Rows:
    """Records of a table with the parts of each column joined again: in the type of the schema if
    it has the column, else in a type that can hold all values.
    """
    wanted, stored = {field.name: field for field in schema or ()}, frame.collect_schema()
    for name, variants in _variants(stored).items():
        field = wanted.get(name) or Field(name, _widest(variants.values()))
        values = [
            _converted(_variant(stored[column], column, kept), STORED[kept], field)
            for column, kept in variants.items()
        ]
        frame = frame.with_columns(pl.coalesce(values).alias(name)).drop(
            [column for column in variants if column != name]
        )
    return frame


def is_reserved(name: str) -> bool:
    """Whether the name is reserved for the log and its tables, or is a pattern to Polars.

    >>> is_reserved("_offset"), is_reserved("delay~float64"), is_reserved("a~b")
    (True, True, False)
    """
    is_pattern = _PATTERN.fullmatch(name) is not None
    return name.startswith("_") or is_pattern or _split(name) is not None


def _variants(columns: Mapping[str, pl.DataType]) -> dict[str, dict[str, DType]]:
    """By name of those that lie apart: the columns that hold its values, oldest first, and their
    types.
    """
    found: dict[str, dict[str, DType]] = {}
    for column in columns:
        if split := _split(column):
            plain = (
                {split[0]: schema_of({split[0]: columns[split[0]]})[0][split[0]].dtype}
                if split[0] in columns
                else {}
            )
            found.setdefault(split[0], plain)[column] = split[1]
    return found


def _widest(dtypes: Iterable[DType]) -> DType:
    distinct = set(dtypes)
    numbers = distinct == {DType.INT64, DType.FLOAT64}
    return distinct.pop() if len(distinct) == 1 else DType.FLOAT64 if numbers else DType.STRING


def _variant(stored: pl.DataType, column: str, dtype: DType) -> pl.Expr:
    if stored == STORED[dtype]:
        return pl.col(column)
    if dtype is DType.UINT64:
        return pl.col(column).reinterpret(signed=False)
    return pl.col(column).cast(STORED[dtype])


def _converted(column: pl.Expr, stored: pl.DataType, field: Field) -> pl.Expr:
    """The column in the field's type; a value that has none there is null.

    Instants become text here, which they are to no reader of new rows: a column of facts that once
    were instants must still show them.
    """
    if field.dtype is DType.STRING and stored.is_temporal():
        return column.cast(pl.String)
    return reading_of(column, stored, field)


def _split(column: str) -> tuple[str, DType] | None:
    name, _, kept = column.rpartition(_MARK)
    return (name, DType(kept)) if name and kept in {dtype.value for dtype in STORED} else None
