"""Profiles of columns: counts, range, mean and an estimate of distinct values, in one pass."""

from dataclasses import dataclass

import polars as pl

from mainspring.elements.schema import DType, Schema

__all__ = ["ColumnProfile", "profile_columns"]


_MEASURED_AS = {
    DType.TIMESTAMP: pl.Int64(),
    DType.DURATION: pl.Int64(),
    DType.DECIMAL: pl.Float64(),
}


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one import; instants and durations are in microseconds, the range of text is
    alphabetical, bytes and vectors have none.

    Args:
        distinct: an estimate (HyperLogLog, about 1 % off).
    """

    name: str
    dtype: DType
    rows: int
    nulls: int
    distinct: int
    least: str | int | float | bool | None
    greatest: str | int | float | bool | None
    mean: float | None


def profile_columns(rows: pl.LazyFrame, schema: Schema) -> tuple[ColumnProfile, ...]:
    """The profile of every column of the schema, computed lazily in one pass over rows in the types
    of the schema.
    """
    wanted = [expression for field in schema for expression in _measures(field.name, field.dtype)]
    if not wanted:
        return ()
    found = rows.select(pl.len().alias("rows"), *wanted).collect().row(0, named=True)
    return tuple(
        ColumnProfile(
            name=field.name,
            dtype=field.dtype,
            rows=found["rows"],
            nulls=found[f"nulls:{field.name}"],
            distinct=found[f"distinct:{field.name}"],
            least=found[f"least:{field.name}"],
            greatest=found[f"greatest:{field.name}"],
            mean=found.get(f"mean:{field.name}"),
        )
        for field in schema
    )


def _measures(name: str, dtype: DType) -> list[pl.Expr]:
    column, nulls = pl.col(name), pl.col(name).null_count().alias(f"nulls:{name}")
    if dtype.is_list or dtype is DType.BYTES:
        return [
            nulls,
            column.hash().approx_n_unique().alias(f"distinct:{name}"),
            *(pl.lit(None).alias(f"{end}:{name}") for end in ("least", "greatest")),
        ]
    column = column.cast(_MEASURED_AS[dtype]) if dtype in _MEASURED_AS else column
    measures = [
        nulls,
        column.approx_n_unique().alias(f"distinct:{name}"),
        column.min().alias(f"least:{name}"),
        column.max().alias(f"greatest:{name}"),
    ]
    return (
        [*measures, column.mean().alias(f"mean:{name}")]
        if dtype.is_number or dtype in (DType.BOOLEAN, DType.DECIMAL)
        else measures
    )
