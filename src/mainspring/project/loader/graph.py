"""The declared project as a graph of assets, each with its parents and its fingerprints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath

from mainspring.elements.errors import Location
from mainspring.project.kinds.asset import Asset, FingerprintContext
from mainspring.project.kinds.union import asset_name, kind_of, parents_of
from mainspring.project.loader.declarations import Declarations
from mainspring.project.loader.errors import DependencyCycle
from mainspring.project.loader.fingerprint import define_asset
from mainspring.project.loader.origins import reference_to

__all__ = ["Graph", "build_graph", "topological_order"]


@dataclass(frozen=True, eq=False)
class Graph:
    """Assets by name, parents before children."""

    assets: Mapping[str, Asset]

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The assets that are made from each, in the graph's order."""
        found: dict[str, list[str]] = {name: [] for name in self.assets}
        for asset in self.assets.values():
            for parent in asset.parents:
                found[parent].append(asset.name)
        return {name: tuple(children) for name, children in found.items()}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.assets)}

    def downstream(self, names: Iterable[str]) -> tuple[str, ...]:
        """Everything that rests on these assets, themselves left out, in the graph's order."""
        start = frozenset(names)
        reached: set[str] = set()
        waiting = [name for name in start if name in self.assets]
        while waiting:
            fresh = [child for child in self.children[waiting.pop()] if child not in reached]
            reached.update(fresh)
            waiting += fresh
        return tuple(sorted(reached - start, key=self._places.__getitem__))


def build_graph(declarations: Declarations, context: FingerprintContext) -> Graph:
    """The graph of a valid project: names are unique within their kind.

    Raises: DependencyCycle PRJ-045 when declarations go round in a circle.
    """
    context = replace(context, code=declarations.code)
    by_name = {asset_name(declaration): declaration for declaration in declarations.assets}
    parents = {
        name: tuple(asset_name(parent) for parent in parents_of(declaration))
        for name, declaration in by_name.items()
    }
    assets: dict[str, Asset] = {}
    for name in topological_order(parents):
        declaration, kind = by_name[name], kind_of(by_name[name])
        made_from = {
            reference_to(by_name[parent], context): assets[parent].build_fingerprint
            for parent in parents[name]
        }
        definition = define_asset(declaration, made_from, context)
        assets[name] = Asset(
            name=name,
            kind=kind.name,
            declaration=declaration,
            parents=parents[name],
            definition=definition,
            build_fingerprint=definition.build_fingerprint,
            policy_fingerprint=definition.policy_fingerprint,
            at=_within(declarations.root, declaration.declared_at),
            is_assumed=kind.assumed_delay(declaration) is not None
            or any(assets[parent].is_assumed for parent in parents[name]),
            unseen=kind.unseen(declaration, context),
        )
    return Graph(assets)


def topological_order(parents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names, parents before children, else as they stand.  Raises: DependencyCycle PRJ-045 for
    a circle.
    """
    try:
        return tuple(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise DependencyCycle(path=" → ".join(error.args[1])) from error


def _within(root: str, at: Location) -> Location:
    path = PurePath(at.path)
    return (
        Location(path.relative_to(root).as_posix(), at.line)
        if root and path.is_relative_to(root)
        else at
    )
