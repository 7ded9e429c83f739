"""What an object is made of, in canonical words: plain data in Python's notation, anything else
taken apart one level into a word and the objects that it holds.

Objects of other libraries say themselves what they are made of, by the protocol of copying and
pickling (`__reduce_ex__`); nothing is ever serialised.
"""

import copyreg
import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from enum import Enum
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import NamedTuple, ParamSpec, TypeVar

from mainspring.elements.identity import digest_of
from mainspring.project.code.provenance import imported_name, is_held_somewhere

__all__ = [
    "ObjectParts",
    "attributes_of",
    "closed_over",
    "copies_itself",
    "is_plain",
    "is_told_by_text",
    "plain_notation",
    "survey",
    "take_apart",
    "take_known_apart",
]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LONGEST = 1000
"""Characters of plain data that stand in a definition as they are; more is named by its digest."""

_DEEPEST = 50
_DEEPEST_KEY = 6
_MOST_PARTS = 50_000

# What these hold is of this process alone, and changes no outcome.
_STATELESS = frozenset(
    {"_contextvars", "_thread", "threading", "weakref", "_weakref", "_weakrefset"}
)

_CONTAINERS = (dict, list, tuple, functools.partial, MethodType)
_RANDOM = ("random", "numpy.random")


class ObjectParts(NamedTuple):
    """An object taken apart: a word for what it is, and the objects that it is made of."""

    word: str
    parts: tuple[object, ...] = ()


def is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value is data that Python's notation says completely."""
    if depth > _DEEPEST:
        return False
    kind = type(value)
    if kind in (tuple, list, set, frozenset):
        assert isinstance(value, tuple | list | set | frozenset)
        return all(is_plain(item, depth + 1) for item in value)
    if kind is dict:
        assert isinstance(value, dict)
        return all(is_plain(part, depth + 1) for item in value.items() for part in item)
    return kind in _PLAIN


def plain_notation(value: object, root: str = "") -> str:
    """Python's notation of plain data, with sets in order and dicts as they stand, and paths within
    the folder `root` relative to it; long data by its digest.

    >>> plain_notation({"b": {3, 1}, "a": 1.0})
    "dict(['b', set(['1', '3']), 'a', 1.0])"
    """
    text = _notation(value)
    text = text.replace(root + "/", "") if root else text
    return text if len(text) <= _LONGEST else digest_of(text.encode("utf-8", "surrogatepass"))


def _notation(value: object) -> str:
    match value:
        case set() | frozenset():
            return f"{type(value).__name__}({sorted(map(_notation, value))})"
        case tuple() | list():
            return f"{type(value).__name__}([{', '.join(map(_notation, value))}])"
        case dict():
            parts = (_notation(part) for item in value.items() for part in item)
            return f"dict([{', '.join(parts)}])"
        case _:
            return repr(value)


def take_apart(value: object) -> ObjectParts | None:
    """What an object is made of, one level deep; None where that cannot be said.

    Functions, classes and modules are not taken apart here: what they are made of is their code.
    """
    return take_known_apart(value) or _reduced(value)


def take_known_apart(value: object) -> ObjectParts | None:
    """What an object of Python itself is made of; None for any other."""
    match value:
        case list() | tuple() if type(value) in (list, tuple):
            return ObjectParts(type(value).__name__, tuple(value))
        case set() | frozenset() if type(value) in (set, frozenset):
            return ObjectParts(type(value).__name__, tuple(sorted(value, key=_order_key)))
        case dict() | MappingProxyType() if type(value) in (dict, MappingProxyType):
            return ObjectParts("dict", tuple(part for item in value.items() for part in item))
        case MethodType(__func__=function, __self__=owner):
            return ObjectParts("method", (function, owner))
        case BuiltinFunctionType(__self__=owner) if not isinstance(owner, ModuleType | None):
            return ObjectParts(f"method {value.__name__}", (owner,))
        case staticmethod() | classmethod():
            return ObjectParts(type(value).__name__, (value.__func__,))
        case property():
            return ObjectParts("property", (value.fget, value.fset, value.fdel))
        case functools.cached_property():
            return ObjectParts("cached_property", (value.func,))
        case functools._lru_cache_wrapper():
            return ObjectParts("cached", (value.__wrapped__, value.cache_parameters()))
        case MethodWrapperType(__self__=owner):
            return ObjectParts(f"method {value.__name__}", (owner,))
        case MemberDescriptorType() | GetSetDescriptorType():
            return ObjectParts("slot")
        case Enum():
            return ObjectParts("member", (type(value), value.name, value._value_))
        case PurePath():
            return ObjectParts("path", (str(value),))
        case _:
            return _take_stand_in_apart(value)


