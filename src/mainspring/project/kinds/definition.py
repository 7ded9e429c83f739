"""The definition that goes with every view, training set and model: what was declared, the schemas
of that moment, and the names of online state.
"""

from collections.abc import Iterable, Mapping

from mainspring.datasets.definition import (
    FeatureSetDefinition,
    TrainingSetDefinition,
    ViewDefinition,
)
from mainspring.datasets.spec import TrainingSet
from mainspring.elements.identity import Digest, short
from mainspring.elements.schema import Schema
from mainspring.features.spec import FeatureSet, FeatureView, merge_selections
from mainspring.features.view import CompiledView, compile_view, id_types_of
from mainspring.project.kinds.asset import Asset
from mainspring.sources.spec import Source

__all__ = [
    "compile_asset_view",
    "feature_set_definition_of",
    "online_shard_name",
    "training_set_definition_of",
    "view_definition_of",
]


def online_shard_name(view: str, fingerprint: Digest) -> str:
    """The name of a view's online state: one per build fingerprint, so that an edited view builds
    its own while the old one serves.

    Args:
        view: what it was first called.

    >>> online_shard_name("weather", Digest("sha256:0123456789abcdef"))
    'weather@0123456789ab'
    """
    return f"{view}@{short(fingerprint)}"


def compile_asset_view(
    view: FeatureView,
    schemas: Mapping[str, Schema],
    assets: Mapping[str, Asset],
    *,
    partitions: int = 1,
) -> CompiledView:
    """A declared view, and the views that it looks keys up in, ready to compute.

    Args:
        schemas: the columns of each source, by its declared name.
        assets: by name; the fingerprint of the view's names its online state.
        partitions: into how many parts their online state is divided, in the environment that they
            are read in.
    """
    lookups = [
        compile_asset_view(lookup, schemas, assets, partitions=partitions)
        for lookup in view.lookups
    ]
    return compile_view(
        view,
        schemas[view.sources[0].name],
        shard=_shard_of(view, assets),
        lookups=lookups,
        partitions=partitions,
        id_types=id_types_of(view, schemas),
    )


def training_set_definition_of(
    training_set: TrainingSet, schemas: Mapping[str, Schema], assets: Mapping[str, Asset]
) -> TrainingSetDefinition:
    """The definition of a declared training set."""
    views = _with_lookups(training_set.views)
    sources = [training_set.spine, training_set.label.source]
    sources += [source for view in views for source in view.sources]
    return TrainingSetDefinition(
        training_set, _schemas_of(sources, schemas), _shards_of(views, assets)
    )


def feature_set_definition_of(
    feature_set: FeatureSet, schemas: Mapping[str, Schema], assets: Mapping[str, Asset]
) -> FeatureSetDefinition:
    """The definition of a declared feature set."""
    selected = (each.view for each in merge_selections([feature_set]))
    views = _with_lookups(view for view in selected if isinstance(view, FeatureView))
    sources = [source for each in views for source in each.sources]
    return FeatureSetDefinition(
        feature_set, _schemas_of(sources, schemas), _shards_of(views, assets)
    )


def view_definition_of(
    view: FeatureView, schemas: Mapping[str, Schema], assets: Mapping[str, Asset]
) -> ViewDefinition:
    """The definition of a declared view."""
    views = _with_lookups([view])
    sources = [source for each in views for source in each.sources]
    return ViewDefinition(view, _schemas_of(sources, schemas), _shards_of(views, assets))


def _with_lookups(views: Iterable[FeatureView]) -> list[FeatureView]:
    return [each for view in views for each in (*view.lookups, view)]


def _schemas_of(
    sources: Iterable[Source], schemas: Mapping[str, Schema]
) -> tuple[tuple[str, Schema], ...]:
    return tuple(sorted({source.name: schemas[source.name] for source in sources}.items()))


def _shards_of(
    views: Iterable[FeatureView], assets: Mapping[str, Asset]
) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({view.name: _shard_of(view, assets) for view in views}.items()))


def _shard_of(view: FeatureView, assets: Mapping[str, Asset]) -> str:
    # The kind's own prefix: asking the union of kinds for it would be a circle of imports.
    asset = assets[f"view.{view.name}"]
    return online_shard_name(asset.origin, asset.build_fingerprint)
