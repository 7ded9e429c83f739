"""Types of values that come from bytes."""

from enum import StrEnum
from typing import Literal

import pytest

from mainspring.elements.typed import is_of_type


class Size(StrEnum):
    SMALL = "small"


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (True, int),
        (True, float),
        (1.0, int),
        ("small", Size),
        (Size.SMALL, str),
        (1, Literal[True]),
        ("c", Literal["a", "b"]),
        (None, int | str),
        ([1], tuple[int, ...]),
        ((1, "a"), tuple[int, ...]),
        ((1,), tuple[int, str]),
        ((1, 2), tuple[int, int | None, str]),
    ],
)
def test_a_value_of_another_type_is_not_of_it(value: object, annotation: object) -> None:
    assert not is_of_type(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, float),
        (None, int | None),
        (Size.SMALL, Size),
        ((), tuple[int, ...]),
        ((1, None), tuple[int, int | None]),
        ((("a", 1.5),), tuple[tuple[str, float], ...]),
        ("a", Literal["a", "b"] | None),
    ],
)
def test_a_value_of_the_type_is(value: object, annotation: object) -> None:
    assert is_of_type(value, annotation)


def test_a_type_that_cannot_be_checked_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="is not checked"):
        is_of_type({}, dict[str, int])
