"""Checks a project whole: every mistake with the user's line, all at once, before anything is
planned.
"""

import re
from collections.abc import Iterator, Mapping

from mainspring.elements.errors import DeclarationError, Location
from mainspring.elements.schema import Schema
from mainspring.features.spec import FeatureView, Latest, OnDemandFeatureView
from mainspring.project.errors import ProjectErrors
from mainspring.project.loader.declarations import Declarations, asset_kind, asset_name
from mainspring.project.loader.errors import DuplicateName, InvalidName, UnreadableSource
from mainspring.project.loader.faults.datasets import training_set_faults
from mainspring.project.loader.faults.entities import entity_faults, lookup_faults
from mainspring.project.loader.faults.features import source_faults, view_faults
from mainspring.project.loader.faults.serving import endpoint_faults, model_faults, monitor_faults

__all__ = ["iter_project_faults", "validate"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def validate(
    declarations: Declarations,
    schemas: Mapping[str, Schema],
    *,
    unreadable: Mapping[str, str] | None = None,
) -> None:
    """Say nothing of a project without mistakes.

    Args:
        schemas: the columns of each source, by its declared name; of a source that has none here,
            columns are not checked.
        unreadable: why the file of a source cannot be read, by the source's name.

    Raises: PRJ-020 with every mistake, by file and line.
    """
    faults = sorted(
        iter_project_faults(declarations, schemas, unreadable or {}),
        key=lambda fault: (fault.at or Location("", 0), fault.code, fault.message),
    )
    if faults:
        raise ProjectErrors(faults=tuple(faults))


def iter_project_faults(
    declarations: Declarations, schemas: Mapping[str, Schema], unreadable: Mapping[str, str]
) -> Iterator[DeclarationError]:
    """Every mistake of the project, as it is met."""
    yield from _name_faults(declarations)
    for source in declarations.sources:
        if source.name in unreadable:
            yield UnreadableSource(
                name=source.name, problem=unreadable[source.name], at=source.declared_at
            )
        yield from source_faults(source, schemas.get(source.name))
    for entity in declarations.entities:
        yield from entity_faults(entity)
    for view in declarations.views:
        yield from view_faults(view, schemas)
        yield from lookup_faults(view, schemas)
    for training_set in declarations.training_sets:
        yield from training_set_faults(training_set, schemas)
    for model in declarations.models:
        yield from model_faults(model)
    for endpoint in declarations.endpoints:
        yield from endpoint_faults(endpoint, declarations.root)
    for monitor in declarations.monitors:
        yield from monitor_faults(monitor, declarations.root)


def _name_faults(declarations: Declarations) -> Iterator[DeclarationError]:
    named: list[tuple[str, str, str, Location]] = [
        (asset_name(asset), asset_kind(asset), asset.name, asset.declared_at)
        for asset in declarations.assets
    ]
    named += [
        (f"entity.{entity.name}", "entity", entity.name, entity.declared_at)
        for entity in declarations.entities
    ]
    first: dict[str, Location] = {}
    for full, kind, name, at in named:
        if kind != "endpoint" and not _is_name(name):
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


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
