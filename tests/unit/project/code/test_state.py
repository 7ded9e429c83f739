"""What objects are made of, in words that are the same in every process."""

import functools
import random
import threading
from collections import OrderedDict, deque
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

from mainspring.project.code.provenance import imported_name
from mainspring.project.code.state import (
    is_plain,
    is_told_by_text,
    plain_notation,
    survey,
    take_apart,
)


class Size(Enum):
    SMALL = 1


class Alike(Enum):
    """Its members stand in a set in the order in which they came."""

    ONE = 1
    TWO = 2

    def __hash__(self) -> int:
        return 0


def half(value):
    return value / 2


def words(value: object) -> object:
    """An object and all that it holds, as far as it can be taken apart."""
    if is_plain(value):
        return plain_notation(value)
    named, apart = imported_name(value), take_apart(value)
    if named or apart is None:
        return named or repr(value)
    return [apart.word, *map(words, apart.parts)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("1.0"), Decimal("1.1")),
        (date(2024, 1, 1), date(2024, 1, 2)),
        (np.arange(3), np.arange(4)),
        (np.arange(3), np.arange(3.0)),
        (functools.partial(half, 1), functools.partial(half, 2)),
        (OrderedDict(a=1), OrderedDict(a=2)),
        (deque([half], maxlen=2), deque([half], maxlen=3)),
        (slice(1, 2), slice(1, 3)),
        ([].append, [1].append),
    ],
)
def test_other_content_gives_other_words(one: object, other: object) -> None:
    assert words(one) != words(other)
    assert words(one) == words(one)


@pytest.mark.parametrize("value", [threading.Lock(), threading.local(), threading.RLock()])
def test_a_lock_holds_nothing(value: object) -> None:
    assert survey(value, lambda _: False) == (True, [])


def test_a_generator_of_random_numbers_is_said_by_the_text_that_made_it() -> None:
    assert is_told_by_text(random.Random())
    assert is_told_by_text(np.random.default_rng())


def test_what_cannot_be_said_still_shows_what_it_holds_of_the_project() -> None:
    partial = functools.partial(half, (number for number in range(3)))
    assert survey(partial, lambda part: part is half) == (False, [half])


def test_an_object_that_holds_itself_has_an_end() -> None:
    circle: deque[object] = deque()
    circle.append(circle)
    assert survey(circle, lambda _: False) == (True, [])


def test_paths_in_the_project_are_relative_to_it() -> None:
    assert plain_notation(["/home/ada/shop/a.json"], "/home/ada/shop") == "list(['a.json'])"
    apart = take_apart(Path("/home/ada/shop"))
    assert apart is not None
    assert apart.parts == ("/home/ada/shop",)


def test_long_data_is_named_by_its_digest() -> None:
    assert plain_notation("a" * 1001).startswith("sha256:")


def test_a_member_of_an_enumeration_is_its_class_its_name_and_its_value() -> None:
    apart = take_apart(Size.SMALL)
    assert apart is not None
    assert apart.parts == (Size, "SMALL", 1)


def test_the_order_of_the_members_of_a_set_is_not_that_of_their_hashes() -> None:
    one, two = Alike.ONE, Alike.TWO
    assert list({one, two}) != list({two, one})
    assert words({one, two}) == words({two, one})
    assert words({frozenset({one, two})}) == words({frozenset({two, one})})