def _take_stand_in_apart(value: object) -> ObjectParts | None:
    """What stands for something else: an object held weakly, what is set for a context or a thread,
    a type that is not yet known.
    """
    match value:
        case weakref.ref():
            return ObjectParts("reference", (value(),))
        case weakref.WeakSet():
            return ObjectParts("weak set", tuple(sorted(value, key=_order_key)))
        case weakref.WeakValueDictionary() | weakref.WeakKeyDictionary():
            return ObjectParts("weak dict", tuple(part for item in value.items() for part in item))
        case ContextVar():
            return ObjectParts("variable", (value.name, _held_by(value)))
        case TypeVar() | ParamSpec():
            constraints = getattr(value, "__constraints__", ())
            return ObjectParts("type variable", (value.__name__, value.__bound__, constraints))
        case threading.local() if type(value) is threading.local:
            return ObjectParts("local", (attributes_of(value),))
        case _:
            return None


def _held_by(variable: ContextVar[object]) -> object:
    try:
        return variable.get()
    except LookupError:
        return None


def _reduced(value: object) -> ObjectParts | None:
    kind = type(value)
    if kind.__module__ in _STATELESS:
        return ObjectParts(kind.__qualname__)
    if kind is CodeType:
        return None
    try:
        reduce = copyreg.dispatch_table.get(kind)
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        if isinstance(reduced, str):
            # Its name in a module; which one is not said, and must not depend on what is imported.
            is_held = is_held_somewhere(value, reduced)
            return ObjectParts(f"{kind.__module__}.{reduced}") if is_held else None
        callable_, arguments, state, *items = (*reduced, None, None, None)[:5]
        listed = [None if each is None else list(each) for each in items]
        return ObjectParts("object", (callable_, arguments, state, *listed))
    # The edge to other people's classes: whatever their way of copying raises, such an object
    # cannot be said.
    except Exception:
        return None


def is_told_by_text(value: object) -> bool:
    """Whether the text that made another library's object says more of it than its state does: a
    random generator, which without a seed starts differently in every process; a function that was
    wrapped, with whatever that library keeps beside it.
    """
    kind = type(value)
    if isinstance(value, functools._lru_cache_wrapper):
        return False
    return kind.__module__.startswith(_RANDOM) or "__wrapped__" in attributes_of(value)


def attributes_of(value: object) -> dict[str, object]:
    """What an object holds by name."""
    held: object = getattr(value, "__dict__", None)
    return dict(held) if isinstance(held, dict | MappingProxyType) else {}


def closed_over(function: FunctionType) -> Iterator[tuple[str, object]]:
    """What a function closes over; a name that is not yet bound is None."""
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            yield name, None


def copies_itself(kind: type) -> bool:
    """Whether a class says in its own way what its objects are made of, and may leave out some."""
    return any(
        name in vars(base)
        for base in kind.__mro__[:-1]
        for name in ("__getstate__", "__reduce__", "__reduce_ex__")
    )


def survey(value: object, is_ours: Callable[[object], bool]) -> tuple[bool, list[object]]:
    """Whether everything that an object holds can be said, and what of the project it holds."""
    seen: dict[int, object] = {}
    waiting: list[object] = [value]
    ours: list[object] = []
    is_complete = True
    while waiting and len(seen) <= _MOST_PARTS:
        part = waiting.pop()
        if id(part) in seen or is_plain(part):
            continue
        seen[id(part)] = part
        if is_ours(part):
            ours.append(part)
        elif isinstance(part, FunctionType | ModuleType) or imported_name(part):
            continue
        elif is_told_by_text(part):
            is_complete = False
            # What a library keeps beside a function leads to all other functions that it keeps.
            beside = attributes_of(part).values()
            waiting.extend(held for held in beside if is_ours(held) or type(held) in _CONTAINERS)
        elif (apart := take_apart(part)) is None:
            is_complete = False
            waiting.extend(attributes_of(part).values())
        else:
            waiting.extend(reversed(apart.parts))
    return is_complete and not waiting, ours


def _order_key(value: object, depth: int = 0) -> tuple[str, ...]:
    """A key by which the members of a set have an order in every process."""
    if is_plain(value):
        return ("", _notation(value))
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    if isinstance(code := getattr(value, "__code__", None), CodeType):
        constants = repr([constant for constant in code.co_consts if is_plain(constant)])
        return ("~", str(name), code.co_code.hex(), constants, f"{code.co_firstlineno:09}")
    is_named = isinstance(value, type | ModuleType) or depth >= _DEEPEST_KEY
    apart = None if is_named else take_apart(value)
    parts = apart.parts if apart is not None else ()
    return ("~", str(name), *(word for part in parts for word in _order_key(part, depth + 1)))
