"""Rows as a program has them: mappings, one mapping, or a frame of Polars or pandas."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import polars as pl

from mainspring.ports.errors import BadRequest

__all__ = ["as_polars", "rows_of"]


@runtime_checkable
class _PandasFrame(Protocol):
    """What is used of a pandas frame; the package itself is not needed, and not imported."""

    @property
    def columns(self) -> object:
        """Their names; a series of pandas has none."""
        ...

    def to_dict(self, orient: str) -> dict[object, list[object]]:
        """Its columns as lists of Python values."""
        ...

    def astype(self, dtype: type) -> "_PandasFrame":
        """With the values as Python objects."""
        ...

    def notna(self) -> object:
        """Where there is a value."""
        ...

    def where(self, condition: object, other: object) -> "_PandasFrame":
        """With another value where there is none."""
        ...


def as_polars(given: object) -> object:
    """The frame in Polars where it is one of pandas, or a lazy one; anything else as it is.

    What pandas takes for missing (NaN, NaT, NA) is null.
    """
    if isinstance(given, pl.LazyFrame):
        return given.collect()
    if isinstance(given, pl.DataFrame) or not isinstance(given, _PandasFrame):
        return given
    objects = given.astype(object)
    columns = objects.where(given.notna(), None).to_dict("list")
    return pl.DataFrame({str(name): values for name, values in columns.items()}, strict=False)


def rows_of(given: object) -> Sequence[Mapping[str, object]]:
    """The rows of whatever has rows; one mapping is one row.  Raises: BadRequest SRV-004."""
    match as_polars(given):
        case pl.DataFrame() as frame:
            return frame.to_dicts()
        case Mapping() as row:
            return [row]
        case str() | bytes():
            pass
        case Sequence() as rows if all(isinstance(row, Mapping) for row in rows):
            return rows
    found = type(given).__name__
    raise BadRequest(reason=f"rows are mappings of names to values, or a frame; this is a {found}")
