"""What all declarations share: they are frozen, comparable, and know the user's line that made
them.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from mainspring.elements.errors import Location, NotAName

__all__ = ["ADDED", "Named", "caller", "freeze", "name_of", "names_of", "stated_fields"]

# With the separator, so that a user's folder beside ours whose name begins alike is not taken for
# ours.
_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep

ADDED: Final = MappingProxyType({"added": True})
"""Marks a field that a declaration has gained since its first release: `field(default=…,
metadata=ADDED)`.  At its default it is not stated, neither in what identifies the declaration nor
where that is stored, so declarations without it are what they were, and older ones are read.
"""


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
        case str():
            return given
        case Named():
            return given.name
    shown = repr(given)
    if len(shown) > _LONGEST_SHOWN:
        shown = f"a {type(given).__name__}"
    raise NotAName(kind=kind, found=shown)


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
    our bug.
    """
    expected = {f.name for f in fields(declaration)}  # type: ignore[arg-type]
    assert expected == values.keys(), expected ^ values.keys()
    for name, value in values.items():
        object.__setattr__(declaration, name, value)


def stated_fields(declaration: object) -> list[Field[object]]:
    """The fields of a declaration, or of a record in it, that say something: not where it stands in
    its file, and not those added later that have their default.
    """
    return [
        each
        for each in fields(declaration)  # type: ignore[arg-type]
        if each.name != "declared_at"
        and not (each.metadata == ADDED and getattr(declaration, each.name) == each.default)
    ]
