"""Identity by content: a declaration in canonical words, and the two fingerprints of it.

The *build* part covers the declaration without its policy, the code it uses, the schema it reads,
its parents' build fingerprints and the version of the kernel's semantics; a change of it rebuilds.
The *policy* part covers the fields that a spec lists in `POLICY`; a change of it asks for new
verdicts.  Notes (owner, description, tags) and where a declaration stands in its file are in
neither.  A parent appears by its name in the
words and by its fingerprint beside them, so that a difference can be attributed to the asset or to
its parent.  What was renamed stands under its first name, so that a rename alone changes nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import partial

from mainspring.elements.declaration import NOTES, stated_fields
from mainspring.elements.identity import Digest, canonical_json
from mainspring.project.kinds.asset import Declaration, FingerprintContext
from mainspring.project.kinds.union import asset_name, is_asset, kind_of
from mainspring.project.loader.origins import origin_asset, reference_to
from mainspring.registry.environment import AssetDefinition, AssetNotes

__all__ = [
    "canonical_value",
    "define_asset",
]

_Refer = Callable[[Declaration], str]
_UNSAID = frozenset({"declared_at", *NOTES})
_OWN_UNSAID = _UNSAID | {"name", "fit"}


def define_asset(
    declaration: Declaration, parents: Mapping[str, Digest], context: FingerprintContext
) -> AssetDefinition:
    """The declaration in canonical words; `parents` are its parents' build fingerprints by
    asset.
    """
    own: dict[str, object] = {}
    policy: dict[str, object] = {}
    unsaid = _OWN_UNSAID | getattr(type(declaration), "NOTES", frozenset())
    for name in _field_names(declaration):
        if name in NOTES and name in declaration.POLICY:
            # Release 0.1 counted these: as empty ones they leave what it applied as it is.
            policy[name] = ""
        elif name not in unsaid:
            into = policy if name in declaration.POLICY else own
            refer = partial(reference_to, context=context)
            _spread(name, getattr(declaration, name), into=into, refer=refer)
    own |= kind_of(declaration).inputs(declaration, context)
    return AssetDefinition(
        asset=origin_asset(declaration, context),
        build=_written(own),
        policy=_written(policy),
        notes=_notes_of(declaration),
        parents=dict(sorted(parents.items())),
    )


def _notes_of(declaration: Declaration) -> AssetNotes:
    return AssetNotes(
        owner=getattr(declaration, "owner", ""),
        description=getattr(declaration, "description", ""),
        tags=dict(getattr(declaration, "tags", ())),
    )


def canonical_value(value: object, refer: _Refer = asset_name) -> object:
    """A value of a declaration as JSON: records by type and fields, other declarations by name.

    Args:
        refer: gives the name of another declaration.

    >>> canonical_value((1, None, "a"))
    [1, None, 'a']
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": repr(value)}
        case tuple() | list():
            return [canonical_value(item, refer) for item in value]
        case frozenset() | set():
            return sorted((canonical_value(item, refer) for item in value), key=canonical_json)
        case dict():
            return {
                "entries": [
                    [canonical_value(key, refer), canonical_value(value[key], refer)]
                    for key in sorted(value, key=repr)
                ]
            }
        case _ if is_asset(value):
            return {"asset": refer(value)}
        case _ if is_dataclass(value):
            said = {
                f.name: canonical_value(getattr(value, f.name), refer) for f in stated_fields(value)
            }
            return {"is": type(value).__name__, **said}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be part of a declaration")


def _field_names(declaration: object) -> list[str]:
    assert is_dataclass(declaration), declaration
    return [field.name for field in stated_fields(declaration)]


def _spread(name: str, value: object, *, into: dict[str, object], refer: _Refer) -> None:
    """Put a field into words; named parts get a line each, so that a plan can say which one
    changed.
    """
    parts = _named_parts(value)
    if parts:
        into[name] = list(parts)
        into.update({f"{name}.{key}": canonical_value(part, refer) for key, part in parts.items()})
    elif is_dataclass(value) and not is_asset(value) and _is_bundle(value):
        for f in stated_fields(value):
            _spread(f"{name}.{f.name}", getattr(value, f.name), into=into, refer=refer)
    else:
        into[name] = canonical_value(value, refer)


def _named_parts(value: object) -> dict[str, object]:
    """The parts of a tuple of (name, part) pairs, or of records with names of their own; empty
    where names are missing or not unique.
    """
    if not isinstance(value, tuple):
        return {}
    parts = dict(part for item in value if (part := _named_part(item)))
    return parts if len(parts) == len(value) else {}


def _named_part(item: object) -> tuple[str, object] | None:
    match item:
        case (str(name), part):
            return name, part
        case _ if (
            is_dataclass(item)
            and not is_asset(item)
            and isinstance(own := getattr(item, "name", None), str)
        ):
            return own, item
        case _:
            return None


def _is_bundle(value: object) -> bool:
    """Whether a record only groups settings, and so is reported field by field; an expression is
    reported whole.
    """
    return type(value).__name__ in {"Contract", "Label", "Split"}


def _written(words: Mapping[str, object]) -> dict[str, str]:
    return {name: canonical_json(words[name]).decode() for name in sorted(words)}
