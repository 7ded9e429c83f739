"""The definition that goes with every view, training set and model: what was declared, the schemas
of that moment, and the names of online state.
"""

from collections.abc import Iterable

from mainspring.datasets.definition import TrainingSetDefinition, ViewDefinition
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.identity import Digest, short
from mainspring.elements.schema import Schema
from mainspring.features.spec import FeatureView
from mainspring.features.view import CompiledView, compile_view
from mainspring.project.loader.declarations import asset_name
from mainspring.project.loader.load import Project
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.spec import Source

__all__ = [
    "compile_declared",
    "compile_declared_sources",
    "compile_declared_views",
    "online_shard_name",
    "training_set_definition_of",
    "view_definition_of",
]


def online_shard_name(view: str, fingerprint: Digest) -> str:
    """The name of a view's online state: one per build fingerprint, so that an edited view builds
    its own while the old one serves.

    >>> online_shard_name("weather", Digest("sha256:0123456789abcdef"))
    'weather@0123456789ab'
    """
    return f"{view}@{short(fingerprint)}"


def compile_declared(project: Project, view: FeatureView, *, partitions: int = 1) -> CompiledView:
    """A declared view, and the views that it looks keys up in, ready to compute.

    Args:
        partitions: into how many parts their online state is divided, in the environment that they
            are read in.
    """
    lookups = [compile_declared(project, lookup, partitions=partitions) for lookup in view.lookups]
    shard = online_shard_name(view.name, project.graph.assets[asset_name(view)].build_fingerprint)
    return compile_view(
        view,
        project.schemas[view.sources[0].name],
        shard=shard,
        lookups=lookups,
        partitions=partitions,
    )


def compile_declared_sources(project: Project) -> dict[str, CompiledSource]:
    """Every declared source, ready to take rows in, by name in the order of declaration."""
    return {
        source.name: CompiledSource(source, project.schemas[source.name])
        for source in project.declarations.sources
    }


def compile_declared_views(project: Project, *, partitions: int = 1) -> dict[str, CompiledView]:
    """Every declared view, ready to compute, by name in the order of declaration."""
    return {
        view.name: compile_declared(project, view, partitions=partitions)
        for view in project.declarations.views
    }


def training_set_definition_of(
    project: Project, training_set: TrainingSet
) -> TrainingSetDefinition:
    """The definition of a declared training set."""
    views = _with_lookups(view for view in training_set.features if isinstance(view, FeatureView))
    sources = [
        training_set.spine,
        training_set.label.source,
        *(source for view in views for source in view.sources),
    ]
    return TrainingSetDefinition(
        training_set, _schemas_of(project, sources), _shards_of(project, views)
    )


def view_definition_of(project: Project, view: FeatureView) -> ViewDefinition:
    """The definition of a declared view."""
    views = _with_lookups([view])
    return ViewDefinition(
        view,
        _schemas_of(project, [source for each in views for source in each.sources]),
        _shards_of(project, views),
    )


def _with_lookups(views: Iterable[FeatureView]) -> list[FeatureView]:
    return [each for view in views for each in (*view.lookups, view)]


def _schemas_of(project: Project, sources: Iterable[Source]) -> tuple[tuple[str, Schema], ...]:
    return tuple(sorted({source.name: project.schemas[source.name] for source in sources}.items()))


def _shards_of(project: Project, views: Iterable[FeatureView]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(
            {
                view.name: online_shard_name(
                    view.name, project.graph.assets[asset_name(view)].build_fingerprint
                )
                for view in views
            }.items()
        )
    )
