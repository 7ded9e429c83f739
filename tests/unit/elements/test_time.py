"""Instants and lengths of time at the edges."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from mainspring.elements.errors import UnreadableDuration, UnreadableInstant
from mainspring.elements.time import (
    DAY,
    format_duration,
    format_instant,
    from_micros,
    parse_duration,
    parse_instant,
    to_micros,
)


def test_one_day_is_24_hours_and_written_so():
    assert parse_duration("1d") == parse_duration("24h") == DAY
    assert format_duration(DAY) == "24h"


@pytest.mark.parametrize(
    "text", ["", "h", "3", "-3h", "0s", "3 h", "1.5h", "3H", "3h30m", "3months"]
)
def test_what_is_not_a_length_of_time_is_refused(text):
    with pytest.raises(UnreadableDuration):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01", "2013-10-01T25:00", "1380600000"])
def test_what_is_not_an_instant_is_refused(text):
    with pytest.raises(UnreadableInstant):
        parse_instant(text)


def test_a_text_a_date_and_a_datetime_name_the_same_instant():
    midnight = parse_instant("2013-10-01")
    zoned = datetime(2013, 9, 30, 20, tzinfo=timezone(timedelta(hours=-4)))
    assert (
        midnight
        == parse_instant(date(2013, 10, 1))
        == parse_instant(datetime(2013, 10, 1))  # noqa: DTZ001
        == parse_instant(zoned)
    )


def test_microseconds_are_exact_far_from_1970():
    moment = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert from_micros(to_micros(moment)) == moment
    assert format_instant(to_micros(moment)) == "9999-12-31T23:59:59.999999Z"
