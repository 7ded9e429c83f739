"""The declarations behind a training set as bytes, kept with every model that was trained on it;
and those behind a view, kept with its build.

A server, a rollback or a replay needs the features of a model as they were declared then, while the
project's code has moved on.  So the whole declaration is data: a closed list of frozen records,
written with their names and read back without running any of the user's code.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import get_type_hints

import msgspec

from mainspring.datasets import spec as dataset_spec
from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.errors import DefinitionBroken
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.declaration import stated_fields
from mainspring.elements.errors import Location, RecordUnreadable
from mainspring.elements.expression import aggregation
from mainspring.elements.expression.operations import NODES
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.stored import StoredRecord, parse_bare, parse_stored, render_stored
from mainspring.elements.typed import is_of_type
from mainspring.elements.values.spelling import Spelling
from mainspring.features import SEMANTICS_VERSION
from mainspring.features import spec as feature_spec
from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.requested import AnyView, RequestedView
from mainspring.features.spec import (
    FeatureSet,
    FeatureView,
    OnDemandFeatureView,
    merge_selections,
)
from mainspring.features.view import CompiledView, compile_view, id_types_of
from mainspring.sources import spec as source_spec
from mainspring.sources.spec import Source

__all__ = [
    "FeatureSetDefinition",
    "SourceDefinition",
    "StoredDefinition",
    "StoredSource",
    "TrainingSetDefinition",
    "ViewDefinition",
    "compile_feature_set_definition",
    "compile_training_set_definition",
    "compile_view_definition",
    "parse_feature_set_definition",
    "parse_source_definition",
    "parse_training_set_definition",
    "parse_view_definition",
    "render_feature_set_definition",
    "render_source_definition",
    "render_training_set_definition",
    "render_view_definition",
]

_MODULES = (dataset_spec, feature_spec, source_spec, aggregation)
_RECORDS = {
    name: record
    for module in _MODULES
    for name, record in vars(module).items()
    if isinstance(record, type)
    and dataclasses.is_dataclass(record)
    and record.__module__ == module.__name__
} | {record.__name__: record for record in (*NODES, Schema, Field, Spelling)}
_LONGEST_PROBLEM = 200
# Until then ids of facts that happened at once were ordered by their text, 10 before 9.
_ORDER_OF_TEXT = 2
_Json = str | int | float | bool | None | list["_Json"] | dict[str, "_Json"]


@dataclasses.dataclass(frozen=True)
class SourceDefinition:
    """A source as declared, bound to its generation, and its columns at that time."""

    source: Source
    schema: Schema


@dataclasses.dataclass(frozen=True)
class TrainingSetDefinition:
    """A training set as declared, the schemas of its sources at that time, the names of its views'
    online state, and the version of what features mean that it was built under.
    """

    training_set: TrainingSet
    schemas: tuple[tuple[str, Schema], ...]
    shards: tuple[tuple[str, str], ...]
    semantics: int = SEMANTICS_VERSION


@dataclasses.dataclass(frozen=True)
class ViewDefinition:
    """A feature view as declared, the schemas of its sources at that time, the names of its online
    state and of those it looks keys up in, and the version of what features mean.
    """

    view: FeatureView
    schemas: tuple[tuple[str, Schema], ...]
    shards: tuple[tuple[str, str], ...]
    semantics: int = SEMANTICS_VERSION


@dataclasses.dataclass(frozen=True)
class FeatureSetDefinition:
    """A feature set as declared, the schemas of its views' sources at that time, the names of their
    online state, and the version of what features mean.
    """

    feature_set: FeatureSet
    schemas: tuple[tuple[str, Schema], ...]
    shards: tuple[tuple[str, str], ...]
    semantics: int = SEMANTICS_VERSION


_AnyDefinition = TrainingSetDefinition | ViewDefinition | FeatureSetDefinition


class StoredDefinition(StoredRecord, frozen=True, kw_only=True):
    """Each of them as it is stored, from format 2 on; in format 1 it was a list, and what
    features mean was that of semantics 2.
    """

    title = "a definition"
    newest_format = 2

    declared: object
    schemas: object
    shards: object
    semantics: int


class StoredSource(StoredRecord, frozen=True, kw_only=True):
    """The definition of a source as it is stored."""

    title = "the definition of a source"

    declared: object
    schema: object


def render_source_definition(definition: SourceDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_source_definition` is the inverse."""
    return render_stored(
        StoredSource(declared=_to_data(definition.source), schema=_to_data(definition.schema))
    )


