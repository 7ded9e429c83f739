"""Checks a project whole: every mistake with the user's line, all at once, before anything is
planned.
"""

import re
from collections.abc import Iterator, Mapping

from mainspring.elements.errors import DeclarationError, Location
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.features.spec import FeatureView, Latest, OnDemandFeatureView
from mainspring.project.errors import ProjectErrors, RenamedFromDeclared, RenamedTwice
from mainspring.project.faults.entities import entity_faults
from mainspring.project.kinds.asset import FaultScope
from mainspring.project.kinds.union import asset_name, former_name, kind_of
from mainspring.project.loader.declarations import Declarations
from mainspring.project.loader.errors import (
    DuplicateName,
    InvalidName,
)

__all__ = ["iter_project_faults", "validate"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def validate(
    declarations: Declarations,
    schemas: Mapping[str, Schema],
    *,
    unreadable: Mapping[str, str] | None = None,
    inputs: Mapping[str, Digest] | None = None,
) -> None:
    """Say nothing of a project without mistakes.

    Args:
        schemas: the columns of each source, by its declared name; of a source that has none here,
            columns are not checked.
        unreadable: why the file of a source cannot be read, by the source's name.
        inputs: the digests of the declared inputs of fits that can be read.

    Raises: ProjectErrors PRJ-020 with every mistake, by file and line.
    """
    faults = sorted(
        iter_project_faults(declarations, schemas, unreadable or {}, inputs=inputs or {}),
        key=lambda fault: (fault.at or Location("", 0), fault.code, fault.message),
    )
    if faults:
        raise ProjectErrors(faults=tuple(faults))


def iter_project_faults(
    declarations: Declarations,
    schemas: Mapping[str, Schema],
    unreadable: Mapping[str, str],
    *,
    inputs: Mapping[str, Digest],
) -> Iterator[DeclarationError]:
    """Every mistake of the project, as it is met."""
    yield from _name_faults(declarations)
    yield from _rename_faults(declarations)
    for entity in declarations.entities:
        yield from entity_faults(entity)
    scope = FaultScope(
        root=declarations.root,
        schemas=schemas,
        unreadable=unreadable,
        code=declarations.code,
        inputs=inputs,
        declared=frozenset(map(asset_name, declarations.assets)),
    )
    for asset in declarations.assets:
        yield from kind_of(asset).faults(asset, scope)


def _name_faults(declarations: Declarations) -> Iterator[DeclarationError]:
    named: list[tuple[str, str, str, Location, bool]] = [
        (
            asset_name(asset),
            kind_of(asset).name,
            asset.name,
            asset.declared_at,
            kind_of(asset).has_plain_name,
        )
        for asset in declarations.assets
    ]
    named += [
        (f"entity.{entity.name}", "entity", entity.name, entity.declared_at, True)
        for entity in declarations.entities
    ]
    first: dict[str, Location] = {}
    for full, kind, name, at, checks_name in named:
        if checks_name and not _is_name(name):
            yield InvalidName(kind=kind, name=name, at=at)
        if full in first:
            yield DuplicateName(name=full.replace(".", " ", 1), other=str(first[full]), at=at)
        first.setdefault(full, at)
    views: list[FeatureView | OnDemandFeatureView] = [
        *declarations.views,
        *declarations.on_demand_views,
    ]
    for view in views:
        names = [] if isinstance(view.features, Latest) else [name for name, _ in view.features]
        yield from (
            InvalidName(kind=f"feature of view {view.name}", name=name, at=view.declared_at)
            for name in names
            if not _is_name(name)
        )


def _rename_faults(declarations: Declarations) -> Iterator[DeclarationError]:
    """Renames from what is still declared, and from what another one is renamed from."""
    declared = {asset_name(asset): asset for asset in declarations.assets}
    renamed: dict[str, str] = {}
    for name, asset in declared.items():
        former = former_name(asset)
        if not former:
            continue
        said, was, at = name.replace(".", " ", 1), former.partition(".")[2], asset.declared_at
        if former in declared:
            other = str(declared[former].declared_at)
            yield RenamedFromDeclared(asset=said, former=was, other=other, at=at)
        if former in renamed:
            yield RenamedTwice(asset=said, other=renamed[former], former=was, at=at)
        renamed.setdefault(former, said)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
