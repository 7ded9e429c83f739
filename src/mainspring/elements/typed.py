"""Whether a value is of an annotated type, all the way down: for records that are made without
their constructors.
"""

import types
from enum import Enum
from typing import Literal, Union, get_args, get_origin

__all__ = ["is_of_type"]


def is_of_type(value: object, annotation: object) -> bool:
    """Whether a value is of a type: a class, a union, a tuple or a closed list of constants.  A
    whole number is a float too, and true is no number.

    Raises: TypeError for an annotation of another kind.

    >>> is_of_type(("a", 1), tuple[str, int]), is_of_type(("a",), tuple[int, ...])
    (True, False)
    >>> is_of_type(True, int), is_of_type(1, float)
    (False, True)
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(is_of_type(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and _are_of_types(value, parts)
    if annotation is None:
        return value is None
    if not isinstance(annotation, type) or origin is not None:
        raise TypeError(f"{annotation} is not checked")
    if annotation is float:
        return type(value) in (int, float)
    # A subclass of a plain type is another type: true is no number, and a member of an enumeration
    # no text.
    is_plain = annotation in (bool, int, str) or issubclass(annotation, Enum)
    return type(value) is annotation if is_plain else isinstance(value, annotation)


def _are_of_types(values: tuple[object, ...], parts: tuple[object, ...]) -> bool:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(is_of_type(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(map(is_of_type, values, parts))
