"""Instants and times of day in the text of ISO 8601, as people and programs write it.

The grammar is that of ISO 8601-1:2019 for a calendar or week date with an optional time, in its
extended or basic form, with what RFC 3339 adds to it: a blank or a small letter between date and
time, a small z.  Every number has all of its digits.  What is no one instant is refused: the second
60, the hour 24, a week or month without its day.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

__all__ = ["read_iso", "read_time_of_day"]

_DATE = (
    r"([0-9]{4})"
    r"(?:-([0-9]{2})-([0-9]{2})|([0-9]{2})([0-9]{2})|-W([0-9]{2})-([1-7])|W([0-9]{2})([1-7]))"
)
_SECONDS = r"([0-5][0-9])(?:[.,]([0-9]+))?"
_TIME = (
    rf"(?:([0-9]{{2}})(?::([0-5][0-9])(?::{_SECONDS})?)?"
    rf"|([0-9]{{2}})([0-5][0-9])(?:{_SECONDS})?)"
)
_OFFSET = r" ?(?:([Zz]|UTC)|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)"
_INSTANT = re.compile(rf"{_DATE}(?:[Tt ]{_TIME}(?:{_OFFSET})?)?")
_TIME_OF_DAY = re.compile(rf"[Tt]?{_TIME}")
_DAY_ONLY = 9


def read_iso(text: str) -> datetime | None:
    """The date and time that a text writes, with the offset that it says, if any; a fraction is cut
    after the microseconds.  None for a text that writes none.

    >>> read_iso("20240501T1200Z").isoformat(), read_iso("2024-W18-3").isoformat()
    ('2024-05-01T12:00:00+00:00', '2024-05-01T00:00:00')
    >>> read_iso("2024-5-1") is None
    True
    """
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        return None
    groups = found.groups()
    try:
        day = _day(groups[:_DAY_ONLY])
        time = _since_midnight(groups[_DAY_ONLY : _DAY_ONLY + 8])
        if time is None:
            return None
        return datetime(day.year, day.month, day.day, tzinfo=_offset(groups[-4:])) + time
    except (ValueError, OverflowError):
        return None


def read_time_of_day(text: str) -> timedelta | None:
    """The time since midnight that a text writes; None for a text that writes none.

    >>> read_time_of_day("12:30") == timedelta(hours=12, minutes=30)
    True
    """
    found = _TIME_OF_DAY.fullmatch(text.strip())
    return _since_midnight(found.groups()) if found else None


def _day(groups: tuple[str | None, ...]) -> date:
    year, *parts = groups
    month, day = parts[0] or parts[2], parts[1] or parts[3]
    if month and day:
        return date(int(year or 0), int(month), int(day))
    week, weekday = parts[4] or parts[6], parts[5] or parts[7]
    return date.fromisocalendar(int(year or 0), int(week or 0), int(weekday or 0))


def _since_midnight(groups: tuple[str | None, ...]) -> timedelta | None:
    hour, minute, second, fraction = (
        groups[place] or groups[place + 4] or "0" for place in range(4)
    )
    if int(hour) > 23:
        return None
    micros = int(fraction[:6].ljust(6, "0"))
    return timedelta(hours=int(hour), minutes=int(minute), seconds=int(second), microseconds=micros)


def _offset(groups: tuple[str | None, ...]) -> timezone | None:
    zulu, sign, hours, minutes = groups
    if zulu:
        return UTC
    if sign is None:
        return None
    length = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-length if sign == "-" else length)
