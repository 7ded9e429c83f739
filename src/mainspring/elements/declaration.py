"""What all declarations share: they are frozen, comparable, know the user's line that made them,
and may carry notes.

A declared record that gains a field gives it a default: it is what a definition says that an
earlier release stored without the field.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from mainspring.elements.errors import Location, NotAName
from mainspring.elements.text import is_unicode

__all__ = [
    "ADDED",
    "NOTES",
    "REMARK",
    "GivenTags",
    "Named",
    "Tags",
    "caller",
    "freeze",
    "name_of",
    "names_of",
    "parse_tags",
    "shown_briefly",
    "stated_fields",
]

NOTES = frozenset({"owner", "description", "tags", "renamed_from"})
"""The fields of a declaration that ask for nothing: they are in no fingerprint and in no stored
definition of a model, so that a change of them builds and judges nothing.
"""

Tags = tuple[tuple[str, str], ...]
GivenTags = Mapping[str, str] | Sequence[str]
"""Tags as people write them: names with values, or names alone."""

# With the separator, so that a user's folder beside ours whose name begins alike is not taken for
# ours.
_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep

ADDED: Final = MappingProxyType({"added": True})
"""Marks a field that a declaration has gained since its first release: `field(default=…,
metadata=ADDED)`.  At its default it is not stated, neither in what identifies the declaration nor
where that is stored, so declarations without it are what they were, and older ones are read.
"""

REMARK: Final = MappingProxyType({"remark": True})
"""Marks a field that is for messages only, and no part of what a record says."""


_LONGEST_SHOWN = 60


@runtime_checkable
class Named(Protocol):
    """A declaration; it stands for its name wherever a name is asked for."""

    @property
    def name(self) -> str:
        """Unique among the declarations of its kind."""
        ...

    @property
    def declared_at(self) -> Location:
        """The user's line."""
        ...


def name_of(given: object, kind: str) -> str:
    """The name, or that of a declaration.

    Args:
        kind: of what is meant, for the error.

    Raises: NotAName PRJ-080.
    """
    match given:
        case str() if is_unicode(given):
            return given
        case Named():
            return given.name
    raise NotAName(kind=kind, found=shown_briefly(given))


def shown_briefly(value: object) -> str:
    """A value as it is written in Python, or what it is where that is long."""
    shown = ascii(value) if isinstance(value, str) and not is_unicode(value) else repr(value)
    if len(shown) <= _LONGEST_SHOWN:
        return shown
    return f"{shown[:20]}…" if isinstance(value, str) else f"a {type(value).__name__}"


def names_of(given: object, kind: str) -> list[str]:
    """The names, or those of declarations; one of them is a list of one.  Raises: NotAName
    PRJ-080.
    """
    match given:
        case str() | Named():
            return [name_of(given, kind)]
        case Iterable():
            return [name_of(each, kind) for each in given]
    return [name_of(given, kind)]


def caller() -> Location:
    """The nearest frame outside this package: the line of the user's file that is being run."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, "<string>")):
        frame = frame.f_back
    return Location(frame.f_code.co_filename, frame.f_lineno)


def freeze(declaration: object, **values: object) -> None:
    """Set every field of a frozen dataclass from its own `__init__`; a missing or unknown field is
    our bug.  Raises: TypeError for a note that is no text.
    """
    expected = {f.name for f in fields(declaration)}  # type: ignore[arg-type]
    assert expected == values.keys(), expected ^ values.keys()
    for name, value in values.items():
        if name in ("owner", "description"):
            _require_text(name, value)
        object.__setattr__(declaration, name, value)


def stated_fields(declaration: object) -> list[Field[object]]:
    """The fields of a declaration, or of a record in it, that say something: not where it stands in
    its file, no notes or remarks, and not those added later that have their default.
    """
    return [
        each
        for each in fields(declaration)  # type: ignore[arg-type]
        if each.name not in ("declared_at", *NOTES)
        and each.metadata != REMARK
        and not (each.metadata == ADDED and getattr(declaration, each.name) == each.default)
    ]


def parse_tags(tags: GivenTags) -> Tags:
    """The tags as a declaration holds them, sorted by name.

    >>> parse_tags({"team": "risk", "pii": "no"}), parse_tags(["nightly"])
    ((('pii', 'no'), ('team', 'risk')), (('nightly', ''),))

    Raises: TypeError for anything else than text.
    """
    if isinstance(tags, str):
        raise TypeError(f'tags: {tags!r} is one text; write {{"team": "risk"}} or ["{tags}"]')
    given = dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags, "")
    for text in (*given, *given.values()):
        _require_text("tags", text)
    return tuple(sorted(given.items()))


def _require_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{field}: {value!r} is no text")
