"""The smallest history that still shows a difference: rows and questions are left out as long as it
does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.proof.history import Delivery, Handed, History

__all__ = ["minimal", "render"]

T = TypeVar("T")


def minimal(history: History, fails: Callable[[History], bool]) -> History:
    """A history that fails, of which no single row and no single question can be left out."""
    questions = smallest(
        list(history.questions), lambda kept: fails(replace(history, questions=kept))
    )
    history = replace(history, questions=questions)
    rows = [
        (place, handed)
        for place, delivery in enumerate(history.deliveries)
        for handed in delivery.rows
    ]
    return with_rows(
        history, smallest(rows, lambda kept: bool(kept) and fails(with_rows(history, kept)))
    )


def smallest(items: list[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Leave out halves, quarters, … and single items until none can be spared.

    >>> smallest(list(range(100)), lambda kept: {3, 97} <= set(kept))
    [3, 97]
    """
    size = max(len(items) // 2, 1)
    while items:
        for at in range(0, len(items), size):
            without = items[:at] + items[at + size :]
            if without and fails(without):
                items = without
                break
        else:
            if size == 1:
                return items
            size = size // 2
    return items


def with_rows(history: History, rows: Sequence[tuple[int, Handed]]) -> History:
    """The history with these rows only, each in the delivery of that place; deliveries without any
    are gone.
    """
    kept: dict[int, list[Handed]] = {}
    for place, handed in rows:
        kept.setdefault(place, []).append(handed)
    return replace(
        history,
        deliveries=[replace(history.deliveries[place], rows=own) for place, own in kept.items()],
    )


def render(history: History) -> str:
    """A line for each delivery, row and question."""
    lines = [
        line
        for delivery in history.deliveries
        for line in (
            _heading(delivery),
            *(f"  {handed.op} {dict(handed.row)}" for handed in delivery.rows),
        )
    ]
    return "\n".join(
        [
            *lines,
            *(f"asked {dict(question.keys)} at {question.time}" for question in history.questions),
        ]
    )


def _heading(delivery: Delivery) -> str:
    kind = "history" if delivery.is_history else "live"
    return (
        f"{delivery.source}, {kind}, handed in at "
        f"{delivery.moment}{', then folded' if delivery.is_folded else ''}"
    )
