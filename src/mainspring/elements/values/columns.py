"""Columns read as a type, each value as `scalar` reads it alone.

Polars reads what it reads alike, at a hundredth of the cost; every value that it leaves unread, and
every pair of types that it would read otherwise, goes through the reading of one value.  So the two
agree because there is nothing to disagree, and a law in the tests asks both.
"""

from collections.abc import Callable, Sequence

import polars as pl

from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Field
from mainspring.elements.time import CALENDAR_RANGE, DAY
from mainspring.elements.values.scalar import BAD, BadValue, StoredValue, read_value
from mainspring.elements.values.spelling import PLAIN, Spelling

__all__ = ["always_fits", "read_column", "reading_of", "said", "stored_values"]

_MICROS = (DType.TIMESTAMP, DType.DURATION)
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
# The shape that nearly every program writes.  Polars' own reading of times takes more than ISO 8601
# does, a single digit or a second 60, so it is asked about nothing else.
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[T ][0-9]{2}:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_OFFSET = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_COMMON_INSTANTS = (
    (f"^{_DAY}{_CLOCK}{_OFFSET}$", "%Y-%m-%dT%H:%M:%S%.f%#z"),
    (f"^{_DAY}{_CLOCK}$", "%Y-%m-%dT%H:%M:%S%.f"),
    (f"^{_DAY}$", "%Y-%m-%d"),
)


def read_column(column: pl.Series, field: Field) -> pl.Series:
    """The column in the field's type; null where it is null, and where a value is not of the type.

    >>> read_column(pl.Series(["18.0", "18.5"]), Field("n", DType.INT64)).to_list()
    [18, None]
    """
    return pl.select(reading_of(pl.lit(column), column.dtype, field)).to_series()


def reading_of(column: pl.Expr, stored: pl.DataType, field: Field) -> pl.Expr:
    """The column in the field's type; null where it is null, and where a value is not of the type.

    Args:
        stored: the Polars type of the column.
    """
    if stored == pl.Null:
        return column.cast(STORED[field.dtype])
    if isinstance(stored, _TEXTS):
        return _mapped(_read_texts, column.cast(pl.String), field)
    quick = _quick(column, stored, field)
    return _mapped(_read_each, column, field) if quick is None else quick


def said(column: pl.Expr, stored: pl.DataType, field: Field) -> pl.Expr:
    """Whether each row says anything in the column that the reading has to make a value of."""
    if field.spelling.nulls:
        return column.map_batches(
            lambda values: _each_said(values, field),
            return_dtype=pl.Boolean,
            is_elementwise=True,
        )
    if isinstance(stored, _TEXTS) and field.dtype is not DType.STRING:
        return column.is_not_null() & (column.cast(pl.String).str.strip_chars() != "")
    if stored.is_float() and field.dtype is not DType.FLOAT64:
        return column.is_not_null() & column.is_not_nan()
    return column.is_not_null()


def always_fits(stored: pl.DataType, field: Field) -> bool:
    """Whether every value of the stored type is one of the field's type."""
    if stored == pl.Null or (stored == STORED[field.dtype] and not _can_be_unfit(field)):
        return True
    return (
        stored.is_integer()
        and field.dtype in (DType.INT64, DType.FLOAT64)
        and stored not in (pl.UInt64, pl.Int128, pl.UInt128)
    )


def stored_values(values: Sequence[StoredValue | None], dtype: DType) -> pl.Series:
    """Values that were read, as a column."""
    wanted = STORED[dtype]
    if dtype in _MICROS:
        return pl.Series(values, dtype=pl.Int64).cast(wanted)
    return pl.Series(values, dtype=wanted)


def _can_be_unfit(field: Field) -> bool:
    """Whether a column of the very type can hold something that is no value, or none."""
    return (
        field.dtype in (DType.TIMESTAMP, DType.TIME)
        or field.dtype.is_list
        or (field.dtype is DType.STRING and bool(field.spelling.nulls))
    )


def _mapped(
    read: Callable[[pl.Series, Field], pl.Series], column: pl.Expr, field: Field
) -> pl.Expr:
    return column.map_batches(
        lambda values: read(values, field),
        return_dtype=STORED[field.dtype],
        is_elementwise=True,
    )


def _quick(column: pl.Expr, stored: pl.DataType, field: Field) -> pl.Expr | None:
    """The reading where Polars gives it; None where it gives another."""
    dtype, wanted = field.dtype, STORED[field.dtype]
    if field.spelling.nulls:
        return None
    if isinstance(stored, pl.Datetime | pl.Date) and dtype is DType.TIMESTAMP:
        return _quick_instant(column, stored, field.spelling)
    if isinstance(stored, pl.Duration) and dtype is DType.DURATION:
        return _in_micros(column, stored.time_unit).cast(wanted)
    if isinstance(stored, pl.Time) and dtype is DType.TIME:
        return column.cast(pl.Int64) // 1000
    if stored == wanted and not dtype.is_list and dtype is not DType.TIME:
        return column
    if stored.is_integer():
        return _quick_whole(column, dtype)
    if stored.is_float() and dtype is DType.FLOAT64:
        return column.cast(wanted)
    if stored.is_float() and dtype is DType.INT64:
        # As doubles: Polars takes every float of 16 bits for its own floor.
        number = column.cast(pl.Float64)
        return pl.when(number == number.floor()).then(number.cast(wanted, strict=False))
    return None


