"""Reads what an environment's models and views were made from, as it was declared when they were
built.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mainspring.datasets.definition import (
    SourceDefinition,
    TrainingSetDefinition,
    ViewDefinition,
    compile_feature_set_definition,
    compile_training_set_definition,
    parse_feature_set_definition,
    parse_source_definition,
    parse_training_set_definition,
    parse_view_definition,
)
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.requested import RequestedView
from mainspring.features.spec import OnDemandFeatureView
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.environment import AssetPointer, EnvironmentVersion
from mainspring.registry.read import read_object, read_version
from mainspring.registry.read_environment import read_build
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream

__all__ = [
    "AppliedSource",
    "read_applied_sources",
    "read_feature_sets",
    "read_on_demand_views",
    "read_source_definition",
    "read_streams",
    "read_training_set_definition",
    "read_view_definition",
    "stream_of_source",
]


class AppliedSource(NamedTuple):
    """A source as it was declared, and its columns then."""

    source: Source
    schema: Schema


def read_applied_sources(
    environment: EnvironmentVersion, *, state: StateReader, objects: ObjectReader
) -> dict[str, AppliedSource]:
    """The sources of an environment, each bound to the generation that its map names, by the name
    that it has there: a model that was trained before a rename still has the old one.

    Raises: UnknownVersion REG-001, ArtifactChanged REG-002, ObjectMissing ENG-002 when a definition
        is gone or was changed.
    """
    found: dict[str, AppliedSource] = {}
    # Sources last: a build of an early release has no definition of them, and views then say more
    # than models, which may be older versions that somebody pointed at.
    order = ("model", "view", "source")
    pointers = [pointer for pointer in environment.pointers.values() if pointer.kind in order]
    for pointer in sorted(pointers, key=lambda pointer: order.index(pointer.kind)):
        sources, schemas = _sources_of(pointer, state, objects)
        found |= {
            log_of_stream(each.stream): AppliedSource(each, schemas[each.name]) for each in sources
        }
    return {each.source.name: each for each in found.values()}


def _sources_of(
    pointer: AssetPointer, state: StateReader, objects: ObjectReader
) -> tuple[Sequence[Source], dict[str, Schema]]:
    match pointer.kind:
        case "source":
            found = read_source_definition(pointer, state=state, objects=objects)
            return ((found.source,), {found.source.name: found.schema}) if found else ((), {})
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


def read_feature_sets(
    environment: EnvironmentVersion,
    *,
    state: StateReader,
    objects: ObjectReader,
    partitions: int = 1,
) -> dict[str, tuple[RequestedView, ...]]:
    """The feature sets of an environment by name, each as its views and their features.

    Raises: ObjectMissing ENG-002 when a definition is gone, DefinitionBroken DAT-024.
    """
    found: dict[str, tuple[RequestedView, ...]] = {}
    for pointer in environment.pointers.values():
        if pointer.kind == "feature_set":
            build = read_build(state, pointer.asset, pointer.build_fingerprint)
            stored = build.facts.get("definition") if build else None
            if stored is not None:
                definition = parse_feature_set_definition(objects.read(Digest(str(stored))))
                views = compile_feature_set_definition(definition, partitions=partitions)
                found[pointer.asset.partition(".")[2]] = views
    return found


def read_training_set_definition(
    pointer: AssetPointer, *, state: StateReader, objects: ObjectReader
) -> TrainingSetDefinition:
    """What a model of an environment was trained on, as declared then.

    Raises: UnknownVersion REG-001 when the version is not on record, ArtifactChanged REG-002 when
        bytes were changed, ObjectMissing ENG-002 when they are gone.
    """
    version = read_version(state, pointer.build_digest)
    return parse_training_set_definition(read_object(objects, version, "definition"))


def read_source_definition(
    pointer: AssetPointer, *, state: StateReader, objects: ObjectReader
) -> SourceDefinition | None:
    """What a source of an environment was declared as, bound to its generation; None for a build of
    an early release, which had none.

    Raises: ObjectMissing ENG-002 when it is gone.
    """
    build = read_build(state, pointer.asset, pointer.build_fingerprint)
    stored = build.facts.get("definition") if build else None
    return parse_source_definition(objects.read(Digest(str(stored)))) if stored else None


def read_streams(environment: EnvironmentVersion, *, state: StateReader) -> dict[str, str]:
    """The generation of each source that an environment's map names; of one that release 0.1
    applied its plain name.
    """
    return {
        pointer.asset.partition(".")[2]: stream_of_source(pointer, state=state)
        for pointer in environment.pointers.values()
        if pointer.kind == "source"
    }


def stream_of_source(pointer: AssetPointer, *, state: StateReader) -> str:
    """The generation that a map names; the plain name of a source that release 0.1 applied."""
    name = pointer.asset.partition(".")[2]
    build = read_build(state, pointer.asset, pointer.build_fingerprint)
    return str(build.facts.get("stream", name)) if build else name


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
