"""Reads what an environment's models and views were made from, as it was declared when they were
built.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mainspring.datasets.definition import (
    TrainingSetDefinition,
    ViewDefinition,
    compile_training_set_definition,
    parse_training_set_definition,
    parse_view_definition,
)
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.spec import OnDemandFeatureView
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.environment import AssetPointer, EnvironmentVersion
from mainspring.registry.read import read_object, read_version
from mainspring.registry.read_environment import read_build
from mainspring.sources.spec import Source

__all__ = [
    "AppliedSource",
    "read_applied_sources",
    "read_on_demand_views",
    "read_training_set_definition",
    "read_view_definition",
]


class AppliedSource(NamedTuple):
    """A source as it was declared, and its columns then."""

    source: Source
    schema: Schema


def read_applied_sources(
    environment: EnvironmentVersion, *, state: StateReader, objects: ObjectReader
) -> dict[str, AppliedSource]:
    """The sources that the models and views of an environment read, by name.

    Raises: UnknownVersion REG-001, ArtifactChanged REG-002, ObjectMissing ENG-002 when a definition
        is gone or was changed.
    """
    found: dict[str, AppliedSource] = {}
    # Views last: a model may be an older version that somebody pointed at, a view never is.
    for pointer in sorted(environment.pointers.values(), key=lambda pointer: pointer.kind):
        sources, schemas = _sources_of(pointer, state, objects)
        found |= {each.name: AppliedSource(each, schemas[each.name]) for each in sources}
    return found


def _sources_of(
    pointer: AssetPointer, state: StateReader, objects: ObjectReader
) -> tuple[Sequence[Source], dict[str, Schema]]:
    match pointer.kind:
        case "model":
            trained_on = read_training_set_definition(pointer, state=state, objects=objects)
            compiled = compile_training_set_definition(trained_on)
            return compiled.sources, dict(compiled.schemas)
        case "view":
            definition = read_view_definition(pointer, state=state, objects=objects)
            views = (*definition.view.lookups, definition.view) if definition else ()
            sources = [source for view in views for source in view.sources]
            return sources, dict(definition.schemas) if definition else {}
        case _:
            return (), {}


def read_on_demand_views(
    environment: EnvironmentVersion, *, state: StateReader, objects: ObjectReader
) -> dict[str, CompiledOnDemandView]:
    """The on-demand views that the training sets of an environment use, by name.

    Raises: ObjectMissing ENG-002 when a definition is gone.
    """
    views: dict[str, OnDemandFeatureView] = {}
    requests: dict[str, list[Schema]] = {}
    for pointer in environment.pointers.values():
        build = (
            read_build(state, pointer.asset, pointer.build_fingerprint)
            if pointer.kind == "training_set"
            else None
        )
        stored = build.facts.get("definition") if build else None
        if stored is not None:
            definition = parse_training_set_definition(objects.read(Digest(str(stored))))
            compiled = compile_training_set_definition(definition)
            for view in compiled.on_demand:
                views[view.name] = view
                requests.setdefault(view.name, []).append(compiled.request_schema)
    return {name: CompiledOnDemandView.of(view, requests[name]) for name, view in views.items()}


def read_training_set_definition(
    pointer: AssetPointer, *, state: StateReader, objects: ObjectReader
) -> TrainingSetDefinition:
    """What a model of an environment was trained on, as declared then.

    Raises: UnknownVersion REG-001 when the version is not on record, ArtifactChanged REG-002 when
        bytes were changed, ObjectMissing ENG-002 when they are gone.
    """
    version = read_version(state, pointer.build_digest)
    return parse_training_set_definition(read_object(objects, version, "definition"))


def read_view_definition(
    pointer: AssetPointer, *, state: StateReader, objects: ObjectReader
) -> ViewDefinition | None:
    """What a view of an environment was declared as; None for a build of an early release, which
    kept none, and then a model brings it.

    Raises: ObjectMissing ENG-002 when it is gone.
    """
    build = read_build(state, pointer.asset, pointer.build_fingerprint)
    stored = build.facts.get("definition") if build else None
    return parse_view_definition(objects.read(Digest(str(stored)))) if stored else None
