"""Values of one column as Python has them, as a column that `columns` reads as `scalar` reads each.

A column of one kind goes as that kind.  One of several goes as text: texts as they came, everything
else as the text that is read as its value, so that nothing depends on what else is in the batch.
"""

from collections.abc import Sequence
from types import MappingProxyType, NoneType

import polars as pl

from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Field
from mainspring.elements.text import is_unicode
from mainspring.elements.values.columns import stored_values
from mainspring.elements.values.scalar import BadValue, read_value, text_of_value

__all__ = ["NoCell", "column_of"]

_OWN_KINDS = MappingProxyType(
    {
        DType.INT64: int,
        DType.FLOAT64: float,
        DType.BOOLEAN: bool,
        DType.STRING: str,
        DType.TIMESTAMP: int,
        DType.DURATION: int,
    }
)


class NoCell(Exception):
    """A value that no column can hold, so that its row cannot even be put into quarantine."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place, self.problem = place, problem


def column_of(field: Field, values: Sequence[object]) -> pl.Series:
    """These values as a column.

    Raises: NoCell for the first value that no column can hold.
    Cost: 0.05 µs a value of the type itself; 2 µs one of another.
    """
    kinds = set(map(type, values)) - {NoneType}
    if kinds <= {str}:
        return _texts(field.name, values)
    if (
        kinds == {_OWN_KINDS.get(field.dtype)}
        and (column := _of_own_kind(field, values)) is not None
    ):
        return column
    if str not in kinds:
        readings = [read_value(field.dtype, value, field.spelling) for value in values]
        good = [reading for reading in readings if not isinstance(reading, BadValue)]
        if len(good) == len(readings):
            return stored_values(good, field.dtype).alias(field.name)
    return _texts(field.name, [_text(field, place, value) for place, value in enumerate(values)])


def _of_own_kind(field: Field, values: Sequence[object]) -> pl.Series | None:
    """The column of a kind that Polars takes as it is; None where a value does not fit."""
    stored = pl.Int64() if field.dtype is DType.TIMESTAMP else STORED[field.dtype]
    try:
        return pl.Series(field.name, values, dtype=stored)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return None


def _texts(name: str, values: Sequence[object]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=pl.String)
    except UnicodeEncodeError:
        place = next(
            place
            for place, text in enumerate(values)
            if isinstance(text, str) and not is_unicode(text)
        )
        problem = f"holds half a surrogate pair in {name!r}, which is no text"
        raise NoCell(place, problem) from None


def _text(field: Field, place: int, value: object) -> str | None:
    """The text that is read as the value; of no value of the type, one that is not either."""
    if value is None or type(value) is str:
        return value
    reading = read_value(field.dtype, value, field.spelling)
    if reading is None:
        return None
    if not isinstance(reading, BadValue):
        return text_of_value(field.dtype, reading, field.spelling)
    text = str(value)
    is_written = field.dtype.is_list or _is_single(value)
    if field.dtype is DType.STRING or not is_written:
        problem = f"holds a {type(value).__name__} in {field.name!r}, which is no value"
        raise NoCell(place, problem)
    reading = read_value(field.dtype, text, field.spelling)
    return text if isinstance(reading, BadValue) else f"{type(value).__name__} {text}"


def _is_single(value: object) -> bool:
    """Whether it is one value, which can be written: no container, no bytes, and no object that
    only has an address.
    """
    kind = type(value)
    is_container = hasattr(kind, "__iter__") and not isinstance(value, str)
    has_text = kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__
    return has_text and not is_container
