"""A compiled source: converts columns, checks the contract, and computes ids and times, in one
Polars query for a frame.

It depends on the declaration and the columns only, so one object serves every batch of a source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from mainspring.elements.content import legacy_content_of_rows
from mainspring.elements.expression.calendar import CALENDAR_RANGE
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.cells import NoCell, column_of
from mainspring.elements.values.columns import always_fits, reading_of, said
from mainspring.sources.errors import BrokenContract, UnknownOperation, UnreadableRows
from mainspring.sources.spec import ColumnContract, Source

__all__ = ["Cell", "CompiledSource", "Prepared", "json_rows"]

Cell = object
"""A value of a row as it is pushed, in whatever form `elements.values` reads."""

_ISO = "%Y-%m-%dT%H:%M:%S%.6fZ"
_OPERATIONS = frozenset({"insert", "replace", "delete", "upsert", "keep"})
_BROKEN = "_broken"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A batch of rows, each checked by itself.

    Args:
        kept: rows that fulfil the contract: payload columns, `_row` (its place in the batch),
            `_id`, `_event_time`, `_known_at`, if any is given `_op`, and `_content`, which is null:
            that of the row.
        broken: `_row`, `_id` (may be null), `_event_time`, `_known_at` (may be null), `reason`,
            `row` (the row as JSON, as it came) and `code`.
    """

    kept: pl.DataFrame
    broken: pl.DataFrame


@dataclass(frozen=True)
class _Rule:
    """A rule of the contract: the reason to write if the expression is true for a row."""

    reason: str
    breaks: pl.Expr


