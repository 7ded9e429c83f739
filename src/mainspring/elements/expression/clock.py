"""The clock on a wall somewhere: instants as local times, by the one time zone database that both
evaluators read.

It is the database of the machine, through `zoneinfo`.  Polars brings another edition along, whose
history of some zones differs (EET and WET before 1976, between Debian's 2025b and Polars 2.1), and
an edition newer than ours would know changes that ours does not.  So columns ask this clock too.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mainspring.elements.expression.calendar import LOCAL_CALENDAR
from mainspring.elements.time import HOUR, Micros, from_micros

__all__ = ["LocalClock", "local_clock"]

_HOURS_KEPT = 100_000
_ZONES_KEPT = 16


class LocalClock:
    """Reads instants on the clock of a zone.

    An hour within which the offset does not change is looked up once; one in which it does is
    computed each time, so that no rule about when clocks may change is assumed.

    Cost: 0.1 µs for an hour that was looked up before, 4 µs for another.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, Micros] = {}

    def __call__(self, instant: Micros) -> Micros | None:
        """Local time as microseconds since 1970 on that clock; None where the calendar is not
        certain.
        """
        offset = self._offsets.get(instant // HOUR)
        if offset is not None:
            return instant + offset
        if not LOCAL_CALENDAR[0] <= instant < LOCAL_CALENDAR[1]:
            return None
        offset = self.offset_within(instant // HOUR)
        return instant + (self.offset_at(instant) if offset is None else offset)

    def offset_within(self, hour: int) -> Micros | None:
        """How far the clock is ahead of UTC all through an hour, which is counted from 1970; None
        if that changes within it.
        """
        offset = self._offsets.get(hour)
        if offset is not None:
            return offset
        first = hour * HOUR
        offset = self.offset_at(first)
        if offset != self.offset_at(first + HOUR - 1):
            return None
        if len(self._offsets) >= _HOURS_KEPT:
            self._offsets.clear()
        self._offsets[hour] = offset
        return offset

    def offset_at(self, instant: Micros) -> Micros:
        """How far the clock is ahead of UTC at an instant."""
        local: datetime = from_micros(instant).astimezone(self._zone)
        offset = local.utcoffset()
        assert offset is not None
        return offset // timedelta(microseconds=1)


@lru_cache(maxsize=_ZONES_KEPT)
def local_clock(zone: str) -> LocalClock:
    """The clock of a zone, one for all expressions: the hour, the minute and the weekday of a
    column look its hours up together.
    """
    return LocalClock(zone)
