"""What a value of each type is, and what is none."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

import pytest

from mainspring.elements.schema import DType
from mainspring.elements.time import DAY, HOUR, MINUTE, format_instant
from mainspring.elements.values.scalar import BAD, read_value
from mainspring.elements.values.spelling import Spelling

NOON = "2024-05-01T12:00:00Z"
VIENNA = Spelling(format="%d/%m/%Y %H:%M", zone="Europe/Vienna")


class Colour(StrEnum):
    RED = "red"


def instant(value: object, spelling: Spelling = Spelling()) -> object:  # noqa: B008
    reading = read_value(DType.TIMESTAMP, value, spelling)
    return format_instant(reading) if isinstance(reading, int) else reading


@pytest.mark.parametrize(
    "text",
    [
        NOON,
        "2024-05-01T12:00Z",
        "2024-05-01T12:00",
        "2024-05-01T12",
        "2024-05-01 12:00:00",
        "2024-05-01 12:00:00 UTC",
        "2024-05-01 14:00:00 +0200",
        "2024-05-01t12:00:00z",
        "20240501T120000Z",
        "20240501T12",
        "2024-W18-3T12:00",
        "2024W183T1200",
        "2024-05-01T14:00+02:00",
        "2024-05-01T14:00:00+0200",
        "2024-05-01T14+02",
        "2024-05-01T06:30-05:30",
        " 2024-05-01T12:00:00.000 ",
        datetime(2024, 5, 1, 12, tzinfo=UTC),
        datetime(2024, 5, 1, 12),  # noqa: DTZ001
        datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_an_instant_is_read_as_people_and_machines_write_it(text: object) -> None:
    assert instant(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2024-5-1",
        "2024-05-01T23:59:60Z",
        "2024-05-01T24:00:00Z",
        "2024-05-01T9:00:00Z",
        "2024-05-01T12:00:00+25:00",
        "2024-02-30",
        "2024-W54-1",
        "2024-W18",
        "2024-05",
        "01/02/2024",
        "2024/05/01",
        "٢٠٢٤-05-01",
        "12:00",
        "9999-12-31T23:00",
        1.5,
        True,
    ],
)
def test_what_names_no_one_instant_is_refused(text: object) -> None:
    assert instant(text) is BAD


def test_a_fraction_has_any_length_and_either_mark_and_is_cut_after_the_microseconds() -> None:
    for text in ("2024-05-01T12:00:00,1234569Z", "2024-05-01T12:00:00.123456999999Z"):
        assert instant(text) == "2024-05-01T12:00:00.123456Z"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("01/02/2024 10:00", "2024-02-01T09:00:00Z"),
        ("01/07/2024 10:00", "2024-07-01T08:00:00Z"),
        ("31/03/2024 02:30", BAD),  # the clocks skip it
        ("27/10/2024 02:30", "2024-10-27T00:30:00Z"),  # they show it twice: the first
        (NOON, NOON),  # says its offset, so that it cannot be misread
        ("2024-05-01T12:00", BAD),
        ("2024-05-01", BAD),
        (datetime(2024, 2, 1, 10), "2024-02-01T09:00:00Z"),  # noqa: DTZ001
        (date(2024, 2, 1), "2024-01-31T23:00:00Z"),
    ],
)
def test_a_declared_format_and_zone_say_how_times_are_written(text: object, read: object) -> None:
    assert instant(text, VIENNA) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("18.0", 18),
        ("1.8e1", 18),
        (" 007 ", 7),
        ("+5", 5),
        ("-0", 0),
        (18.0, 18),
        (Decimal("18.0"), 18),
        (Fraction(18), 18),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", BAD),
        ("1e999999999", BAD),
        (2**63, BAD),
        (float("inf"), BAD),
        (float("nan"), None),
        (18.5, BAD),
        ("18.5", BAD),
        ("1_000", BAD),
        ("0x10", BAD),
        (True, BAD),
        ("", None),
        (" ", None),
        (b"18", BAD),
    ],
)
def test_a_whole_number_is_one_however_it_is_written(value: object, read: object) -> None:
    assert read_value(DType.INT64, value) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1.234.567,5", 1234567.5),
        ("1234567,5", 1234567.5),
        ("-1.234", -1234.0),
        ("12.34", BAD),
        ("1.23.456", BAD),
        ("1234.567", BAD),
        ("1,5,0", BAD),
        (1234.5, 1234.5),
    ],
)
def test_a_declared_comma_and_thousands_are_taken_at_their_word(text: object, read: object) -> None:
    spelling = Spelling(decimal=",", thousands=".")
    assert read_value(DType.FLOAT64, text, spelling) == read


@pytest.mark.parametrize("value", ["-999", "-999.0", -999, -999.0, Decimal(-999), "N/A"])
def test_a_spelling_of_null_is_null_in_whatever_form_it_comes(value: object) -> None:
    assert read_value(DType.FLOAT64, value, Spelling(nulls=("N/A", "-999"))) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((truth, True) for truth in ("true", "True", "TRUE", " true ", "1", "1.0", 1, 1.0, True)),
        *((truth, False) for truth in ("false", "FALSE", "0", 0, 0.0, False)),
        *((other, BAD) for other in ("yes", "t", "2", 2, 0.5, "on")),
    ],
)
def test_a_truth_is_one_of_a_closed_list(value: object, read: object) -> None:
    assert read_value(DType.BOOLEAN, value) is read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("00501", "00501"),
        ("", ""),
        (501, "501"),
        (12345678901234567890, "12345678901234567890"),
        (7.0, "7"),
        (7.5, "7.5"),
        (True, "true"),
        (Colour.RED, "red"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2024, 5, 1), "2024-05-01"),
        ("\ud800", BAD),
        (b"a", BAD),
        (["a"], BAD),
    ],
)
def test_text_is_text_and_a_number_its_shortest_digits(value: object, read: object) -> None:
    assert read_value(DType.STRING, value) == read


@pytest.mark.parametrize(
    ("dtype", "value", "read"),
    [
        (DType.UINT64, "18446744073709551615", 2**64 - 1),
        (DType.UINT64, -1, BAD),
        (DType.DECIMAL, "0.10", Decimal("0.1")),
        (DType.DECIMAL, 0.1, Decimal("0.1")),
        (DType.DECIMAL, Fraction(1, 3), BAD),
        (DType.DECIMAL, "1e-19", BAD),
        (DType.DECIMAL, 10**20, BAD),
        (DType.FLOAT64, Fraction(1, 3), BAD),
        (DType.FLOAT64, "1e400", BAD),
        (DType.BYTES, "AAEC", b"\x00\x01\x02"),
        (DType.BYTES, "not base64!", BAD),
        (DType.TIME, "09:30", 9 * HOUR + 30 * MINUTE),
        (DType.TIME, time(9, 30), 9 * HOUR + 30 * MINUTE),
        (DType.TIME, "9:30", BAD),
        (DType.TIME, DAY, BAD),
        (DType.DURATION, timedelta(hours=1), HOUR),
        (DType.LIST_FLOAT64, "[1, 2.5]", [1.0, 2.5]),
        (DType.LIST_FLOAT64, [1, None], BAD),
        (DType.LIST_FLOAT64, "1, 2", BAD),
    ],
)
def test_the_other_types_have_values_too(dtype: DType, value: object, read: object) -> None:
    assert read_value(dtype, value) == read
