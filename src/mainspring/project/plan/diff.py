"""What differs between what is declared and what an environment holds, and why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal as OneOf

import msgspec

from mainspring.project.kinds.asset import Asset
from mainspring.project.loader.graph import Graph
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
)

__all__ = ["AssetChange", "ChangeKind", "FieldChange", "HeldAssets", "diff_environment"]

ChangeKind = OneOf["added", "changed", "changed_indirectly", "policy_changed", "renamed", "removed"]


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a declaration, before and after, as canonical JSON; None where it was not
    there.
    """

    field: str
    before: str | None
    after: str | None


class AssetChange(msgspec.Struct, frozen=True, kw_only=True):
    """One asset that the environment does not hold as it is declared.

    Args:
        at: `file:line` of the declaration; None for a removed one.
        fields: what changed in its own words.
        because_of: the parents whose change changes it.
        touches: everything downstream that is made again because of it; empty where nothing is
            rebuilt.
        pushed: of a source that is removed, how many rows were pushed to it, which stay.
    """

    asset: str
    kind: str
    change: ChangeKind
    at: str | None
    fields: tuple[FieldChange, ...] = ()
    because_of: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    is_assumed: bool = False
    pushed: int = 0


@dataclass(frozen=True, kw_only=True)
class HeldAssets:
    """What an environment holds.

    Args:
        environment: the map, by the names that its assets are declared under now.
        definitions: what its pointers were defined as, by asset; where one lacks, a change is
            reported without its fields.
        renames: by the name that an asset has now, the one under which it is held.
        pushed: by source that is declared no more, how many rows were pushed to it.
    """

    environment: EnvironmentVersion
    definitions: Mapping[str, AssetDefinition] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    pushed: Mapping[str, int] = field(default_factory=dict)


def diff_environment(graph: Graph, held: HeldAssets) -> tuple[tuple[AssetChange, ...], int]:
    """The changes, in the order of the graph with removals last, and how many assets are
    unchanged.
    """
    changes = tuple(map(partial(_named, renames=held.renames), _iter_changes(graph, held)))
    removed = sum(change.change == "removed" for change in changes)
    return changes, len(graph.assets) - (len(changes) - removed)


def _named(change: AssetChange, renames: Mapping[str, str]) -> AssetChange:
    """The change, with the name among its fields where that changed too."""
    former = renames.get(change.asset)
    if former is None:
        return change
    before, after = (json.dumps(name.partition(".")[2]) for name in (former, change.asset))
    name = FieldChange(field="name", before=before, after=after)
    return msgspec.structs.replace(change, fields=(name, *change.fields))


def _iter_changes(graph: Graph, held: HeldAssets) -> Iterator[AssetChange]:
    environment, definitions = held.environment, held.definitions
    for asset in graph.assets.values():
        pointer = environment.pointers.get(asset.name)
        if pointer is None:
            yield _change(asset, "added", graph)
        elif pointer.build_fingerprint != asset.build_fingerprint:
            yield _rebuilt(asset, graph, environment, definitions.get(asset.name))
        elif pointer.policy_fingerprint != asset.policy_fingerprint:
            old = definitions.get(asset.name)
            yield _change(
                asset,
                "policy_changed",
                graph,
                fields=_fields(old.policy, asset.definition.policy) if old else (),
            )
        elif asset.name in held.renames:
            yield _change(asset, "renamed", graph)
    for name, pointer in environment.pointers.items():
        if name not in graph.assets:
            yield _removed(pointer, held.pushed.get(name, 0))


def _rebuilt(
    asset: Asset, graph: Graph, environment: EnvironmentVersion, old: AssetDefinition | None
) -> AssetChange:
    because_of = tuple(
        parent for parent in asset.parents if _differs(graph.assets[parent], environment)
    )
    if old is None:
        return _change(
            asset, "changed_indirectly" if because_of else "changed", graph, because_of=because_of
        )
    own = _fields(old.build, asset.definition.build)
    fields = own + _fields(old.policy, asset.definition.policy)
    return _change(
        asset,
        "changed" if own else "changed_indirectly",
        graph,
        fields=fields,
        because_of=because_of,
    )


def _differs(asset: Asset, environment: EnvironmentVersion) -> bool:
    pointer = environment.pointers.get(asset.name)
    return pointer is None or pointer.build_fingerprint != asset.build_fingerprint


def _change(
    asset: Asset,
    change: ChangeKind,
    graph: Graph,
    *,
    fields: tuple[FieldChange, ...] = (),
    because_of: tuple[str, ...] = (),
) -> AssetChange:
    return AssetChange(
        asset=asset.name,
        kind=asset.kind,
        change=change,
        at=str(asset.at),
        fields=fields,
        because_of=because_of,
        touches=graph.downstream([asset.name]) if change == "changed" else (),
        is_assumed=asset.is_assumed,
    )


def _removed(pointer: AssetPointer, pushed: int) -> AssetChange:
    return AssetChange(
        asset=pointer.asset, kind=pointer.kind, change="removed", at=None, pushed=pushed
    )


def _fields(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(field=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )
