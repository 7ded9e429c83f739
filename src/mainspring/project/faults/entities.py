"""What can be wrong with entities, and with the views through which they are joined."""

from collections.abc import Iterator, Mapping
from typing import get_args

from mainspring.elements.errors import DeclarationError
from mainspring.elements.schema import Schema
from mainspring.features.spec import Entity, FeatureView, Latest, NullKeys
from mainspring.project.loader.errors import InvalidValue, UnfitLookup

__all__ = ["entity_faults", "lookup_faults"]


def entity_faults(entity: Entity) -> Iterator[DeclarationError]:
    """What is wrong with an entity, and with the view that it is joined through."""
    if entity.null_keys not in get_args(NullKeys):
        problem = f"null_keys={entity.null_keys!r} is not one of {', '.join(get_args(NullKeys))}"
        yield InvalidValue(user=f"entity {entity.name}", problem=problem, at=entity.declared_at)
    if len(set(entity.join_keys)) < len(entity.join_keys):
        yield InvalidValue(
            user=f"entity {entity.name}",
            problem="a join key is listed twice",
            at=entity.declared_at,
        )
    if entity.through is not None:
        yield from (
            _unfit(entity, entity.through, problem)
            for problem in _through_problems(entity, entity.through)
        )


def lookup_faults(view: FeatureView, schemas: Mapping[str, Schema]) -> Iterator[DeclarationError]:
    """Join keys of a view's entities that have another type in the view they are looked up in."""
    own = schemas.get(view.sources[0].name) if view.sources else None
    for entity in view.entities:
        known = (
            schemas.get(entity.through.sources[0].name)
            if entity.through and entity.through.sources
            else None
        )
        if entity.through is None or own is None or known is None:
            continue
        for key in entity.join_keys:
            if key in own and key in known and own[key].dtype is not known[key].dtype:
                problem = (
                    f"{key!r} is {known[key].dtype.value} there and {own[key].dtype.value} "
                    f"in view {view.name}"
                )
                yield _unfit(entity, entity.through, problem)


def _through_problems(entity: Entity, lookup: FeatureView) -> Iterator[str]:
    if not entity.join_keys:
        yield "the entity has no join keys to look up"
    if not isinstance(lookup.features, Latest):
        yield "it aggregates, but a key is one value of the newest fact: use latest(...)"
    else:
        yield from (
            f"it has no column {key!r}"
            for key in entity.join_keys
            if key not in lookup.features.columns
        )
    if len(lookup.entities) != 1:
        yield f"it has {len(lookup.entities)} entities, but needs exactly one"
    if any(each.through is not None for each in lookup.entities):
        yield "its own entity is joined through a view too; only one step is allowed"


def _unfit(entity: Entity, lookup: FeatureView, problem: str) -> UnfitLookup:
    keys = ", ".join(f'"{key}"' for key in entity.join_keys)
    return UnfitLookup(
        entity=entity.name, view=lookup.name, problem=problem, keys=keys, at=entity.declared_at
    )
