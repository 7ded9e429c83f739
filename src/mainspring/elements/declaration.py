"""What all declarations share: they are frozen, comparable, and know the user's line that made
them.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType

from mainspring.elements.errors import Location

__all__ = ["LATER", "caller", "freeze", "iter_said"]

LATER: Mapping[str, bool] = MappingProxyType({"later": True})
"""The metadata of a field that a record gained after release 0.1.  Where it has its default it is
no part of the record's words, so that what was declared before keeps its identity.
"""

# With the separator, so that a user's folder beside ours whose name begins alike is not taken for
# ours.
_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep


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


def iter_said(declaration: object) -> Iterator[tuple[str, object]]:
    """The fields of a record that its words consist of, by name: all but those that no comparison
    regards, such as where it is declared, and what it gained since and does not use.
    """
    for field in fields(declaration):  # type: ignore[arg-type]
        value: object = getattr(declaration, field.name)
        is_unused = field.metadata.get("later", False) and value == field.default
        if field.compare and not is_unused:
            yield field.name, value
