"""Frames of pandas, taken in and handed out where a workspace takes and gives frames.

pandas is never required and never imported before somebody brings a frame of it or asks for one.
A frame becomes one of Polars column by column, without pyarrow.  What pandas writes for a missing
value (None, NaN, NaT, NA) is null; times without a zone are UTC; a named index is columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Protocol, TypeGuard, TypeVar, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.elements.errors import FrameUnreadable, PandasMissing

__all__ = [
    "GivenFrame",
    "GivenRows",
    "PandasFrame",
    "as_polars",
    "beside",
    "frame_rows",
    "is_pandas",
    "plain_rows",
    "to_pandas",
]

GivenFrame = TypeVar("GivenFrame")
Row = Mapping[str, object]


class _Column(Protocol):
    """What is used of `pandas.Series`."""

    @property
    def dtype(self) -> object: ...
    def to_numpy(self, dtype: str | None = None) -> NDArray[np.float64]: ...
    def isna(self) -> "_Column": ...
    def tolist(self) -> list[object]: ...


class _Index(Protocol):
    """What is used of `pandas.Index`."""

    @property
    def names(self) -> Sequence[object]: ...


class PandasFrame(Protocol):
    """What is used of `pandas.DataFrame`."""

    @property
    def columns(self) -> Iterable[object]:
        """The names of its columns."""
        ...

    @property
    def index(self) -> _Index:
        """What names its rows."""
        ...

    def __getitem__(self, name: str) -> _Column: ...

    def reset_index(self, level: list[object]) -> "PandasFrame":
        """The frame with these levels of the index as columns."""
        ...

    def drop(self, *, columns: list[str]) -> "PandasFrame":
        """The frame without these columns."""
        ...

    def assign(self, **columns: object) -> "PandasFrame":
        """The frame with these columns beside its own."""
        ...


GivenRows = Sequence[Row] | Row | pl.DataFrame | PandasFrame
"""Rows as people have them: mappings, one mapping, or a frame."""


def is_pandas(value: object) -> TypeGuard[PandasFrame]:
    """Whether a value is a frame of pandas, judged by its class: pandas need not be installed."""
    return any(
        kind.__module__.partition(".")[0] == "pandas" and kind.__name__ == "DataFrame"
        for kind in type(value).__mro__
    )


def as_polars(frame: object) -> pl.DataFrame:
    """The same rows as a frame of Polars; a lazy one is collected.

    Raises: FrameUnreadable FEA-070 for what is no frame of Polars or pandas, and for a column of
        pandas whose values have no one type.
    """
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if not is_pandas(frame):
        raise FrameUnreadable(
            what=f"a {type(frame).__name__}", problem="is no frame of Polars or pandas"
        )
    named = [name for name in frame.index.names if name is not None]
    names = [*named, *frame.columns]
    for name in names:
        if not isinstance(name, str):
            raise FrameUnreadable(what=f"the column {name!r}", problem="has a name that is no text")
        if names.count(name) > 1:
            raise FrameUnreadable(what=f"the column {name!r}", problem="is there more than once")
    whole = frame.reset_index(named) if named else frame
    return pl.DataFrame([_from_pandas(str(name), whole[str(name)]) for name in names])


def plain_rows(rows: GivenRows) -> Sequence[Row]:
    """The rows of a frame of Polars or pandas, of a sequence of rows, or one row, as a sequence.

    Raises: FrameUnreadable FEA-070 for anything else.
    """
    if isinstance(rows, Mapping):
        return [rows]
    if not isinstance(rows, Sequence):
        return frame_rows(as_polars(rows))
    given: Sequence[object] = rows
    strange = [
        type(row).__name__
        for row in given
        # Asking a protocol costs ten times as much as looking at a class.
        if type(row) is not dict and not isinstance(row, Mapping)
    ]
    if strange:
        what = f"a {type(rows).__name__} of {strange[0]}"
        raise FrameUnreadable(what=what, problem="has no rows, which are mappings")
    return rows


def frame_rows(frame: pl.DataFrame) -> list[dict[str, object]]:
    """The rows of a frame as mappings.  Where one holds an instant that Python's calendar lacks,
    all instants come as microseconds, for whoever reads them to refuse that one.
    """
    try:
        return frame.to_dicts()
    except (ValueError, OverflowError):
        instants = pl.selectors.datetime() | pl.selectors.date()
        return frame.with_columns(instants.cast(pl.Datetime("us")).cast(pl.Int64)).to_dicts()


def beside(given: GivenFrame, columns: pl.DataFrame) -> GivenFrame:
    """The frame that was given, of Polars or pandas, with these columns beside its own; one of a
    name that it has takes that one's place.  A frame of pandas keeps its index and its own types.
    """
    if isinstance(given, pl.DataFrame):
        kept = given.drop(columns.columns, strict=False)
        return cast("GivenFrame", pl.concat([kept, columns], how="horizontal"))
    assert is_pandas(given), type(given)
    taken = [name for name in given.columns if name in columns.columns]
    fresh = {series.name: _to_pandas(series) for series in columns.iter_columns()}
    return cast("GivenFrame", given.drop(columns=[str(name) for name in taken]).assign(**fresh))


def to_pandas(frame: pl.DataFrame) -> object:
    """The same rows as a frame of pandas: whole numbers and booleans with nulls in pandas' nullable
    types, so that none becomes a float; instants with the zone UTC.

    Raises: PandasMissing FEA-071 where pandas is not installed.
    """
    return _pandas().DataFrame({series.name: _to_pandas(series) for series in frame.iter_columns()})


def _from_pandas(name: str, column: _Column) -> pl.Series:
    dtype = column.dtype
    kind = "O" if hasattr(dtype, "pyarrow_dtype") else getattr(dtype, "kind", "O")
    if kind == "M":
        instants = pl.Series(name, column.to_numpy("datetime64[us]"))
        has_zone = not isinstance(dtype, np.dtype)
        return instants.dt.replace_time_zone("UTC") if has_zone else instants
    if kind == "m":
        return pl.Series(name, column.to_numpy("timedelta64[us]"))
    if isinstance(dtype, np.dtype) and kind in "biuf":
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    values = [
        None if is_missing else value.item() if isinstance(value, np.generic) else value
        for value, is_missing in zip(column.tolist(), column.isna().tolist(), strict=True)
    ]
    try:
        read = pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        found = sorted({type(value).__name__ for value in values if value is not None})
        raise FrameUnreadable(
            what=f"the column {name!r}", problem=f"mixes values of {', '.join(found)}"
        ) from error
    if read.dtype == pl.Object:
        raise FrameUnreadable(what=f"the column {name!r}", problem=f"holds values of type {dtype}")
    return read


def _to_pandas(series: pl.Series) -> object:
    """The values as pandas takes them for a column."""
    pandas, dtype = _pandas(), series.dtype
    if isinstance(dtype, pl.Datetime):
        in_utc = series.dt.convert_time_zone("UTC") if dtype.time_zone else series
        instants = pandas.DatetimeIndex(in_utc.dt.replace_time_zone(None).to_numpy())
        return instants.tz_localize("UTC") if dtype.time_zone else instants
    if dtype.is_float() or isinstance(dtype, pl.Duration):
        return series.to_numpy()
    if dtype.is_integer() or dtype == pl.Boolean:
        nullable = "boolean" if dtype == pl.Boolean else str(dtype)
        whole: object = (
            pandas.array(series.to_list(), dtype=nullable)
            if series.null_count()
            else series.to_numpy()
        )
        return whole
    return series.to_list()


def _pandas() -> ModuleType:
    try:
        return import_module("pandas")
    except ModuleNotFoundError as error:
        raise PandasMissing() from error
