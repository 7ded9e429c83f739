"""What callers of the library give, checked by how a method is annotated: a value of another type
is refused where it was given, in a line that names it, and not by whatever stumbles over it below.

Only plain types are checked.  Names, rows and frames have readers of their own, which know more of
them.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import FunctionType, NoneType, UnionType
from typing import NewType, ParamSpec, TypeVar, Union, get_args, get_origin

from mainspring.elements.declaration import shown_briefly
from mainspring.elements.errors import WrongArgument
from mainspring.elements.text import is_unicode

__all__ = ["checks_arguments", "require_path", "require_within"]

P = ParamSpec("P")
R = TypeVar("R")
Owner = TypeVar("Owner")

_WORDS: Mapping[object, str] = {
    str: "text",
    bool: "True or False",
    int: "a whole number",
    Path: "a path",
    NoneType: "None",
}
# A time is one of many types.
_UNCHECKED = (object, inspect.Parameter.empty, datetime)
_LARGEST = 2**63
_LONGEST_PATH, _LONGEST_PART = 4_095, 255


def checks_arguments(owner: type[Owner]) -> type[Owner]:
    """The class, whose public methods raise WrongArgument PRJ-082 for what they cannot take."""
    for name, member in list(vars(owner).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, FunctionType):
            setattr(owner, name, _checked(member))
        elif isinstance(member, classmethod | staticmethod):
            setattr(owner, name, type(member)(_checked(member.__func__)))
    return owner


def require_within(value: int, least: int, most: int, *, method: str, argument: str) -> None:
    """Returns for a number from the least to the most.  Raises: WrongArgument PRJ-082."""
    if not least <= value <= most:
        wanted = f"from {least:,} to {most:,}"
        raise WrongArgument(method=method, argument=argument, found=f"{value:,}", wanted=wanted)


def require_path(value: Path | str, *, method: str, argument: str) -> None:
    """Returns for what can be a path.  Raises: WrongArgument PRJ-082."""
    if not _is_path(str(value)):
        found = shown_briefly(str(value))
        raise WrongArgument(method=method, argument=argument, found=found, wanted="a path")


def _checked(method: Callable[P, R]) -> Callable[P, R]:
    parameters = inspect.signature(method).parameters
    wanted = {
        name: kinds for name, each in parameters.items() if (kinds := _kinds_of(each.annotation))
    }

    @wraps(method)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[str, object] = dict(zip(parameters, args, strict=False))
        for name, value in (given | kwargs).items():
            kinds = wanted.get(name, ())
            if kinds and not _is_path_or_other(value, kinds):
                raise WrongArgument(
                    method=method.__name__,
                    argument=name,
                    found=shown_briefly(value),
                    wanted=" or ".join(_worded(kind) for kind in kinds),
                )
        return method(*args, **kwargs)

    return checking


def _kinds_of(annotation: object) -> tuple[object, ...]:
    """The types of an annotation; empty if one of them is none that is checked here."""
    if isinstance(annotation, NewType):
        return _kinds_of(annotation.__supertype__)
    if annotation is None:
        return (NoneType,)
    if get_origin(annotation) in (Union, UnionType):
        parts = [_kinds_of(part) for part in get_args(annotation)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    if get_origin(annotation) is Sequence:
        return (annotation,) if all(_kinds_of(part) for part in get_args(annotation)) else ()
    if not isinstance(annotation, type) or getattr(annotation, "_is_protocol", False):
        return ()
    return () if annotation in _UNCHECKED else (annotation,)


def _is_path_or_other(value: object, kinds: Sequence[object]) -> bool:
    if Path in kinds and isinstance(value, str | Path):
        return _is_path(str(value))
    return any(_is_of(value, kind) for kind in kinds)


def _is_path(text: str) -> bool:
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    longest = max(map(len, encoded.split(b"/")))
    return b"\0" not in encoded and len(encoded) <= _LONGEST_PATH and longest <= _LONGEST_PART


def _is_of(value: object, kind: object) -> bool:
    if get_origin(kind) is Sequence:
        within = _kinds_of(get_args(kind)[0])
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return False
        # What can be gone through only once is left to the method.
        return isinstance(value, Iterator) or all(_is_path_or_other(each, within) for each in value)
    if kind is str:
        return isinstance(value, str) and is_unicode(value)
    if kind is bool:
        # NumPy's is no bool.
        return isinstance(value, bool | int) or type(value).__name__ in ("bool", "bool_")
    if kind is int:
        return hasattr(value, "__index__") and abs(value.__index__()) < _LARGEST
    return isinstance(value, kind) if isinstance(kind, type) else False


def _worded(kind: object) -> str:
    if get_origin(kind) is Sequence:
        return f"a list, each {' or '.join(map(_worded, _kinds_of(get_args(kind)[0])))}"
    return _WORDS.get(kind) or str(getattr(kind, "__name__", kind))
