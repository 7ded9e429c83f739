"""Between typed columns and the kernel's 64-bit patterns, both ways and in one place, so that batch and stream cannot differ here."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.elements.expression.columns import to_polars
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType
from mainspring.features.kernel.arrays import Bytes, Floats, Ints, bits_of
from mainspring.features.view import CompiledView, ValueColumn

__all__ = ["Column", "Patterns", "Value", "evaluate_columns", "evaluate_values", "plain_values", "python_values", "series_of"]

Value = bool | int | float | str | None
"""A value as Python has it; instants and lengths of time are int64 microseconds."""

_FEW = 64
_NONE = np.empty(0, dtype=np.int64)


class Patterns(NamedTuple):
    """The values of facts, in the order of the frame that they come from.

    Shapes: bits and valid (columns, facts); texts holds a list of length facts for each text column, by column index.
    """

    bits: Ints
    valid: Bytes
    texts: dict[int, list[str | None]]


class Column(NamedTuple):
    """The values of one expression, in the order of the frame; of bits and texts only one is filled.

    Shapes: present (facts,), None where nothing is null; bits (facts,), 0 where null, and possibly a view of the frame that cannot be written to.
    """

    present: NDArray[np.bool_] | None
    bits: Ints = _NONE
    texts: pl.Series | None = None


def evaluate_values(view: CompiledView, frame: pl.DataFrame) -> Patterns:
    """Evaluate the view's expressions over facts, as one matrix.

    Cost: one pass of Polars per expression, plus one copy; for a few facts about 1 µs each by rows, which a law holds equal.
    """
    columns = evaluate_columns(view, frame)
    bits = np.zeros((len(columns), frame.height), dtype=np.int64)
    valid = np.ones((len(columns), frame.height), dtype=np.uint8)
    texts: dict[int, list[str | None]] = {}
    for index, column in enumerate(columns):
        if column.present is not None:
            valid[index] = column.present
        if column.texts is not None:
            texts[index] = column.texts.to_list()
        else:
            bits[index] = column.bits
    return Patterns(bits, valid, texts)


def evaluate_columns(view: CompiledView, frame: pl.DataFrame) -> list[Column]:
    """Evaluate the view's expressions over facts, each on its own; what needs no change is not copied."""
    return _by_rows(view, frame) if frame.height <= _FEW else _by_columns(view, frame)


def _by_columns(view: CompiledView, frame: pl.DataFrame) -> list[Column]:
    computed = frame.select(to_polars(value.node, view.schema).alias(str(i)) for i, value in enumerate(view.values))
    return [_column_of_series(series, value) for series, value in zip(computed.get_columns(), view.values, strict=True)]


def _column_of_series(series: pl.Series, value: ValueColumn) -> Column:
    """Null becomes 0: the kernel never reads it, and equal facts must give equal bytes."""
    present = series.is_not_null().to_numpy() if series.null_count() else None
    match value.dtype:
        case DType.STRING:
            return Column(present, texts=series)
        case DType.FLOAT64:
            return Column(present, _float_bits(series.cast(pl.Float64).fill_null(0.0).to_numpy()))
        case DType.BOOLEAN:
            return Column(present, bits_of(series.fill_null(False).to_numpy()))
        case _:
            return Column(present, bits_of(series.to_physical().cast(pl.Int64).fill_null(0).to_numpy()))


def _by_rows(view: CompiledView, frame: pl.DataFrame) -> list[Column]:
    inputs = [(name, plain_values(frame[name].cast(STORED[view.schema[name].dtype]))) for name in view.inputs]
    rows = [view.row_function({name: values[place] for name, values in inputs}) for place in range(frame.height)]
    return [_column_of_values([row[str(index)] for row in rows], value) for index, value in enumerate(view.values)]


def _column_of_values(values: Sequence[Value], value: ValueColumn) -> Column:
    present = np.array([each is not None for each in values], dtype=np.bool_)
    if value.is_text:
        return Column(present, texts=pl.Series([each if isinstance(each, str) else None for each in values], dtype=pl.String))
    if value.dtype is DType.FLOAT64:
        return Column(present, _float_bits(np.array([0.0 if each is None else each for each in values], dtype=np.float64)))
    return Column(present, np.array([0 if each is None else each for each in values], dtype=np.int64))


def _float_bits(values: Floats) -> Ints:
    """One NaN only: arithmetic leaves NaNs with a sign or a payload, and equality is judged on bytes."""
    # The least of all is NaN if any is: a look that makes no array.
    has_nan = values.size > 0 and np.isnan(values.min())
    return bits_of(np.where(np.isnan(values), np.nan, values) if has_nan else values)


def plain_values(series: pl.Series) -> list[Value]:
    """A column as Python values, with instants and lengths of time as int64 microseconds."""
    values: list[Value] = (series.to_physical() if series.dtype.is_temporal() else series).to_list()
    return values


def series_of(name: str, dtype: DType, bits: Ints, valid: Bytes, *, texts: pl.Series | None = None) -> pl.Series:
    """An answer of the kernel as a column; text is fetched by place."""
    present = pl.Series(valid.astype(np.bool_))
    match dtype:
        case DType.FLOAT64:
            series = pl.Series(name, bits.view(np.float64))
        case DType.STRING:
            places = pl.select(pl.when(present).then(pl.Series(bits))).to_series()
            return (texts if texts is not None else pl.Series(dtype=pl.String)).gather(places).alias(name)
        case DType.BOOLEAN:
            series = pl.Series(name, bits).cast(pl.Boolean)
        case DType.TIMESTAMP | DType.DURATION:
            series = pl.Series(name, bits).cast(STORED[dtype])
        case _:
            series = pl.Series(name, bits)
    return series.to_frame().select(pl.when(present).then(pl.col(name)).alias(name)).to_series()


def python_values(dtype: DType, bits: Ints, valid: Bytes, *, texts: Sequence[str | None] = ()) -> list[Value]:
    """An answer of the kernel as Python values, for the rows of a request; instants stay int64 microseconds."""
    match dtype:
        case DType.FLOAT64:
            values: list[Value] = bits.view(np.float64).tolist()
        case DType.STRING:
            values = [texts[place] if texts else None for place in bits.tolist()]
        case DType.BOOLEAN:
            values = [bool(bit) for bit in bits.tolist()]
        case _:
            values = bits.tolist()
    return [value if present else None for value, present in zip(values, valid.tolist(), strict=True)]
