"""What comes next is computed while what is there is used."""

import threading
from collections.abc import Iterator

import pytest

from mainspring.sources.ahead import iter_ahead


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    ahead = iter_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="the second"):
        next(ahead)


def test_the_next_item_is_computed_while_one_is_used() -> None:
    is_computed = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_computed.set()
        yield 2

    ahead = iter_ahead(items())
    assert next(ahead) == 1
    assert is_computed.wait(10)
    assert list(ahead) == [2]


def test_no_more_than_one_item_waits() -> None:
    computed: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            computed.append(number)
            yield number

    for number in iter_ahead(items()):
        assert len(computed) <= number + 2


def test_nothing_of_nothing() -> None:
    assert list(iter_ahead([])) == []
