"""Schedules at the boundaries of UTC hours and days, as pure functions of the last window and the
present instant.

After a pause only the newest complete window is due: working off a backlog would hold up the
present, and the windows that were skipped are named, so that somebody can ask for them.
"""

from typing import Literal as OneOf
from typing import NamedTuple

from mainspring.elements.time import DAY, HOUR, Micros

__all__ = ["Due", "Every", "Window", "due", "next_due"]

Every = OneOf["hourly", "daily"]
_LENGTH: dict[Every, Micros] = {"hourly": HOUR, "daily": DAY}


class Window(NamedTuple):
    """The stretch `[start, end)`."""

    start: Micros
    end: Micros


class Due(NamedTuple):
    """What is to be done now, and the windows between the last one and it that will not be."""

    window: Window
    skipped: tuple[Window, ...]


def due(every: Every, *, last: Window | None, now: Micros) -> Due | None:
    """The newest window that is complete at `now`, unless it was the last one; None then.

    Args:
        last: the window that was worked on last; None when none was, and then nothing counts as
            skipped.

    Example:
        >>> found = due("hourly", last=Window(0, HOUR), now=3 * HOUR + 5)
        >>> found.window
        Window(start=7200000000, end=10800000000)
        >>> found.skipped
        (Window(start=3600000000, end=7200000000),)
    """
    length = _LENGTH[every]
    end = now - now % length
    if last is not None and end <= last.end:
        return None
    first_missed = end - length if last is None else last.end - last.end % length
    skipped = tuple(
        Window(start, start + length) for start in range(first_missed, end - length, length)
    )
    return Due(Window(end - length, end), skipped)


def next_due(every: Every, now: Micros) -> Micros:
    """The next boundary after `now`.

    >>> next_due("daily", now=5) == DAY
    True
    """
    length = _LENGTH[every]
    return now - now % length + length
