"""Stores that cannot be opened now: what does not need them goes on working, and whoever uses one
is told why it cannot be used.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from mainspring.ports.errors import KeyUnusable, StoreDamaged, StoreFailed

__all__ = ["open_or_defer"]

T = TypeVar("T")


def open_or_defer(open_store: Callable[[], T]) -> T:
    """What was opened; or, where that fails, something in its place that tries again whenever it
    is used, and raises what opening it raises: ENG-001, ENG-008 or ENG-010.
    """
    try:
        return open_store()
    except (KeyUnusable, StoreDamaged, StoreFailed):
        return cast("T", _Unopened(open_store))


class _Unopened:
    """Stands for a store until it can be opened."""

    def __init__(self, open_store: Callable[[], object]) -> None:
        self._open_store = open_store
        self._opened: object = None

    def __getattr__(self, name: str) -> object:
        if self._opened is None:
            self._opened = self._open_store()
        return getattr(self._opened, name)

    def close(self) -> None:
        """Nothing was opened, or what was is closed."""
        close = getattr(self._opened, "close", None)
        if close is not None:
            close()
