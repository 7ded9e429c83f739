"""Time: int64 microseconds since 1970 in UTC inside, aware datetimes and short texts at the edges.

Integers, because windows are decided by comparing them: a float or a naive datetime would decide
some edges by accident.
"""

import re
from datetime import UTC, date, datetime, timedelta

from mainspring.elements.errors import UnreadableDuration, UnreadableInstant
from mainspring.elements.values.iso import read_iso

__all__ = [
    "CALENDAR_RANGE",
    "DAY",
    "FOREVER",
    "HOUR",
    "MINUTE",
    "SECOND",
    "Micros",
    "format_duration",
    "format_instant",
    "from_micros",
    "parse_duration",
    "parse_instant",
    "to_micros",
]

Micros = int
"""An instant (since 1970-01-01 UTC) or a length of time, in microseconds."""

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR
FOREVER: Micros = 2**63 - 1

_LONGEST: Micros = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"([0-9]+)(us|ms|s|m|h|d|w)")


def to_micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds, exactly (no float in between).

    >>> to_micros(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(moment: Micros) -> datetime:
    """Microseconds as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=moment)


def parse_duration(text: str) -> Micros:
    """The duration of a short text like `90s`, `3h` or `7d`; `1d` is 24 hours.

    >>> parse_duration("3h") == 3 * HOUR
    True
    """
    match = _DURATION.fullmatch(str(text).strip())
    length = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < length <= _LONGEST:
        raise UnreadableDuration(text=text)
    return length


def format_duration(length: Micros) -> str:
    """A short text that `parse_duration` reads back; one day is `24h`, as people write windows.

    >>> format_duration(DAY), format_duration(7 * DAY), format_duration(90 * SECOND)
    ('24h', '7d', '90s')
    """
    for unit in ("d", "h", "m", "s", "ms"):
        if length % _UNITS[unit] == 0 and length != DAY * (unit == "d"):
            return f"{length // _UNITS[unit]}{unit}"
    return f"{length}us"


def parse_instant(text: str | datetime | date) -> Micros:
    """The instant that an ISO 8601 text, date or datetime names; without a zone it is UTC.

    >>> format_instant(parse_instant("2013-10-01"))
    '2013-10-01T00:00:00Z'
    """
    if isinstance(text, datetime):
        moment = text
    elif isinstance(text, date):
        moment = datetime(text.year, text.month, text.day, tzinfo=UTC)
    else:
        found = read_iso(text)
        if found is None:
            raise UnreadableInstant(text=text)
        moment = found
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def format_instant(moment: Micros) -> str:
    """An instant as ISO 8601 in UTC, with a fraction only where there is one; in microseconds where
    the calendar has no such year.
    """
    try:
        return from_micros(moment).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{moment} µs"


CALENDAR_RANGE: tuple[Micros, Micros] = (parse_instant("0001-01-01"), parse_instant("9999-12-31"))
"""From the first year to the last day that Python's calendar has."""
