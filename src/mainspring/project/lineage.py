"""From an asset of an environment back to the raw files that it was made from."""

from mainspring.govern.lineage import LineageNode, trace_lineage
from mainspring.ports.state import StateReader
from mainspring.project.loader.load import Project
from mainspring.registry.environment import EnvironmentVersion
from mainspring.registry.errors import UnknownAsset
from mainspring.sources.spec import Source

__all__ = ["asset_lineage", "declared_source"]


def declared_source(project: Project, name: str) -> Source:
    """The source of this name.  Raises: UnknownAsset ACC-006."""
    found = project.source(name)
    if found is None:
        known = ", ".join(source.name for source in project.declarations.sources)
        raise UnknownAsset(kind="source", name=name, known=known)
    return found


def asset_lineage(
    asset: str, project: Project, current: EnvironmentVersion, *, state: StateReader
) -> LineageNode:
    """The tree of what an asset was made from; of assets with one name, such as a model and its
    endpoint, the last made is meant.

    Raises: UnknownAsset ACC-006.
    """
    assets = project.graph.assets
    found = [name for name in assets if asset in (name, name.partition(".")[2])]
    if not found:
        raise UnknownAsset(kind="asset", name=asset, known=", ".join(assets))
    parents = {each.name: each.parents for each in assets.values()}
    parents |= {
        f"source.{source.name}": (f"file {source.path}",)
        for source in project.declarations.sources
        if source.path
    }
    digests = {pointer.asset: pointer.build_digest for pointer in current.pointers.values()}
    journal = list(state.iter_events(kind="build.made"))
    return trace_lineage(found[-1], parents=parents, digests=digests, journal=journal)
