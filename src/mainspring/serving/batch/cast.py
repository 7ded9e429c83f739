"""The rows of a block as requests, by columns: each value read as the value of a request is, and
of each row that is no request, why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.time import MINUTE, Micros, format_instant
from mainspring.elements.values.columns import read_column, said
from mainspring.features.errors import MomentAhead, WrongRequestType

__all__ = ["CastBlock", "Faults", "cast_block"]

_CLOCK_SKEW: Micros = 5 * MINUTE
_LONGEST_VALUE = 60


@dataclass(frozen=True, eq=False)
class Faults:
    """The rows of a block that cannot be answered, and the first thing that is wrong with each.

    Args:
        height: the rows of the block.
        reasons: by row of the block.
    """

    height: int
    reasons: dict[int, str] = field(default_factory=dict)

    def add(self, rows: Sequence[int], reason: str | Callable[[int], str]) -> None:
        """These rows are bad; one that is already keeps its first reason."""
        for row in rows:
            if row not in self.reasons:
                self.reasons[row] = reason if isinstance(reason, str) else reason(row)

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which rows can be answered.  Shapes: (rows,) bool."""
        found = np.ones(self.height, dtype=np.bool_)
        found[list(self.reasons)] = False
        return found


@dataclass(frozen=True, eq=False)
class CastBlock:
    """The requests of a block.

    Args:
        requests: the fields of the request in the types of its schema, and where the input has
            them the keys that labels are joined by; a bad value is null.
        times: the prediction time of each row, int64 microseconds, null where it is bad.
        faults: the bad rows.
    """

    requests: pl.DataFrame
    times: pl.Series
    faults: Faults


def cast_block(
    block: pl.DataFrame,
    schema: Schema,
    *,
    passthrough: Schema,
    time: str | Micros,
    now: Micros,
) -> CastBlock:
    """Read a block as requests.

    Args:
        schema: the fields that the model's request has; the block has a column for each.
        passthrough: fields that are taken along where the block has them.
        time: the column of prediction times, or the time of all rows.
        now: a later prediction time than this is refused.

    Cost: for columns of the right type nothing; for texts 10 to 100 ns a value.
    """
    faults = Faults(block.height)
    taken = [each for each in passthrough if each.name in block.columns]
    fields = {each.name: each for each in (*schema, *taken)}
    requests = pl.DataFrame([_cast(block[name], own, faults) for name, own in fields.items()])
    if not fields:
        requests = block.select([])
    return CastBlock(requests, _times(block, time, now=now, faults=faults), faults)


def _cast(column: pl.Series, own: Field, faults: Faults) -> pl.Series:
    if column.dtype == STORED[own.dtype] and own.dtype not in (DType.TIMESTAMP, DType.STRING):
        return column
    read = read_column(column, own).alias(own.name)
    if read.null_count() > column.null_count():
        is_said = pl.select(said(pl.lit(column), column.dtype, own)).to_series()
        faults.add(
            (is_said & read.is_null()).arg_true().to_list(), lambda row: _bad(column, own, row)
        )
    return read


def _bad(column: pl.Series, own: Field, row: int) -> str:
    value = column.slice(row, 1)
    shown = (
        str(value.cast(pl.String)[0]) if column.dtype.is_temporal() else repr(value.to_list()[0])
    )
    error = WrongRequestType(
        row=row, field=own.name, value=shown[:_LONGEST_VALUE], dtype=own.dtype.value
    )
    return f"{error.code} field {own.name!r}: {error.value} is not of type {own.dtype.value}"


def _times(block: pl.DataFrame, time: str | Micros, *, now: Micros, faults: Faults) -> pl.Series:
    if not isinstance(time, str):
        return pl.repeat(time, block.height, dtype=pl.Int64, eager=True)
    column = block[time]
    read = _cast(column, Field(time, DType.TIMESTAMP), faults).to_physical()
    faults.add(read.is_null().arg_true().to_list(), f"FEA-010 {time!r} is null")
    ahead = (read > now + _CLOCK_SKEW).fill_null(False).arg_true().to_list()
    faults.add(ahead, lambda row: _ahead(read[row], now))
    return read


def _ahead(asked: Micros, now: Micros) -> str:
    error = MomentAhead(asked=format_instant(asked), now=format_instant(now))
    return f"{error.code} {error.message}"
