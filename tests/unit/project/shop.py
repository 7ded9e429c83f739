"""What the tests of a project share: the shop's schemas, its graph, and environments that hold
it.
"""

from dataclasses import replace
from pathlib import Path

from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of_value
from mainspring.elements.schema import DType, Schema
from mainspring.project.kinds.asset import FingerprintContext
from mainspring.project.loader.discover import discover
from mainspring.project.loader.graph import Graph, build_graph
from mainspring.project.loader.origins import resolve_origins
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    Build,
    EnvironmentVersion,
    empty_environment,
    next_version,
)
from mainspring.registry.rename import renames

SCHEMAS = {
    "orders": Schema.of(
        order_id=DType.INT64,
        ordered_at=DType.TIMESTAMP,
        customer=DType.STRING,
        amount=DType.FLOAT64,
        note=DType.STRING,
    ),
    "purchases": Schema.of(
        order_id=DType.INT64,
        ordered_at=DType.TIMESTAMP,
        customer=DType.STRING,
        amount=DType.FLOAT64,
        note=DType.STRING,
    ),
    "returns": Schema.of(order_id=DType.INT64, returned_at=DType.TIMESTAMP, refund=DType.FLOAT64),
}
CIRCUMSTANCES = FingerprintContext(semantics=1, schemas=SCHEMAS, training_environment="locked")


def graph_of(file: Path) -> Graph:
    """The graph of a project on disk."""
    declarations = discover(file)
    origins = resolve_origins(declarations.assets, {})
    return build_graph(declarations, replace(CIRCUMSTANCES, origins=origins))


def known_as(graph: Graph, environment: EnvironmentVersion) -> dict[str, str]:
    """By the name that an asset is declared under, the one that an environment knows it by."""
    origins = {name: asset.definition.asset for name, asset in graph.assets.items()}
    return renames(graph.assets, environment.pointers, origins)


def holding(graph: Graph, name: str = "dev") -> EnvironmentVersion:
    """The environment after everything was applied."""
    pointers = [
        AssetPointer(
            asset=asset.name,
            kind=asset.kind,
            build_fingerprint=asset.build_fingerprint,
            policy_fingerprint=asset.policy_fingerprint,
            build_digest=digest_of_value(["build", asset.name]),
        )
        for asset in graph.assets.values()
    ]
    return next_version(
        empty_environment(name), pointers, by=Actor("person:ada"), at=0, reason="apply"
    )


def definitions_of(graph: Graph) -> dict[str, AssetDefinition]:
    """What the graph's assets are defined as."""
    return {asset.name: asset.definition for asset in graph.assets.values()}


def build_of(graph: Graph, asset: str) -> Build:
    """A finished build of an asset as it is declared."""
    fingerprint = graph.assets[asset].build_fingerprint
    return Build(
        asset=asset,
        fingerprint=fingerprint,
        digest=digest_of_value(asset),
        made_at=0,
        inputs={},
        rows=10,
    )
