"""What can be wrong with sources and feature views."""

from collections.abc import Iterator, Mapping
from typing import get_args

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.readings.types import COMPUTABLE
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.schema import DType, Schema
from mainspring.elements.window import Closed, format_window
from mainspring.features.spec import FeatureView, Knowledge, Latest, OnDemandFeatureView
from mainspring.project.faults.expressions import (
    FaultContext,
    aggregation_faults,
    column_faults,
    expression_faults,
    guesses_of,
    parameter_faults,
)
from mainspring.project.faults.timeless import timeless_source_faults, timeless_view_faults
from mainspring.project.loader.errors import (
    EventTimeMissing,
    InvalidValue,
    UnequalSources,
    UnfitWindows,
    WrongType,
)
from mainspring.sources.contract import contract_problems, validate_source
from mainspring.sources.errors import TypeConflict, UnusableColumn, UnusableId
from mainspring.sources.spec import Source

__all__ = ["feature_names", "source_faults", "view_faults"]

_KEYS = (DType.INT64, DType.STRING, DType.BOOLEAN, DType.TIMESTAMP)


def source_faults(source: Source, schema: Schema | None) -> Iterator[DeclarationError]:
    """What is wrong with a source; its columns are checked if they are known."""
    at = source.declared_at
    if not source.id:
        yield InvalidValue(user=f"source {source.name}", problem="id has no columns", at=at)
    for name, column in source.contract.columns:
        for problem in contract_problems(column):
            said = f"contract of {name}: {problem}"
            yield InvalidValue(user=f"source {source.name}", problem=said, at=at)
    yield from timeless_source_faults(source)
    if schema is None:
        return
    reported = (
        (TypeConflict, UnusableColumn, UnusableId) if source.id else (TypeConflict, UnusableColumn)
    )
    yield from (fault for fault in validate_source(source, schema) if isinstance(fault, reported))
    yield from column_faults(source.id, schema, FaultContext(f"id of source {source.name}", at))
    yield from column_faults(
        [name for name, _ in source.contract.columns if name not in dict(schema.unusable)],
        schema,
        FaultContext(f"contract of source {source.name}", at),
    )
    for field, node in (("event_time", source.event_time), ("known_at", source.known_at)):
        if field == "event_time" or node != source.event_time:
            yield from expression_faults(
                node,
                schema,
                FaultContext(f"{field} of source {source.name}", at),
                wanted=[DType.TIMESTAMP],
            )


def view_faults(view: FeatureView, schemas: Mapping[str, Schema]) -> Iterator[DeclarationError]:
    """What is wrong with a feature view; columns are checked in each source whose schema is
    known.
    """
    yield from _window_faults(view)
    yield from timeless_view_faults(view)
    yield from _feature_faults(view)
    if not view.entities:
        yield InvalidValue(
            user=f"view {view.name}",
            problem="entities is empty; use Entity(..., join_keys=[]) for a view over all facts",
            at=view.declared_at,
        )
    for source in view.sources:
        if source.name in schemas:
            yield from _column_faults(view, source, schemas[source.name])
    yield from _union_faults(view, schemas)


def feature_names(view: FeatureView | OnDemandFeatureView) -> tuple[str, ...]:
    """The columns of a view, named as in a training set."""
    match view:
        case OnDemandFeatureView(features=expressions):
            return tuple(name for name, _ in expressions)
        case FeatureView(features=Latest(columns)):
            return tuple(
                f"{entity.name}__{column}" for entity in view.entities for column in columns
            )
        case FeatureView(features=tuple() as features):
            outputs = [
                f"{name}__{format_window(window)}"
                for name, _ in features
                for window in view.windows
            ]
            return tuple(
                f"{entity.name}__{output}" for entity in view.entities for output in outputs
            )
        case _:
            raise AssertionError(view)


def _column_faults(view: FeatureView, source: Source, schema: Schema) -> Iterator[DeclarationError]:
    """What does not fit the columns of one source."""
    at, where = view.declared_at, f"view {view.name} (source {source.name})"
    for entity in view.entities:
        yield from column_faults(
            entity.join_keys,
            schema,
            FaultContext(f"join keys of entity {entity.name} in {where}", at),
        )
        for name in entity.join_keys:
            if name in schema and schema[name].dtype not in _KEYS:
                yield WrongType(
                    user=f"join key {name} of view {view.name}",
                    dtype=schema[name].dtype.value,
                    wanted="int64, string, boolean or timestamp",
                    guessed=guesses_of([name], schema),
                    at=at,
                )
    match view.features:
        case Latest(columns):
            place = FaultContext(f"latest of {where}", at)
            yield from column_faults(columns, schema, place, wanted=COMPUTABLE)
        case _:
            for name, aggregation in _aggregations(view):
                yield from aggregation_faults(
                    aggregation, schema, FaultContext(f"feature {name} of {where}", at)
                )


