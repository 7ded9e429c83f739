"""What an object is made of, in canonical words: plain data in Python's notation, anything else
taken apart one level into a word and the objects that it holds.

Objects of other libraries say themselves what they are made of, by the protocol of copying and
pickling (`__reduce_ex__`); nothing is ever serialised.
"""

import copyreg
import functools
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import NamedTuple

from mainspring.elements.identity import digest_of

__all__ = [
    "ObjectParts",
    "attributes_of",
    "imported_name",
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
_MOST_PARTS = 50_000

# What these hold is of this process alone, and changes no outcome.
_STATELESS = frozenset(
    {"_contextvars", "_thread", "threading", "weakref", "_weakref", "_weakrefset"}
)

_RANDOM = ("random", "numpy.random")
_DESCRIPTORS = (MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType)


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
            return ObjectParts(f"{kind.__module__}.{reduced}")
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
        elif is_told_by_text(part) or (apart := take_apart(part)) is None:
            is_complete = False
            waiting.extend(attributes_of(part).values())
        else:
            waiting.extend(reversed(apart.parts))
    return is_complete and not waiting, ours


def imported_name(value: object) -> tuple[str, str] | None:
    """The module and the name that say what it is: of a class, a function of C, or what is found
    under its own name in an imported module.
    """
    if isinstance(value, _DESCRIPTORS):
        return value.__objclass__.__module__, value.__qualname__
    if isinstance(value, type):
        return value.__module__, value.__qualname__
    if isinstance(value, BuiltinFunctionType):
        is_bound = not isinstance(value.__self__, ModuleType | None)
        return None if is_bound else (value.__module__ or "", value.__qualname__)
    if not callable(value):
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and _is_reachable(value, module, name):
        return module, name
    return None


def _order_key(value: object) -> tuple[str, ...]:
    """A key by which the members of a set have an order in every process."""
    if is_plain(value):
        return ("", _notation(value))
    if isinstance(value, tuple | frozenset):
        return ("~", *(part for item in value for part in _order_key(item)))
    code = getattr(value, "__code__", None)
    body = code.co_code.hex() if isinstance(code, CodeType) else ""
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return ("~", str(name), body)


def _is_reachable(value: object, module: str, qualified_name: str) -> bool:
    """Whether an object is what an imported module holds under this name."""
    holder = sys.modules.get(module)
    found: object = holder
    for name in qualified_name.split("."):
        found = vars(found).get(name) if hasattr(found, "__dict__") else None
    return found is value