def parse_source_definition(payload: bytes) -> SourceDefinition:
    """The definition of these bytes; only records of the closed list are made, and only with values
    of the types of their fields.  Raises: DefinitionBroken DAT-024.
    """
    with _told_as_broken():
        stored = parse_stored(payload, StoredSource)
        fields = _from_data(stored.declared), _from_data(stored.schema)
        return SourceDefinition(*_checked(SourceDefinition, *fields))  # type: ignore[arg-type]


def render_training_set_definition(definition: TrainingSetDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_training_set_definition` is the inverse."""
    return _render(definition.training_set, definition)


def parse_training_set_definition(payload: bytes) -> TrainingSetDefinition:
    """The definition of these bytes; only records of the closed list are made, and only with values
    of the types of their fields.  Raises: DefinitionBroken DAT-024.
    """
    with _told_as_broken():
        return TrainingSetDefinition(*_checked(TrainingSetDefinition, *_parse(payload)))  # type: ignore[arg-type]


def compile_training_set_definition(
    definition: TrainingSetDefinition, *, partitions: int = 1
) -> CompiledTrainingSet:
    """The training set ready to compute.

    Args:
        partitions: into how many parts the online state of its views is divided, where it is
            served.

    Raises: DefinitionBroken DAT-024 for one whose parts do not fit each other.
    """
    views = definition.training_set.views
    with _told_as_broken():
        compiled = tuple(_compiled(view, definition, partitions) for view in views)
    return CompiledTrainingSet(definition.training_set, compiled, dict(definition.schemas))


def render_view_definition(definition: ViewDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_view_definition` is the inverse."""
    return _render(definition.view, definition)


def parse_view_definition(payload: bytes) -> ViewDefinition:
    """The definition of these bytes; only records of the closed list are made, and only with values
    of the types of their fields.  Raises: DefinitionBroken DAT-024.
    """
    with _told_as_broken():
        return ViewDefinition(*_checked(ViewDefinition, *_parse(payload)))  # type: ignore[arg-type]


def compile_view_definition(definition: ViewDefinition, *, partitions: int = 1) -> CompiledView:
    """The view ready to compute, with those that it looks keys up in.

    Args:
        partitions: into how many parts their online state is divided.

    Raises: DefinitionBroken DAT-024 for one whose parts do not fit each other.
    """
    with _told_as_broken():
        return _compiled(definition.view, definition, partitions)


def render_feature_set_definition(definition: FeatureSetDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_feature_set_definition` is the inverse."""
    return _render(definition.feature_set, definition)


def parse_feature_set_definition(payload: bytes) -> FeatureSetDefinition:
    """The definition of these bytes; only records of the closed list are made, and only with values
    of the types of their fields.  Raises: DefinitionBroken DAT-024.
    """
    with _told_as_broken():
        return FeatureSetDefinition(*_checked(FeatureSetDefinition, *_parse(payload)))  # type: ignore[arg-type]


def compile_feature_set_definition(
    definition: FeatureSetDefinition, *, partitions: int = 1
) -> tuple[RequestedView, ...]:
    """The set's views, each once, ready to compute, with those of their features that it has; of an
    on-demand view the set does not know which types its columns have.

    Raises: DefinitionBroken DAT-024 for one whose parts do not fit each other.
    """
    found = []
    for view, columns in (
        (each.view, each.columns) for each in merge_selections([definition.feature_set])
    ):
        with _told_as_broken():
            compiled: AnyView | None = None
            if isinstance(view, FeatureView):
                compiled = _compiled(view, definition, partitions)
            elif isinstance(view, OnDemandFeatureView):
                compiled = CompiledOnDemandView.of(view, [])
        if compiled is not None:
            found.append(RequestedView(compiled, columns or compiled.column_names))
    return tuple(found)


def _compiled(view: FeatureView, definition: _AnyDefinition, partitions: int) -> CompiledView:
    schemas, shards = dict(definition.schemas), dict(definition.shards)
    lookups = [_compiled(lookup, definition, partitions) for lookup in view.lookups]
    orders_values = definition.semantics > _ORDER_OF_TEXT
    return compile_view(
        view,
        schemas[view.sources[0].name],
        shard=shards[view.name],
        lookups=lookups,
        partitions=partitions,
        id_types=(
            id_types_of(view, schemas)
            if orders_values
            else {source.name: () for source in view.sources}
        ),
    )


def _render(declared: object, definition: _AnyDefinition) -> bytes:
    return render_stored(
        StoredDefinition(
            record_format=2,
            declared=_to_data(declared),
            schemas=_to_data(definition.schemas),
            shards=_to_data(definition.shards),
            semantics=definition.semantics,
        )
    )


def _parse(payload: bytes) -> tuple[object, object, object, int]:
    if payload[:1] == b"[":
        declared, schemas, shards = map(
            _from_data, parse_bare(payload, list[object], title=StoredDefinition.title)
        )
        return declared, schemas, shards, _ORDER_OF_TEXT
    stored = parse_stored(payload, StoredDefinition)
    declared, schemas, shards = map(_from_data, (stored.declared, stored.schemas, stored.shards))
    return declared, schemas, shards, stored.semantics


def _to_data(value: object) -> _Json:
    match value:
        case DType():
            return {"$": "DType", "value": value.value}
        case Enum():
            raise TypeError(f"{type(value).__name__} is not part of a definition")
        case float() if not math.isfinite(value):
            # JSON has no such numbers, and null would come back as None.
            return {"$": "float", "value": repr(value)}
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_to_data(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return {"$": type(value).__name__} | {
                f.name: _to_data(getattr(value, f.name)) for f in stated_fields(value)
            }
        case _:
            raise TypeError(f"{type(value).__name__} is not part of a definition")


def _from_data(data: object) -> object:
    match data:
        case list():
            return tuple(_from_data(item) for item in data)
        case {"$": "DType", "value": str() as value}:
            return DType(value)
        case {"$": "float", "value": str() as value}:
            return float(value)
        case dict() as fields:
            return _record(str(fields["$"]), fields)
        case _:
            return data


def _record(name: str, fields: Mapping[str, object]) -> object:
    """A record without its constructor, which takes a user's shorthand and not fields.

    A field that its release did not know yet, or that is a note, has its default.
    """
    record = _RECORDS.get(name)
    if record is None:
        raise TypeError(f"there is no record {name!r}")
    made, types = object.__new__(record), _types_of(record)
    for field in dataclasses.fields(record):
        value = _field(field, fields)
        _require(value, types[field.name], f"{name}.{field.name}")
        object.__setattr__(made, field.name, value)
    return made


@cache
def _types_of(record: type) -> Mapping[str, object]:
    """The types of a record's fields."""
    return get_type_hints(record)


def _checked(kind: type, *values: object) -> tuple[object, ...]:
    """The fields of a definition, each of its type."""
    for value, (name, annotation) in zip(values, _types_of(kind).items(), strict=True):
        _require(value, annotation, f"{kind.__name__}.{name}")
    return values


def _require(value: object, annotation: object, where: str) -> None:
    if not is_of_type(value, annotation):
        raise TypeError(f"{where} cannot be a {type(value).__name__}")


@contextmanager
def _told_as_broken() -> Iterator[None]:
    """Whatever cannot be read is one error.  Raises: DefinitionBroken DAT-024."""
    try:
        yield
    except RecordUnreadable as error:
        raise DefinitionBroken(problem=error.reason[:_LONGEST_PROBLEM]) from error
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError, LookupError) as error:
        raise DefinitionBroken(problem=str(error)[:_LONGEST_PROBLEM]) from error


def _field(field: "dataclasses.Field[object]", fields: Mapping[str, object]) -> object:
    """The value of a field; one that an older release did not have is what it stands for when
    nobody says it.
    """
    if field.name == "declared_at":
        return Location("", 0)
    if field.name in fields:
        return _from_data(fields[field.name])
    if field.default is dataclasses.MISSING:
        return None
    return field.default