class CompiledSource:
    """A source with the expressions that prepare its rows, for frames of any stored types."""

    def __init__(self, source: Source, schema: Schema) -> None:
        self.source = source
        self.schema = schema
        self._names = list(schema.names)
        event_time, known_at = (
            to_polars(node, schema).cast(pl.Int64) for node in (source.event_time, source.known_at)
        )
        self._id = _id_of(source, schema)
        self._rules = _rules(source, schema, event_time=event_time, known_at=known_at)
        self._derived = [
            pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"),
            self._id.alias("_id"),
            event_time.alias("_event_time"),
            known_at.alias("_known_at"),
        ]
        self._plan = lru_cache(maxsize=32)(self._plan_for)

    def prepare(self, rows: pl.DataFrame, operations: Sequence[str] | None = None) -> Prepared:
        """Convert and check rows; columns that the schema lacks are left out, and columns that the
        rows lack are null.

        Raises:
            UnknownOperation: SRC-005.
            UnreadableRows: SRC-006.

        Cost: about 2 µs a row, 0.5 ms at least.
        """
        rows = self.readable(rows)
        plan = self._plan(tuple(rows.schema.items()))
        converted = rows.with_columns(plan.conversions)
        derived = [*self._derived, plan.breaks.alias(_BROKEN)]
        if operations is not None:
            converted = converted.with_columns(
                _op=pl.Series(_checked(self.source, operations, rows.height), dtype=pl.String)
            )
            # To delete a fact its id is enough.
            derived[-1] = (
                pl.when(pl.col("_op") == "delete")
                .then(_id_is_missing(self.source))
                .otherwise(plan.breaks)
                .alias(_BROKEN)
            )
        marked = converted.select(
            *self._names, *derived, *(["_op"] if operations is not None else [])
        )
        is_broken = marked.drop_in_place(_BROKEN)
        if not is_broken.any():
            return Prepared(_without_content(marked), _NOTHING_BROKEN)
        explained = _explained(
            converted.filter(is_broken),
            marked.filter(is_broken),
            raw=rows.filter(is_broken),
            rules=plan.rules,
        )
        return Prepared(_without_content(marked.filter(~is_broken)), explained)

    def converted(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows in the types of the schema, lazily; a value that has none there is null."""
        plan = self._plan(tuple(rows.collect_schema().items()))
        return rows.with_columns(plan.conversions).select(self._names)

    @property
    def no_rows(self) -> pl.DataFrame:
        """A frame with the columns of the source and no row."""
        return pl.DataFrame(schema={field.name: STORED[field.dtype] for field in self.schema})

    def ids_of(self, rows: pl.DataFrame) -> pl.Series:
        """The id of each row; null for one that has none.  Raises: UnreadableRows SRC-006."""
        rows = self.readable(rows)
        plan = self._plan(tuple(rows.schema.items()))
        return rows.with_columns(plan.conversions).select(_id=self._id).to_series()

    def count_broken(self, rows: pl.DataFrame) -> int:
        """How many rows break the contract; far cheaper than `prepare`."""
        rows = self.readable(rows)
        plan = self._plan(tuple(rows.schema.items()))
        return int(rows.with_columns(plan.conversions).select(plan.breaks.sum()).item() or 0)

    def frame_of(self, rows: Sequence[Mapping[str, Cell]] | pl.DataFrame) -> pl.DataFrame:
        """Rows as a frame, if they are none yet; a column that holds values of another type than
        the schema's comes as text, for `prepare` to judge.

        Raises:
            UnreadableRows: SRC-006.
        """
        if isinstance(rows, pl.DataFrame):
            return rows
        self.require_rows(rows)
        try:
            return pl.DataFrame(
                {
                    field.name: column_of(field, [row.get(field.name) for row in rows])
                    for field in self.schema
                }
            )
        except NoCell as error:
            problem = f"row {error.place} {error.problem}"
            raise UnreadableRows(source=self.source.name, problem=problem) from error

    def legacy_content(self, kept: pl.DataFrame) -> pl.Series:
        """The digest that release 0.1 gave each of these rows that were kept.  Cost: about 1 µs a
        row.
        """
        return legacy_content_of_rows(kept, self._names)

    def require_rows(self, rows: object) -> None:
        """Raises: UnreadableRows SRC-006 for anything but a list of mappings, such as a
        generator, which could be read only once.
        """
        if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
            raise UnreadableRows(
                source=self.source.name, problem=f"{type(rows).__name__} is not a list of rows"
            )
        for place, row in enumerate(rows):
            # To ask a dictionary whether it is a mapping takes longer than to read it.
            if type(row) is not dict and not isinstance(row, Mapping):
                raise UnreadableRows(
                    source=self.source.name,
                    problem=f"row {place} is {row!r:.60}, not a mapping of columns to values",
                )

    def ignored(self, rows: Sequence[Mapping[str, Cell]] | pl.DataFrame) -> tuple[str, ...]:
        """The columns that rows have and the source does not, sorted."""
        found: set[object] = (
            set(rows.columns) if isinstance(rows, pl.DataFrame) else set[object]().union(*rows)
        )
        return tuple(sorted(map(str, found.difference(self._names))))

    def readable(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The columns of the source that a frame has.  Raises: UnreadableRows SRC-006."""
        found = [name for name in self._names if name in rows.columns]
        strange = [
            field.name
            for field in self.schema
            if field.name in found and not _has_values(rows.schema[field.name], field.dtype)
        ]
        if strange:
            raise UnreadableRows(
                source=self.source.name,
                problem=f"column {strange[0]!r} is {rows.schema[strange[0]]}, which has no values",
            )
        if not found and rows.height:
            raise UnreadableRows(
                source=self.source.name,
                problem=f"the rows have none of its columns, which are {', '.join(self._names)}",
            )
        return rows if found == rows.columns else rows.select(found)

    def _plan_for(self, columns: tuple[tuple[str, pl.DataType], ...]) -> "_Plan":
        stored = dict(columns)
        conversions = {
            field.name: _converted(field, stored.get(field.name)) for field in self.schema
        }
        suspects = [
            field
            for field in self.schema
            if field.name in stored and not always_fits(stored[field.name], field)
        ]
        flags = [
            said(pl.col(field.name), stored[field.name], field).alias(f"_said:{field.name}")
            for field in suspects
        ]
        broken_types = (
            _Rule(
                f"type:{field.name}", pl.col(f"_said:{field.name}") & pl.col(field.name).is_null()
            )
            for field in suspects
        )
        rules = (*broken_types, *self._rules)
        # A null breaks only the promise that there be none.  Left null, a verdict would be neither,
        # and its row neither kept nor refused.
        breaks = pl.any_horizontal(rule.breaks.fill_null(value=False) for rule in rules)
        return _Plan([*(e.alias(n) for n, e in conversions.items()), *flags], rules, breaks)


@dataclass(frozen=True)
class _Plan:
    """How rows of one set of stored types are converted and judged."""

    conversions: list[pl.Expr]
    rules: tuple[_Rule, ...]
    breaks: pl.Expr


_NOTHING_BROKEN = pl.DataFrame(
    schema={
        "_row": pl.Int64(),
        "_id": pl.String(),
        "_event_time": pl.Int64(),
        "_known_at": pl.Int64(),
        "reason": pl.String(),
        "row": pl.String(),
        "code": pl.String(),
    },
)


def json_rows(rows: pl.DataFrame) -> pl.Series:
    """Each row as one line of JSON: instants beyond the calendar in microseconds, bytes in
    base64.
    """
    beyond = [
        name
        for name, dtype in rows.schema.items()
        if isinstance(dtype, pl.Datetime)
        and not (
            rows[name].cast(pl.Datetime("us")).cast(pl.Int64).is_between(*CALENDAR_RANGE)
            | rows[name].is_null()
        ).all()
    ]
    return (
        rows.with_columns(pl.col(beyond).cast(pl.Int64), pl.col(pl.Binary).bin.encode("base64"))
        .select(pl.struct(pl.all()).struct.json_encode())
        .to_series()
    )


def _explained(
    converted: pl.DataFrame, marked: pl.DataFrame, *, raw: pl.DataFrame, rules: Sequence[_Rule]
) -> pl.DataFrame:
    reasons = [pl.when(rule.breaks).then(pl.lit(rule.reason)) for rule in rules]
    why = converted.select(pl.concat_str(reasons, separator=",", ignore_nulls=True)).to_series()
    return marked.select(
        "_row",
        "_id",
        "_event_time",
        "_known_at",
        reason=why,
        row=json_rows(raw),
        code=pl.lit(BrokenContract.code),
    )


def _without_content(kept: pl.DataFrame) -> pl.DataFrame:
    return kept.with_columns(pl.lit(None, dtype=pl.Binary).alias("_content"))


def _has_values(stored: pl.DataType, dtype: DType) -> bool:
    """Whether a column of the stored type has values that could be of the other."""
    if stored.is_nested():
        return dtype.is_list and not isinstance(stored, pl.Struct)
    is_bytes = isinstance(stored, pl.Binary) and dtype is not DType.BYTES
    return not is_bytes and not isinstance(stored, pl.Object | pl.Unknown)


def _checked(source: Source, operations: Sequence[str], height: int) -> list[str]:
    unknown = sorted(set(operations) - _OPERATIONS)
    if unknown or len(operations) != height:
        found = (
            f"operation {unknown[0]!r}"
            if unknown
            else f"{len(operations)} operations for {height} rows"
        )
        raise UnknownOperation(source=source.name, found=found)
    return list(operations)


def _id_of(source: Source, schema: Schema) -> pl.Expr:
    """The id columns as text, joined by a bar; null if one of them is."""
    return pl.concat_str([_id_text(schema[name]) for name in source.id], separator="|")


def _id_text(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    match field.dtype:
        case DType.TIMESTAMP:
            return column.dt.strftime(_ISO)
        case DType.STRING:
            return column.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
                "|", "\\|", literal=True
            )
        case _:
            return column.cast(pl.String)


def _rules(
    source: Source, schema: Schema, *, event_time: pl.Expr, known_at: pl.Expr
) -> list[_Rule]:
    promised = dict(source.contract.columns)
    rules = [rule for field in schema for rule in _column_rules(field, promised.get(field.name))]
    rules += [
        _Rule("id_missing", _id_is_missing(source)),
        _Rule("event_time_missing", event_time.is_null()),
        _Rule("event_time_beyond_calendar", ~event_time.is_between(*CALENDAR_RANGE)),
    ]
    if source.known_at != source.event_time:
        rules += [
            _Rule("known_at_missing", known_at.is_null()),
            _Rule("known_at_beyond_calendar", ~known_at.is_between(*CALENDAR_RANGE)),
        ]
    return rules


def _id_is_missing(source: Source) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_null() for name in source.id)


