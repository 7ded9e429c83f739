"""What can be wrong with sources and feature views."""

from collections.abc import Iterator

from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import format_duration
from mainspring.features.spec import FeatureView, Latest, OnDemandFeatureView
from mainspring.project.errors import EventTimeMissing, InvalidValue, UnfitWindows, WrongType
from mainspring.project.faults.expressions import Place, aggregation_faults, column_faults, expression_faults
from mainspring.sources.contract import validate_source
from mainspring.sources.errors import TypeConflict, UnusableColumn, UnusableId
from mainspring.sources.spec import Source

__all__ = ["feature_names", "source_faults", "view_faults"]


def source_faults(source: Source, schema: Schema | None) -> Iterator[DeclarationError]:
    """What is wrong with a source; its columns are checked where they are known."""
    at = source.declared_at
    if not source.id:
        yield InvalidValue(user=f"source {source.name}", problem="id names no column", at=at)
    for name, column in source.contract.columns:
        if column.between is not None and not column.between[0] <= column.between[1]:
            problem = f"contract of {name}: between={column.between} holds no value"
            yield InvalidValue(user=f"source {source.name}", problem=problem, at=at)
    if schema is None:
        return
    told = (TypeConflict, UnusableColumn, UnusableId) if source.id else (TypeConflict, UnusableColumn)
    yield from (fault for fault in validate_source(source, schema) if isinstance(fault, told))
    yield from column_faults(source.id, schema, Place(f"id of source {source.name}", at))
    yield from column_faults([name for name, _ in source.contract.columns], schema, Place(f"contract of source {source.name}", at))
    for field, node in (("event_time", source.event_time), ("known_at", source.known_at)):
        if field == "event_time" or node != source.event_time:
            yield from expression_faults(node, schema, Place(f"{field} of source {source.name}", at), wanted=[DType.TIMESTAMP])


def view_faults(view: FeatureView, schema: Schema | None) -> Iterator[DeclarationError]:
    """What is wrong with a feature view; `schema` is that of its source."""
    yield from _window_faults(view)
    if not view.entities:
        yield InvalidValue(user=f"view {view.name}", problem="entities is empty; a view of everything has Entity(..., join_keys=[])", at=view.declared_at)
    if schema is None:
        return
    for entity in view.entities:
        place = Place(f"join keys of entity {entity.name} in view {view.name} (source {view.source.name})", view.declared_at)
        yield from column_faults(entity.join_keys, schema, place)
        for name in entity.join_keys:
            if name in schema and schema[name].dtype is DType.FLOAT64:
                yield WrongType(user=f"join key {name} of view {view.name}", dtype=DType.FLOAT64.value, wanted="a key that names", at=view.declared_at)
    match view.features:
        case Latest(columns):
            yield from column_faults(columns, schema, Place(f"latest of view {view.name} (source {view.source.name})", view.declared_at))
        case features:
            for name, aggregation in features:
                place = Place(f"feature {name} of view {view.name} (source {view.source.name})", view.declared_at)
                yield from aggregation_faults(aggregation, schema, place)


def feature_names(view: FeatureView | OnDemandFeatureView) -> tuple[str, ...]:
    """The columns that a view gives, as they are called in a training set."""
    match view:
        case OnDemandFeatureView(features=expressions):
            return tuple(name for name, _ in expressions)
        case FeatureView(features=Latest(columns)):
            return tuple(f"{entity.name}__{column}" for entity in view.entities for column in columns)
        case FeatureView(features=tuple() as features):
            outputs = [f"{name}__{format_duration(window)}" for name, _ in features for window in view.windows]
            return tuple(f"{entity.name}__{output}" for entity in view.entities for output in outputs)
        case _:
            raise AssertionError(view)


def _window_faults(view: FeatureView) -> Iterator[DeclarationError]:
    at = view.declared_at
    is_lookup = isinstance(view.features, Latest)
    if is_lookup and view.windows:
        yield UnfitWindows(view=view.name, problem="latest(...) has windows, and looks up one fact", at=at)
    if not is_lookup and not view.windows:
        yield UnfitWindows(view=view.name, problem="its aggregates have no windows", at=at)
    if not is_lookup and view.ttl is not None:
        yield UnfitWindows(view=view.name, problem="its aggregates have a ttl, which only latest(...) knows", at=at)
    if len(set(view.windows)) < len(view.windows):
        yield UnfitWindows(view=view.name, problem="a window stands twice", at=at)
    if not view.features or (isinstance(view.features, Latest) and not view.features.columns):
        yield InvalidValue(user=f"view {view.name}", problem="it has no features", at=at)
    if view.windows and not input_columns(view.source.event_time):
        yield EventTimeMissing(view=view.name, source=view.source.name, at=at)
