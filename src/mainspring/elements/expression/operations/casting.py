"""A value as another type, where that has one meaning.

A text is read as a source reads it, so that a number promised and a number cast are the same one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mainspring.elements.expression.readings.notation import Written
from mainspring.elements.expression.readings.rows import OfOne, Register, RowReading
from mainspring.elements.expression.readings.types import TypeReading
from mainspring.elements.expression.tree import Node, Scalar
from mainspring.elements.schema import DType
from mainspring.elements.values.scalar import StoredValue, read_value

if TYPE_CHECKING:
    import polars as pl

    from mainspring.elements.expression.readings.columns import ColumnReading

__all__ = ["Cast", "int_of_float"]

_CASTS = {
    DType.INT64: {DType.FLOAT64, DType.BOOLEAN, DType.STRING, DType.TIMESTAMP, DType.DURATION},
    DType.FLOAT64: {DType.INT64, DType.BOOLEAN},
    DType.BOOLEAN: {DType.INT64, DType.FLOAT64, DType.STRING},
    DType.STRING: {DType.INT64, DType.FLOAT64, DType.TIMESTAMP},
    DType.TIMESTAMP: {DType.INT64},
    DType.DURATION: {DType.INT64},
    DType.UINT64: {DType.INT64, DType.FLOAT64, DType.STRING},
    DType.DECIMAL: {DType.INT64, DType.FLOAT64},
    DType.TIME: {DType.INT64},
}
"""What each type can become; a type that is missing here becomes nothing else."""
_UNSETTLED_CAST = "Polars and Python write floats with different digits and exponents"


@dataclass(frozen=True)
class Cast(Node):
    """The value as another type; what does not fit is null."""

    operand: Node
    dtype: DType

    def typing(self, reading: TypeReading) -> DType | None:
        [operand] = reading.operands
        if operand is None:
            return None
        have, wanted = operand.dtype, self.dtype
        if have == wanted != DType.ZONED or wanted in _CASTS.get(have, ()):
            return wanted
        if (have, wanted) == (DType.FLOAT64, DType.STRING):
            return reading.unsettled(
                f"a cast to {wanted}",
                have,
                why=_UNSETTLED_CAST,
                instead="round it and cast it to int64 first",
            )
        return reading.wrong(
            f"a cast to {wanted}",
            have,
            f"what has one meaning; {have} can become "
            f"{', '.join(sorted(_CASTS.get(have, ()))) or 'nothing else'}",
        )

    def columns(self, reading: "ColumnReading") -> "pl.Expr":
        [operand] = reading.operands
        if _is_read(operand.dtype, self.dtype):
            return reading.read(operand, self.dtype)
        return reading.cast(operand.column, self.dtype, strict=False)

    def row(self, reading: RowReading) -> Register:
        [operand] = reading.operands
        convert = _converter(operand.dtype, self.dtype)
        return reading.of_present(convert, operand.register) if convert else operand.register

    def notation(self, operands: tuple[Written, ...], /) -> Written:
        return operands[0].method("cast", self.dtype.value)


def _is_read(have: DType, wanted: DType) -> bool:
    """Whether the cast reads the value as a source reads what arrives."""
    return have is not wanted and (have.is_opaque or have is DType.STRING)


def _converter(have: DType, wanted: DType) -> OfOne | None:
    """The cast of one value; None where it stays as it is."""
    if _is_read(have, wanted):
        return _reader_of(wanted)
    match have, wanted:
        case (DType.BOOLEAN, DType.STRING):
            return _text_of_bool
        case (DType.BOOLEAN, DType.INT64):
            return int
        case (_, DType.STRING) if have is not DType.STRING:
            return str
        case (_, DType.BOOLEAN) if have is not DType.BOOLEAN:
            return bool
        case (DType.FLOAT64, DType.INT64):
            return int_of_float
        case (DType.INT64 | DType.BOOLEAN, DType.FLOAT64):
            return float
        case _:
            return None


def _text_of_bool(value: bool) -> str:
    return "true" if value else "false"


@cache
def _reader_of(dtype: DType) -> Callable[[StoredValue], Scalar | None]:
    def read(value: StoredValue) -> Scalar | None:
        reading = read_value(dtype, value)
        return reading if isinstance(reading, bool | int | float | str) else None

    return read


def int_of_float(number: float) -> int | None:
    """The whole part, if it has 64 bits."""
    return int(number) if -9223372036854775808.0 <= number < 9223372036854775808.0 else None
