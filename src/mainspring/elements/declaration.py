"""What all declarations share: they are frozen, comparable, and know the user's line that made
them.
"""

import os
import sys
from dataclasses import Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mainspring.elements.errors import Location

__all__ = ["ADDED", "caller", "freeze", "stated_fields"]

# With the separator, so that a user's folder beside ours whose name begins alike is not taken for
# ours.
_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep

ADDED: Final = MappingProxyType({"added": True})
"""Marks a field that a declaration has gained since its first release: `field(default=…,
metadata=ADDED)`.  At its default it is not stated, neither in what identifies the declaration nor
where that is stored, so declarations without it are what they were, and older ones are read.
"""


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
