"""Where the calendar is certain: the instants whose date parts both evaluators know, and agree
on.
"""

from mainspring.elements.time import CALENDAR_RANGE, Micros, parse_instant

__all__ = ["CALENDAR_RANGE", "LOCAL_CALENDAR_RANGE"]

LOCAL_CALENDAR_RANGE: tuple[Micros, Micros] = (
    parse_instant("1970-01-01"),
    parse_instant("2100-01-01"),
)
"""Where the editions of the time zone database agree.

Before 1970 it is incomplete by its own charter, and after 2099 Polars' tables end where Python
follows the last rule on; a local time outside is null.
"""
