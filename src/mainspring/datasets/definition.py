"""The declarations behind a training set as bytes, kept with every model that was trained on it;
and those behind a view, kept with its build.

A server, a rollback or a replay needs the features of a model as they were declared then, while the
project's code has moved on.  So the whole declaration is data: a closed list of frozen records,
written with their names and read back without running any of the user's code.
"""

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum

from mainspring.datasets import spec as dataset_spec
from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.errors import Location
from mainspring.elements.expression import aggregation
from mainspring.elements.expression.operations import NODES
from mainspring.elements.identity import canonical_json
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.stored import parse_bare
from mainspring.features import spec as feature_spec
from mainspring.features.spec import FeatureView
from mainspring.features.view import CompiledView, compile_view
from mainspring.sources import spec as source_spec
from mainspring.sources.spec import Source

__all__ = [
    "SourceDefinition",
    "TrainingSetDefinition",
    "ViewDefinition",
    "compile_training_set_definition",
    "compile_view_definition",
    "parse_source_definition",
    "parse_training_set_definition",
    "parse_view_definition",
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
} | {record.__name__: record for record in (*NODES, Schema, Field)}
_UNWRITTEN = frozenset({"declared_at", "renamed_from"})
"""Fields that say nothing about what is computed: two definitions that differ in them are equal
bytes.
"""
_Json = str | int | float | bool | None | list["_Json"] | dict[str, "_Json"]


@dataclasses.dataclass(frozen=True)
class SourceDefinition:
    """A source as declared, bound to its generation, and its columns at that time."""

    source: Source
    schema: Schema


@dataclasses.dataclass(frozen=True)
class TrainingSetDefinition:
    """A training set as declared, the schemas of its sources at that time, and the names of its
    views' online state.
    """

    training_set: TrainingSet
    schemas: tuple[tuple[str, Schema], ...]
    shards: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class ViewDefinition:
    """A feature view as declared, the schemas of its sources at that time, and the names of its
    online state and of those it looks keys up in.
    """

    view: FeatureView
    schemas: tuple[tuple[str, Schema], ...]
    shards: tuple[tuple[str, str], ...]


def render_source_definition(definition: SourceDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_source_definition` is the inverse."""
    return canonical_json([_to_data(definition.source), _to_data(definition.schema)])


def parse_source_definition(payload: bytes) -> SourceDefinition:
    """The definition of these bytes; only records of the closed list are made."""
    source, schema = (
        _from_data(part) for part in parse_bare(payload, list[object], title="a definition")
    )
    return SourceDefinition(source, schema)  # type: ignore[arg-type]


def render_training_set_definition(definition: TrainingSetDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_training_set_definition` is the inverse."""
    return canonical_json(
        [
            _to_data(definition.training_set),
            _to_data(definition.schemas),
            _to_data(definition.shards),
        ]
    )


def parse_training_set_definition(payload: bytes) -> TrainingSetDefinition:
    """The definition of these bytes; only records of the closed list are made."""
    training_set, schemas, shards = (
        _from_data(part) for part in parse_bare(payload, list[object], title="a definition")
    )
    return TrainingSetDefinition(training_set, schemas, shards)  # type: ignore[arg-type]


def compile_training_set_definition(
    definition: TrainingSetDefinition, *, partitions: int = 1
) -> CompiledTrainingSet:
    """The training set ready to compute.

    Args:
        partitions: into how many parts the online state of its views is divided, where it is
            served.
    """
    schemas, shards = dict(definition.schemas), dict(definition.shards)
    views = [view for view in definition.training_set.features if isinstance(view, FeatureView)]
    compiled = [_compiled(view, schemas, shards, partitions) for view in views]
    return CompiledTrainingSet(definition.training_set, tuple(compiled), schemas)


def render_view_definition(definition: ViewDefinition) -> bytes:
    """Canonical JSON of the definition; `parse_view_definition` is the inverse."""
    return canonical_json(
        [_to_data(definition.view), _to_data(definition.schemas), _to_data(definition.shards)]
    )


def parse_view_definition(payload: bytes) -> ViewDefinition:
    """The definition of these bytes; only records of the closed list are made."""
    view, schemas, shards = (
        _from_data(part) for part in parse_bare(payload, list[object], title="a definition")
    )
    return ViewDefinition(view, schemas, shards)  # type: ignore[arg-type]


def compile_view_definition(definition: ViewDefinition, *, partitions: int = 1) -> CompiledView:
    """The view ready to compute, with those that it looks keys up in.

    Args:
        partitions: into how many parts their online state is divided.
    """
    return _compiled(definition.view, dict(definition.schemas), dict(definition.shards), partitions)


def _compiled(
    view: FeatureView, schemas: Mapping[str, Schema], shards: Mapping[str, str], partitions: int
) -> CompiledView:
    lookups = [_compiled(lookup, schemas, shards, partitions) for lookup in view.lookups]
    return compile_view(
        view,
        schemas[view.sources[0].name],
        shard=shards[view.name],
        lookups=lookups,
        partitions=partitions,
    )


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
            fields = [f for f in dataclasses.fields(value) if f.name not in _UNWRITTEN]
            return {"$": type(value).__name__} | {
                f.name: _to_data(getattr(value, f.name)) for f in fields
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
    """A record without its constructor, which takes a user's shorthand and not fields."""
    record = _RECORDS[name]
    made = object.__new__(record)
    for field in dataclasses.fields(record):
        object.__setattr__(made, field.name, _field(field, fields))
    return made


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
