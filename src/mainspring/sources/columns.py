"""The columns of facts in the types of a schema, whether they come from a file, an older batch or a
table.

A source's file may gain, lose or retype a column.  The log stores each batch as it was written, so
a reader passes the types that it works with; a value that cannot be converted to them is null, and
so is a column that the batch did not have.

A table, which has one type for each column, stores the values of another type in a second column,
`delay~float64`: Delta would store 1.5 in a column of whole numbers as 1.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from mainspring.elements.expression.calendar import CALENDAR_RANGE
from mainspring.elements.frame import STORED, schema_of
from mainspring.elements.schema import DType, Schema
from mainspring.ports.log import ENVELOPE

__all__ = [
    "conform_rows",
    "conversion",
    "conversion_can_fail",
    "is_reserved",
    "rejoin_changed_columns",
    "split_changed_columns",
]

_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_MARK = "~"


def conversion(column: pl.Expr, stored: pl.DataType, dtype: DType) -> pl.Expr:
    """A column converted to the wanted type; a value that cannot be converted is null."""
    wanted = STORED[dtype]
    if dtype is DType.TIMESTAMP:
        moment = _instant(column, stored)
        return pl.when(moment.cast(pl.Int64).is_between(*CALENDAR_RANGE)).then(moment)
    if stored == wanted:
        return column
    match stored, dtype:
        case pl.String(), DType.BOOLEAN:
            return column.replace_strict(
                {"true": True, "false": False, "True": True, "False": False},
                default=None,
                return_dtype=pl.Boolean,
            )
        case pl.Float32() | pl.Float64(), DType.INT64:
            return pl.when(column == column.floor()).then(column.cast(wanted, strict=False))
        case _:
            return column.cast(wanted, strict=False)


def conversion_can_fail(stored: pl.DataType, dtype: DType) -> bool:
    """Whether some values of the stored type cannot be converted to the wanted one."""
    if stored == pl.Null or (stored == STORED[dtype] and dtype is not DType.TIMESTAMP):
        return False
    return not (
        stored.is_integer() and dtype in (DType.INT64, DType.FLOAT64) and stored != pl.UInt64
    )


def conform_rows(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Records with the columns of the schema in its types; other columns stay as they are.

    Cost: a look at each column where nothing differs.
    """
    stored = frame.schema
    differing = [field for field in schema if stored.get(field.name) != STORED[field.dtype]]
    if not differing:
        return frame
    return frame.with_columns(
        (
            conversion(pl.col(name), stored[name], dtype)
            if name in stored
            else pl.lit(None, dtype=STORED[dtype])
        ).alias(name)
        for name, dtype in ((field.name, field.dtype) for field in differing)
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
        if field.dtype is DType.DURATION or held[field.name] is not field.dtype:
            names[field.name] = f"{field.name}{_MARK}{field.dtype}"
    lengths = [name for name, stored in frame.schema.items() if isinstance(stored, pl.Duration)]
    return frame.with_columns(pl.col(lengths).cast(pl.Int64)).rename(names)


def rejoin_changed_columns(frame: pl.DataFrame, schema: Schema | None = None) -> pl.DataFrame:
    """Records of a table with the parts of each column joined again: in the type of the schema if
    it has the column, else in a type that can hold all values.
    """
    wanted = {field.name: field.dtype for field in schema or ()}
    for name, variants in _variants(frame.schema).items():
        dtype = wanted.get(name) or _widest(variants.values())
        values = [
            _variant(frame.schema[column], column, kept).pipe(conversion, STORED[kept], dtype)
            for column, kept in variants.items()
        ]
        frame = frame.with_columns(pl.coalesce(values).alias(name)).drop(
            [column for column in variants if column != name]
        )
    return frame


def is_reserved(name: str) -> bool:
    """Whether the name is reserved for the log and its tables.

    >>> is_reserved("_offset"), is_reserved("delay~float64"), is_reserved("a~b")
    (True, True, False)
    """
    return name.startswith("_") or _split(name) is not None


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
    return pl.col(column) if stored == STORED[dtype] else pl.col(column).cast(STORED[dtype])


def _split(column: str) -> tuple[str, DType] | None:
    name, _, kept = column.rpartition(_MARK)
    return (name, DType(kept)) if name and kept in {dtype.value for dtype in STORED} else None


def _instant(column: pl.Expr, stored: pl.DataType) -> pl.Expr:
    """An instant that is beyond the calendar breaks its row: nothing downstream could show it, and
    Polars cannot write it.
    """
    match stored:
        case pl.String():
            return _instant_of_text(column)
        case pl.Datetime() if stored.time_zone is None:
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        case _:
            return column.cast(STORED[DType.TIMESTAMP], strict=False)


def _instant_of_text(column: pl.Expr) -> pl.Expr:
    """ISO 8601 with or without a zone, a fraction, seconds or a time of day; without a zone it is
    UTC.
    """
    text = column.str.replace(" ", "T", literal=True)
    zoned = text.str.to_datetime(_TIME_FORMATS[0], time_unit="us", strict=False)
    naive = [
        text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for form in _TIME_FORMATS[1:]
    ]
    return pl.coalesce(zoned, *naive)