def _union_faults(view: FeatureView, schemas: Mapping[str, Schema]) -> Iterator[DeclarationError]:
    """Sources that cannot be read as one history."""
    names = [source.name for source in view.sources]
    if not names:
        yield InvalidValue(user=f"view {view.name}", problem="source is empty", at=view.declared_at)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield InvalidValue(
            user=f"view {view.name}", problem=f"source {name} is listed twice", at=view.declared_at
        )
    for column in _columns_read(view):
        types = {
            name: schemas[name][column].dtype
            for name in names
            if name in schemas and column in schemas[name]
        }
        if len(set(types.values())) > 1:
            said = ", ".join(f"{dtype.value} in source {name}" for name, dtype in types.items())
            yield UnequalSources(view=view.name, column=column, types=said, at=view.declared_at)


def _columns_read(view: FeatureView) -> tuple[str, ...]:
    keys = {key for entity in view.entities for key in entity.join_keys}
    if isinstance(view.features, Latest):
        return tuple(sorted(keys.union(view.features.columns)))
    nodes = [
        node
        for _, aggregation in _aggregations(view)
        for node in (aggregation.operand, aggregation.where)
        if node is not None
    ]
    return tuple(sorted(keys.union(*(input_columns(node) for node in nodes))))


def _feature_faults(view: FeatureView) -> Iterator[DeclarationError]:
    """What is wrong with features, independent of the columns."""
    user, at = f"view {view.name}", view.declared_at
    if view.knowledge not in get_args(Knowledge):
        yield InvalidValue(
            user=user,
            problem=f"knowledge={view.knowledge!r} is not one of {', '.join(get_args(Knowledge))}",
            at=at,
        )
    if not view.features or (isinstance(view.features, Latest) and not view.features.columns):
        yield InvalidValue(user=user, problem="it has no features", at=at)
    names = feature_names(view)
    for name in sorted(
        {name for name in names if names.count(name) > 1}
        if len(set(view.windows)) == len(view.windows)
        else ()
    ):
        yield InvalidValue(user=user, problem=f"two of its features are called {name}", at=at)
    for name, aggregation in _aggregations(view):
        yield from parameter_faults(aggregation, FaultContext(f"feature {name} of {user}", at))
    for name, made in _unaggregated(view).items():
        problem = "it is a value and not an aggregation: add for example .last() or .mean()"
        if callable(made):
            problem = (
                "it is a Python function, but features are stored as data, not as code: write an "
                "expression, or compute the column before the source"
            )
        yield InvalidValue(user=f"feature {name} of {user}", problem=problem, at=at)


def _aggregations(view: FeatureView) -> list[tuple[str, Aggregation]]:
    """The features that are aggregations."""
    stray = _unaggregated(view)
    return (
        []
        if isinstance(view.features, Latest)
        else [(name, made) for name, made in view.features if name not in stray]
    )


def _unaggregated(view: FeatureView) -> dict[str, object]:
    declared: tuple[tuple[str, object], ...] = (
        () if isinstance(view.features, Latest) else view.features
    )
    return {name: made for name, made in declared if not isinstance(made, Aggregation)}


def _window_faults(view: FeatureView) -> Iterator[DeclarationError]:
    problems = list(
        _lookup_problems(view) if isinstance(view.features, Latest) else _aggregate_problems(view)
    )
    if view.closed not in get_args(Closed):
        problems.append(f"closed={view.closed!r} is not one of {', '.join(get_args(Closed))}")
    yield from (
        UnfitWindows(view=view.name, problem=problem, at=view.declared_at) for problem in problems
    )
    for source in view.sources if view.windows else ():
        if not input_columns(source.event_time):
            yield EventTimeMissing(view=view.name, source=source.name, at=view.declared_at)


def _lookup_problems(view: FeatureView) -> Iterator[str]:
    if view.windows:
        yield "latest(...) looks up one fact and has no windows"
    if view.closed != "left":
        yield "latest(...) has no windows, so closed= does not apply"


def _aggregate_problems(view: FeatureView) -> Iterator[str]:
    if not view.windows:
        yield "its aggregations have no windows"
    if view.ttl is not None:
        yield "its aggregations have a ttl, which only latest(...) takes"
    if len(set(view.windows)) < len(view.windows):
        yield "a window is listed twice"