def _quick_whole(column: pl.Expr, dtype: DType) -> pl.Expr | None:
    match dtype:
        case DType.INT64 | DType.UINT64 | DType.STRING:
            return column.cast(STORED[dtype], strict=False)
        case DType.FLOAT64:
            return column.cast(pl.Float64)
        case DType.BOOLEAN:
            return pl.when(column.is_in([0, 1])).then(column == 1)
        case DType.TIMESTAMP:
            micros = column.cast(pl.Int64, strict=False)
            return pl.when(micros.is_between(*CALENDAR_RANGE)).then(micros).cast(STORED[dtype])
        case DType.DURATION:
            return column.cast(pl.Int64, strict=False).cast(STORED[dtype])
        case DType.TIME:
            micros = column.cast(pl.Int64, strict=False)
            return pl.when(micros.is_between(0, DAY - 1)).then(micros)
        case _:
            return None


def _quick_instant(
    column: pl.Expr, stored: pl.Datetime | pl.Date, spelling: Spelling
) -> pl.Expr | None:
    if spelling.zone and (isinstance(stored, pl.Date) or stored.time_zone is None):
        return None
    if isinstance(stored, pl.Date):
        micros = column.cast(pl.Int64) * DAY
    else:
        micros = _in_micros(column, stored.time_unit)
    return pl.when(micros.is_between(*CALENDAR_RANGE)).then(micros).cast(STORED[DType.TIMESTAMP])


def _in_micros(column: pl.Expr, unit: str) -> pl.Expr:
    """Whole microseconds, down from a fraction; null for what has more than 64 bits."""
    physical = column.to_physical().cast(pl.Int64)
    if unit == "ns":
        return physical.floordiv(1000)
    if unit == "ms":
        most = 2**63 // 1000
        return pl.when(physical.is_between(-most, most)).then(physical * 1000)
    return physical


def _read_texts(texts: pl.Series, field: Field) -> pl.Series:
    """Texts read as a type: what Polars reads alike by Polars, each other different text once."""
    if field.dtype is DType.STRING:
        return _without(texts, field.spelling.nulls)
    quick = _quick_texts(texts, field.dtype) if field.spelling == PLAIN else _nothing(texts, field)
    left = quick.is_null() & texts.is_not_null()
    if not left.any():
        return quick
    different = texts.filter(left).unique()
    known = pl.DataFrame({"text": different, "value": _read_each(different, field)})
    slow = pl.DataFrame({"text": texts}).join(known, on="text", how="left", maintain_order="left")
    return quick.zip_with(quick.is_not_null(), slow["value"].alias(texts.name))


def _quick_texts(texts: pl.Series, dtype: DType) -> pl.Series:
    """The texts that Polars reads as `scalar` does; null in place of all others."""
    wanted = STORED[dtype]
    match dtype:
        case DType.INT64:
            return texts.cast(wanted, strict=False)
        case DType.FLOAT64:
            numbers = texts.cast(wanted, strict=False)
            # Beyond all numbers Polars says infinity, and does not tell that from the word.
            return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
        case DType.BOOLEAN:
            return texts.replace_strict(
                {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
            )
        case DType.TIMESTAMP:
            return _quick_instants(texts)
        case _:
            return _nothing(texts, Field(texts.name, dtype))


def _nothing(column: pl.Series, field: Field) -> pl.Series:
    return pl.repeat(None, len(column), dtype=STORED[field.dtype], eager=True)


def _quick_instants(texts: pl.Series) -> pl.Series:
    text, utc = pl.col("text"), STORED[DType.TIMESTAMP]
    readings = [
        pl.when(text.str.contains(shape))
        .then(text.str.replace(" ", "T", literal=True))
        .str.to_datetime(form, time_unit="us", strict=False)
        for shape, form in _COMMON_INSTANTS
    ]
    zoned, *naive = readings
    read = pl.coalesce(zoned, *(each.dt.replace_time_zone("UTC") for each in naive)).cast(utc)
    kept = read.to_physical().is_between(*CALENDAR_RANGE)
    return pl.DataFrame({"text": texts}).select(pl.when(kept).then(read)).to_series()


def _read_each(values: pl.Series, field: Field) -> pl.Series:
    """Values of any kind, one by one."""
    read = [_value(value, field) for value in _listed(values)]
    return stored_values(read, field.dtype)


def _listed(values: pl.Series) -> list[object]:
    """The values as Python has them; BAD in place of an instant that its calendar lacks."""
    try:
        return values.to_list()
    except (ValueError, OverflowError):
        return [_listed_value(values, place) for place in range(len(values))]


def _listed_value(values: pl.Series, place: int) -> object:
    try:
        return values[place]
    except (ValueError, OverflowError):
        return BAD


def _each_said(values: pl.Series, field: Field) -> pl.Series:
    listed = _listed(values)
    if not isinstance(values.dtype, _TEXTS):
        return pl.Series([_is_said(value, field) for value in listed], dtype=pl.Boolean)
    known = {text: _is_said(text, field) for text in dict.fromkeys(listed)}
    return pl.Series([known[text] for text in listed], dtype=pl.Boolean)


def _is_said(value: object, field: Field) -> bool:
    return read_value(field.dtype, value, field.spelling) is not None


def _value(value: object, field: Field) -> StoredValue | None:
    reading = read_value(field.dtype, value, field.spelling)
    return None if isinstance(reading, BadValue) else reading


def _without(texts: pl.Series, nulls: tuple[str, ...]) -> pl.Series:
    if not nulls:
        return texts
    return pl.select(pl.when(~texts.is_in(list(nulls))).then(texts)).to_series()
