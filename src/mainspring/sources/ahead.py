"""Compute what comes next while what is there is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

__all__ = ["iter_ahead"]

T = TypeVar("T")


def iter_ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items in the same order, each computed in a thread while the one before is used; it
    raises what computing one raises, after those before it.

    One of them waits at most: memory is bounded, and whoever computes is not far ahead.

    >>> list(iter_ahead(number * number for number in range(4)))
    [0, 1, 4, 9]
    """
    source = iter(items)

    def compute() -> tuple[T, ...]:
        """The next item; nothing at the end."""
        return tuple(islice(source, 1))

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(copy_context().run, compute)
        while item := coming.result():
            coming = pool.submit(copy_context().run, compute)
            yield item[0]
