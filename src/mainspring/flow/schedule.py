"""Schedules at the boundaries of UTC hours and days, as pure functions of the last window and the
present instant.

After a pause only the newest complete window is due: working off a backlog would delay the present
one.  The skipped windows are returned too, so that they can be run on request.
"""

from typing import Literal as OneOf
from typing import NamedTuple

from mainspring.elements.time import DAY, HOUR, Micros

__all__ = ["DueWindow", "ScheduleInterval", "ScheduleWindow", "due_window", "next_due"]

ScheduleInterval = OneOf["hourly", "daily"]
_LENGTH: dict[ScheduleInterval, Micros] = {"hourly": HOUR, "daily": DAY}


class ScheduleWindow(NamedTuple):
    """The stretch `[start, end)`."""

    start: Micros
    end: Micros


class DueWindow(NamedTuple):
    """The window that is due, and those between the last one and it that are skipped."""

    window: ScheduleWindow
    skipped: tuple[ScheduleWindow, ...]


def due_window(
    every: ScheduleInterval, *, last: ScheduleWindow | None, now: Micros
) -> DueWindow | None:
    """The newest window that is complete at `now`, unless it was the last one; None then.

    Args:
        last: the last window that was done; None if there is none, and then nothing counts as
            skipped.

    Example:
        >>> found = due_window("hourly", last=ScheduleWindow(0, HOUR), now=3 * HOUR + 5)
        >>> found.window
        ScheduleWindow(start=7200000000, end=10800000000)
        >>> found.skipped
        (ScheduleWindow(start=3600000000, end=7200000000),)
    """
    length = _LENGTH[every]
    end = now - now % length
    if last is not None and end <= last.end:
        return None
    first_missed = end - length if last is None else last.end - last.end % length
    skipped = tuple(
        ScheduleWindow(start, start + length) for start in range(first_missed, end - length, length)
    )
    return DueWindow(ScheduleWindow(end - length, end), skipped)


def next_due(every: ScheduleInterval, now: Micros) -> Micros:
    """The next boundary after `now`.

    >>> next_due("daily", now=5) == DAY
    True
    """
    length = _LENGTH[every]
    return now - now % length + length