def _column_rules(field: Field, promised: ColumnContract | None) -> list[_Rule]:
    column, name, rules = pl.col(field.name), field.name, list[_Rule]()
    if field.dtype is DType.FLOAT64 and not (promised and promised.allow_nan):
        rules.append(_Rule(f"nan:{name}", column.is_nan()))
    if promised is None:
        return rules
    if not promised.nullable:
        rules.append(_Rule(f"null:{name}", column.is_null()))
    if promised.between is not None:
        outside = ~column.is_between(*promised.between)
        rules.append(
            _Rule(
                f"between:{name}",
                outside & ~column.is_nan() if field.dtype is DType.FLOAT64 else outside,
            )
        )
    if promised.one_of is not None:
        rules.append(_Rule(f"one_of:{name}", ~column.is_in(list(promised.one_of))))
    if promised.digits is not None:
        rules.append(_Rule(f"digits:{name}", _has_more_digits(column, *promised.digits)))
    if promised.size is not None:
        rules.append(_Rule(f"size:{name}", column.list.len() != promised.size))
    if promised.max_length is not None:
        rules.append(_Rule(f"max_length:{name}", column.str.len_chars() > promised.max_length))
    return rules


def _has_more_digits(column: pl.Expr, precision: int, scale: int) -> pl.Expr:
    """Whether a decimal has more digits than these, in all or behind the point."""
    fitted = column.cast(pl.Decimal(precision, scale), strict=False)
    return column.is_not_null() & (
        fitted.is_null() | (fitted.cast(STORED[DType.DECIMAL]) != column)
    )


def _converted(field: Field, stored: pl.DataType | None) -> pl.Expr:
    return (
        pl.lit(None, dtype=STORED[field.dtype])
        if stored is None
        else reading_of(pl.col(field.name), stored, field)
    )
