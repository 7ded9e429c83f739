"""From typed columns to the kernel's 64-bit patterns, by columns for many facts and by rows for
few, so that batch and stream cannot differ here.

The way back, from the kernel's answer to typed values, is in `answers`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.tree import Scalar
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType
from mainspring.features.kernel.arrays import Bytes, Floats, Ints, bits_of
from mainspring.features.kernel.grouping.chunks import concatenated
from mainspring.features.outputs import ValueColumn
from mainspring.features.view import CompiledView

__all__ = [
    "PhysicalColumn",
    "PhysicalValues",
    "Value",
    "chunks_of",
    "dictionary_encode",
    "evaluate_columns",
    "evaluate_values",
    "plain_values",
    "stored_column",
]

Value = Scalar | None | list[Scalar]
"""A value as Python has it; instants and lengths of time are int64 microseconds, lists hold no
null.
"""

_FEW = 64
_NO_TEXTS = pl.Series(dtype=pl.String)


Present = NDArray[np.bool_] | None


class PhysicalValues(NamedTuple):
    """The values of facts, in the order of the frame that they come from.

    Shapes: bits and valid (columns, facts); texts holds for each text column, by its index, what
        its bits are places in: of a column whose texts are compared the distinct ones in order of
        their UTF-8 bytes, of others the text of every fact.
    """

    bits: Ints
    valid: Bytes
    texts: Mapping[int, pl.Series]


class PhysicalColumn(NamedTuple):
    """The values of one expression, in the order of the frame.

    Shapes: present (facts,), None where nothing is null; bits in chunks that have (facts,)
        together, 0 where null, because the kernel never reads it and equal facts must give equal
        bytes, and possibly views of the frame that cannot be written to; texts as in
        `PhysicalValues`.
    """

    present: Present
    bits: Sequence[Ints]
    texts: pl.Series = _NO_TEXTS


def evaluate_values(view: CompiledView, frame: pl.DataFrame) -> PhysicalValues:
    """Evaluate the view's expressions over facts, as one matrix.

    Cost: one pass of Polars per expression, plus one copy; for a few facts about 1 µs each by rows,
        which a law holds equal.
    """
    columns = evaluate_columns(view, frame)
    bits = np.empty((len(columns), frame.height), dtype=np.int64)
    valid = np.ones((len(columns), frame.height), dtype=np.uint8)
    for index, column in enumerate(columns):
        bits[index] = concatenated(column.bits)
        if column.present is not None:
            valid[index] = column.present
    return PhysicalValues(bits, valid, {index: columns[index].texts for index in view.text_columns})


def evaluate_columns(view: CompiledView, frame: pl.DataFrame) -> list[PhysicalColumn]:
    """Evaluate the view's expressions over facts, each on its own; what needs no change is not
    copied.
    """
    return _by_rows(view, frame) if frame.height <= _FEW else _by_columns(view, frame)


def chunks_of(column: pl.Series) -> list[Ints]:
    """The words of a column of integers or times as they lie in the frame, 0 where null; words of
    64 bits without nulls are not copied.
    """
    words = column.to_physical().cast(pl.Int64)
    # Filling copies, also where there is nothing to fill.
    filled = words.fill_null(0) if words.null_count() else words
    return [chunk.to_numpy() for chunk in filled.get_chunks()]


def dictionary_encode(texts: Sequence[str | None]) -> tuple[Ints, list[str]]:
    """Each text as its place among the distinct texts in order, and these; null is 0.

    >>> dictionary_encode(["b", None, "a"])
    (array([1, 0, 0]), ['a', 'b'])
    """
    # Python orders text by code point, which is the order of UTF-8 bytes.
    distinct = sorted({text for text in texts if text is not None})
    indices = {text: index for index, text in enumerate(distinct)}
    return np.array(
        [0 if text is None else indices[text] for text in texts], dtype=np.int64
    ), distinct


def _by_columns(view: CompiledView, frame: pl.DataFrame) -> list[PhysicalColumn]:
    computed = frame.select(
        to_polars(value.node, view.schema).alias(str(i)) for i, value in enumerate(view.values)
    )
    return [
        _column_of_series(series, value, index in view.compared_texts)
        for index, (series, value) in enumerate(zip(computed, view.values, strict=True))
    ]


def _column_of_series(series: pl.Series, value: ValueColumn, is_compared: bool) -> PhysicalColumn:
    present = series.is_not_null().to_numpy() if series.null_count() else None
    match value.dtype:
        case DType.STRING:
            return _column_of_texts(present, series, value.listed, is_compared)
        case DType.FLOAT64:
            floats = series.cast(pl.Float64)
            filled = floats if present is None else floats.fill_null(0.0)
            return PhysicalColumn(
                present, [_float_bits(chunk.to_numpy()) for chunk in filled.get_chunks()]
            )
        case DType.BOOLEAN:
            return PhysicalColumn(present, [bits_of(series.fill_null(False).to_numpy())])
        case _:
            return PhysicalColumn(present, chunks_of(series))


def _column_of_texts(
    present: Present, series: pl.Series, listed: Sequence[str], is_compared: bool
) -> PhysicalColumn:
    if listed:
        indices = _places(series, pl.Series(listed, dtype=pl.String), len(listed))
        return PhysicalColumn(
            present, [indices if present is None else np.where(present, indices, 0)]
        )
    if not is_compared:
        return PhysicalColumn(present, [np.arange(len(series))], series)
    distinct = series.drop_nulls().unique().sort()
    return PhysicalColumn(present, [_places(series, distinct, 0)], distinct)


def _places(series: pl.Series, among: pl.Series, otherwise: int) -> Ints:
    """The place of each text in a list of distinct texts; a cast to an enumeration makes a null of
    what is not in it.
    """
    indices = series.cast(pl.Enum(among), strict=False).to_physical().cast(pl.Int64)
    return bits_of(indices.fill_null(otherwise).to_numpy())


def _by_rows(view: CompiledView, frame: pl.DataFrame) -> list[PhysicalColumn]:
    inputs = [
        (name, _scalars(frame[name].cast(STORED[view.schema[name].dtype]))) for name in view.inputs
    ]
    rows = [
        view.row_function({name: values[position] for name, values in inputs})
        for position in range(frame.height)
    ]
    return [
        _column_of_values([row[str(index)] for row in rows], value, index in view.compared_texts)
        for index, value in enumerate(view.values)
    ]


def _column_of_values(
    values: Sequence[Scalar | None], value: ValueColumn, is_compared: bool
) -> PhysicalColumn:
    present = np.array([each is not None for each in values], dtype=np.bool_)
    match value.dtype:
        case DType.STRING:
            texts = [each if isinstance(each, str) else None for each in values]
            return _column_of_plain_texts(present, texts, value.listed, is_compared)
        case DType.FLOAT64:
            return PhysicalColumn(
                present,
                [
                    _float_bits(
                        np.array(
                            [0.0 if each is None else each for each in values], dtype=np.float64
                        )
                    )
                ],
            )
        case _:
            return PhysicalColumn(
                present,
                [np.array([0 if each is None else each for each in values], dtype=np.int64)],
            )


def _column_of_plain_texts(
    present: Present, texts: Sequence[str | None], listed: Sequence[str], is_compared: bool
) -> PhysicalColumn:
    if listed:
        indices = {text: index for index, text in enumerate(listed)}
        return PhysicalColumn(
            present,
            [
                np.array(
                    [0 if text is None else indices.get(text, len(indices)) for text in texts],
                    dtype=np.int64,
                )
            ],
        )
    if not is_compared:
        return PhysicalColumn(present, [np.arange(len(texts))], pl.Series(texts, dtype=pl.String))
    codes, distinct = dictionary_encode(texts)
    return PhysicalColumn(present, [codes], pl.Series(distinct, dtype=pl.String))


def _float_bits(values: Floats) -> Ints:
    """One NaN only: arithmetic leaves NaNs with a sign or a payload, and equality is judged on
    bytes.
    """
    # The least of all is NaN if any is: a look that makes no array.
    has_nan = values.size > 0 and np.isnan(values.min())
    return bits_of(np.where(np.isnan(values), np.nan, values) if has_nan else values)


def _scalars(series: pl.Series) -> list[Scalar | None]:
    values: list[Scalar | None] = (
        series.to_physical() if series.dtype.is_temporal() else series
    ).to_list()
    return values


def plain_values(series: pl.Series) -> list[Value]:
    """A column as Python values, with instants and lengths of time as int64 microseconds."""
    values: list[Value] = (
        series.to_physical().to_list() if _holds_times(series.dtype) else series.to_list()
    )
    return values


def stored_column(name: str, values: Sequence[Value], dtype: DType) -> pl.Series:
    """The column that `plain_values` gives these values of."""
    stored = STORED[dtype]
    # Polars takes whole numbers for times only by way of a cast.
    return pl.Series(name, values, dtype=pl.Int64() if stored.is_temporal() else stored).cast(
        stored
    )


def _holds_times(dtype: pl.DataType) -> bool:
    return dtype.is_temporal() or (isinstance(dtype, pl.List) and dtype.inner.is_temporal())
