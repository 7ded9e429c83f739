"""Local times by both evaluators, around every change of clocks in every zone of the database."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import pytest

from mainspring.elements.expression import col
from mainspring.elements.expression.calendar import LOCAL_CALENDAR_RANGE
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.operations.dates import is_time_zone
from mainspring.elements.expression.row import compile_row
from mainspring.elements.frame import STORED
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND, Micros, from_micros

SCHEMA = Schema.of(t=DType.TIMESTAMP)
ZONES = sorted(filter(is_time_zone, available_timezones()))
FIRST, END = LOCAL_CALENDAR_RANGE
STEP = 20 * DAY
NEAR = (-HOUR, -30 * MINUTE, -1, 0, 1, 30 * MINUTE, HOUR)


def offset_of(zone: ZoneInfo, instant: Micros) -> int:
    """Seconds ahead of UTC, asked of the database itself."""
    offset = datetime.fromtimestamp(instant // SECOND, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def iter_changes(zone: ZoneInfo) -> Iterator[Micros]:
    """The first second of every new offset that lasts for some weeks."""
    before = offset_of(zone, FIRST)
    for instant in range(FIRST, END - STEP, STEP):
        after = offset_of(zone, instant + STEP)
        if after != before:
            low, high = instant, instant + STEP
            while high - low > SECOND:
                middle = (low + high) // 2 // SECOND * SECOND
                low, high = (middle, high) if offset_of(zone, middle) == before else (low, middle)
            yield high
        before = after


def instants_of(zone: ZoneInfo) -> list[Micros]:
    """Around every change, and one in every 400 days; the ends of the calendar too."""
    near = [change + distance for change in iter_changes(zone) for distance in NEAR]
    return [i for i in [*near, *range(FIRST, END, 400 * DAY), FIRST, END - 1] if FIRST <= i < END]


def wall_clock(zone: ZoneInfo, instant: Micros) -> dict[str, int]:
    """What `datetime` says."""
    local = from_micros(instant).astimezone(zone)
    return {
        "day": local.timetuple().tm_yday,
        "hour": local.hour,
        "minute": local.minute,
        "second": local.second,
    }


@pytest.mark.parametrize("first_letter", sorted({zone[0] for zone in ZONES}))
def test_gaps_and_folds_are_read_alike_in_every_zone(first_letter: str) -> None:
    for name in (zone for zone in ZONES if zone[0] == first_letter):
        local = col("t").dt.convert_time_zone(name).dt
        parts = {
            "day": local.ordinal_day().node,
            "hour": local.hour().node,
            "minute": local.minute().node,
            "second": local.second().node,
        }
        instants = instants_of(ZoneInfo(name))
        frame = pl.DataFrame({"t": pl.Series(instants).cast(STORED[DType.TIMESTAMP])})
        expected = [wall_clock(ZoneInfo(name), instant) for instant in instants]
        assert (
            frame.select(
                to_polars(node, SCHEMA).alias(part) for part, node in parts.items()
            ).to_dicts()
            == expected
        )
        one_row = compile_row(parts, SCHEMA)
        assert [one_row({"t": instant}) for instant in instants] == expected


def test_there_are_zones_to_test() -> None:
    assert len(ZONES) > 300
    assert sum(1 for _ in iter_changes(ZoneInfo("America/New_York"))) > 250
