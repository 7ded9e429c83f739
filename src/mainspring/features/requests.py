"""Requests for features, as the kernel takes them: every join key there and of its own
type, every time in microseconds.

A key that is read otherwise than the facts were would match nothing and look like an entity without
facts; so both are read alike, and what is no value of the type is refused by name.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from mainspring.elements.declaration import shown_briefly
from mainspring.elements.errors import UnreadableInstant
from mainspring.elements.foreign_frame import frame_rows
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.time import MINUTE, Micros, format_instant
from mainspring.elements.values.columns import read_column, said
from mainspring.elements.values.scalar import read_value
from mainspring.features.cast import RequestColumns, cast_columns
from mainspring.features.errors import (
    FeatureNamedTwice,
    HindsightAsked,
    MomentAhead,
    SpineUnusable,
    WrongRequestType,
)
from mainspring.features.physical import stored_column
from mainspring.features.view import CompiledView

__all__ = [
    "cast_entity_keys",
    "cast_rows",
    "join_key_schema",
    "prepare_spine",
    "refuse_duplicate_features",
    "refuse_hindsight",
    "resolve_read_time",
    "spine_of_rows",
]

_TIME = "prediction_time"
_CLOCK_SKEW: Micros = 5 * MINUTE
_NO_FIELDS = Schema(())


def prepare_spine(spine: pl.DataFrame, views: Sequence[CompiledView]) -> pl.DataFrame:
    """The spine with its join keys as the views' sources type them, and `_prediction_time` in
    microseconds.  Raises: FEA-010, FEA-012.
    """
    if not isinstance(spine, pl.DataFrame):
        raise SpineUnusable(
            column=_TIME,
            problem=f"cannot be read from a {type(spine).__name__}: give a Polars DataFrame",
        )
    refuse_duplicate_features(views)
    taken = [field.name for view in views for field in view.fields if field.name in spine.columns]
    if taken:
        raise SpineUnusable(column=taken[0], problem="has the name of a requested feature")
    keys = [_read(_column(spine, field.name), field) for field in join_key_schema(views)]
    return spine.with_columns(*keys, _times(_column(spine, _TIME)).alias("_prediction_time"))


def spine_of_rows(
    rows: Sequence[Mapping[str, object]], views: Sequence[CompiledView], request: Schema
) -> pl.DataFrame:
    """A spine of rows as a request has them.

    Args:
        request: what on-demand views read, with its types.

    Raises: MissingRequestField FEA-003, WrongRequestType FEA-004.
    """
    fields = (*join_key_schema(views), Field(_TIME, DType.TIMESTAMP), *request)
    schema = Schema(tuple({field.name: field for field in fields}.values()))
    columns = cast_rows(rows, schema).columns
    return pl.DataFrame(
        [stored_column(field.name, columns[field.name], field.dtype) for field in schema]
    )


def cast_entity_keys(
    keys: Sequence[Mapping[str, object]] | Mapping[str, object] | pl.DataFrame,
    views: Sequence[CompiledView],
) -> RequestColumns:
    """The join keys of these rows, as the views' sources type them.  Raises: FEA-003, FEA-004,
    FEA-012, FEA-013.
    """
    refuse_duplicate_features(views)
    refuse_hindsight(views)
    rows = (
        frame_rows(keys)
        if isinstance(keys, pl.DataFrame)
        else [keys]
        if isinstance(keys, Mapping)
        else keys
    )
    return cast_rows(rows, join_key_schema(views))


def cast_rows(rows: Sequence[Mapping[str, object]], keys: Schema) -> RequestColumns:
    """These fields of the rows.  Raises: FEA-003, FEA-004."""
    for index, row in enumerate(rows):
        # Asking a protocol costs ten times as much, and a thousand rows are a millisecond.
        if type(row) is not dict and not isinstance(row, Mapping):
            raise WrongRequestType(
                row=index, field="keys", value=repr(row), dtype="a mapping of names to values"
            )
    return cast_columns(rows, keys, passthrough=_NO_FIELDS)


def refuse_hindsight(views: Sequence[CompiledView]) -> None:
    """Raises: HindsightAsked FEA-013 for a view that is not read online."""
    for view in views:
        if view.view.knowledge == "as_corrected":
            raise HindsightAsked(view=view.view.name)


def refuse_duplicate_features(views: Sequence[CompiledView]) -> None:
    """Raises: FEA-012 where two of the views give a column of the same name."""
    givers: dict[str, str] = {}
    for view in views:
        for name in view.column_names:
            if name in givers:
                raise FeatureNamedTwice(views=f"{givers[name]} and {view.view.name}", feature=name)
            givers[name] = view.view.name


def resolve_read_time(moment: Micros | str | datetime | None, *, now: Micros) -> Micros:
    """The requested moment as microseconds, now where none is.  Raises: PRJ-002, FEA-011
    for one that is to come.
    """
    if moment is None:
        return now
    requested = read_value(DType.TIMESTAMP, moment)
    if not isinstance(requested, int):
        raise UnreadableInstant(text=moment if isinstance(moment, str) else shown_briefly(moment))
    if requested > now + _CLOCK_SKEW:
        raise MomentAhead(asked=format_instant(requested), now=format_instant(now))
    return requested


def join_key_schema(views: Sequence[CompiledView]) -> Schema:
    """The join keys that a request about these views must have, each once."""
    return Schema(
        tuple({field.name: field for view in views for field in view.key_fields}.values())
    )


def _column(spine: pl.DataFrame, name: str) -> pl.Series:
    if name not in spine.columns:
        raise SpineUnusable(
            column=name, problem=f"is missing; there is {', '.join(spine.columns) or 'no column'}"
        )
    return spine[name]


def _times(column: pl.Series) -> pl.Series:
    times = _read(column, Field(_TIME, DType.TIMESTAMP))
    if times.null_count():
        raise SpineUnusable(column=_TIME, problem=f"is null in {times.null_count()} rows")
    return times.to_physical()


def _read(column: pl.Series, field: Field) -> pl.Series:
    """The column in the field's type; a null stays one."""
    read = read_column(column, field)
    if read.null_count() > column.null_count():
        is_said = pl.select(said(pl.lit(column), column.dtype, field)).to_series()
        bad = (is_said & read.is_null()).arg_true()
        if len(bad):
            more = f" and {len(bad) - 1:,} more" if len(bad) > 1 else ""
            raise SpineUnusable(
                column=field.name,
                problem=f"holds {_shown(column, bad[0]):.60} in row {bad[0]:,}{more}, which is no "
                f"{field.dtype.value}",
            )
    return read


def _shown(column: pl.Series, place: int) -> str:
    """A value as a message shows it; Python's calendar lacks some instants that Polars has."""
    if column.dtype.is_temporal():
        return str(column.slice(place, 1).cast(pl.String)[0])
    return repr(column[place])
