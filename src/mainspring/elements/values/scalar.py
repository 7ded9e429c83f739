"""One value as it arrived, read as a type: the decision that every way into the platform asks.

A reading never loses anything: what a type cannot hold is refused, not rounded or cut, with three
exceptions that are written where they are made: the fraction of a microsecond, the digits of a text
beyond the 64 bits of a float, and null in place of the NaN that pandas writes for it.

A number under text is its shortest digits, and a text under a number the number that it writes, so
that a source pushed to with one of the two is found by the other.
"""

import math
import sys
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeGuard
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from mainspring.elements.schema import DType
from mainspring.elements.text import is_unicode
from mainspring.elements.time import CALENDAR_RANGE, DAY, from_micros, to_micros
from mainspring.elements.values.iso import read_iso, read_time_of_day
from mainspring.elements.values.number import (
    exact_decimal,
    real_of_text,
    render_real,
    whole_of,
    whole_of_text,
)
from mainspring.elements.values.spelling import PLAIN, Spelling

__all__ = ["BAD", "BadValue", "StoredValue", "is_bad", "plain_value", "read_value", "text_of_value"]

StoredValue = bool | int | float | str | bytes | Decimal | list["StoredValue"]
"""A value as it is stored; instants, lengths of time and times of day are whole microseconds."""


class BadValue(Enum):
    """The reading of something that is no value of the type."""

    BAD = "no value of the type"


BAD: Final = BadValue.BAD

Reading = StoredValue | None | BadValue

_BOUNDS = {DType.INT64: range(-(2**63), 2**63), DType.UINT64: range(2**64)}
_MICROS = _BOUNDS[DType.INT64]
_TRUTHS = {"true": True, "false": False}
_LARGEST_FLOAT = int(sys.float_info.max)
_MICROSECOND = timedelta(microseconds=1)
_MISSING = frozenset({"NAType", "NaTType"})
_NUMBERS = (int, float, Decimal, Fraction)


def read_value(dtype: DType, value: object, spelling: Spelling = PLAIN) -> Reading:
    """The value of the type; None where there is none, BAD where it is not of the type.

    Args:
        value: as Python, NumPy or pandas has it.
        spelling: how the contract says that texts are written.

    Cost: about 1 µs.

    >>> read_value(DType.INT64, 18.0), read_value(DType.INT64, "18"), read_value(DType.INT64, True)
    (18, 18, <BadValue.BAD: 'no value of the type'>)
    """
    reading = _read(dtype, plain_value(value), spelling)
    if not spelling.nulls or reading is None or isinstance(reading, BadValue):
        return reading
    # A number that stands for none, such as -999, does so however it is written.
    return None if text_of_value(dtype, reading, spelling) in spelling.nulls else reading


def is_bad(reading: Reading) -> TypeGuard[BadValue]:
    """Whether the reading says that something is no value of the type."""
    return reading is BAD


def text_of_value(dtype: DType, value: StoredValue, spelling: Spelling = PLAIN) -> str:
    """The text that `read_value` reads as this value again.

    >>> text_of_value(DType.TIMESTAMP, 0), text_of_value(DType.BOOLEAN, True)
    ('1970-01-01T00:00:00+00:00', 'true')
    """
    match dtype, value:
        case (DType.TIMESTAMP, int()):
            return from_micros(value).isoformat()
        case (DType.TIME, int()):
            return (datetime(1970, 1, 1, tzinfo=UTC) + value * _MICROSECOND).time().isoformat()
        case (_, str()):
            return value
        case (_, bool()):
            return "true" if value else "false"
        case (_, bytes()):
            return b64encode(value).decode()
        case (_, list()):
            return msgspec.json.encode(value).decode()
        case (_, int()):
            return str(value)
        case (_, float()) if value == 0 and math.copysign(1, value) < 0:
            return "-0"
        case _:
            return render_real(value, spelling)


def _read(dtype: DType, plain: object, spelling: Spelling) -> Reading:
    match dtype, plain:
        case (_, None):
            return None
        case (DType.STRING, str()):
            return _text(plain, spelling)
        case (_, str()):
            return _of_text(dtype, plain, spelling)
        case (DType.FLOAT64, float()):
            return plain
        case (_, float()) if math.isnan(plain):
            # So pandas writes a missing value in a column of any type but its own.
            return None
        case (_, Decimal()) if not plain.is_finite():
            return BAD
        case (DType.STRING, _):
            return _digits(plain)
        case (DType.BOOLEAN, _):
            return _truth(plain)
        case (DType.INT64 | DType.UINT64, _):
            return _whole(dtype, plain)
        case (DType.FLOAT64, _):
            return _real(plain)
        case (DType.DECIMAL, _):
            return _bad_if_none(exact_decimal(plain) if _is_number(plain) else None)
        case (DType.TIMESTAMP, _):
            return _instant(plain, spelling)
        case (DType.DURATION, _):
            return _length(plain)
        case (DType.TIME, _):
            return _time_of_day(plain)
        case (DType.BYTES, bytes() | bytearray() | memoryview()):
            return bytes(plain)
        case (_, list() | tuple()) if dtype.is_list:
            return _elements(dtype.element, plain, spelling)
        case _:
            return BAD


def plain_value(value: object) -> object:
    """A value of NumPy or pandas as one of Python; None for what they have in place of none."""
    kind = type(value)
    if kind in (str, int, float, bool) or value is None:
        return value
    if kind.__name__ in _MISSING and kind.__module__.startswith("pandas"):
        return None
    if kind.__module__ == "numpy":
        return _plain_of_numpy(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value


def _plain_of_numpy(value: object) -> object:
    match type(value).__name__:
        case "datetime64" | "timedelta64":
            # To microseconds first: of nanoseconds Python would make a bare number.
            own = type(value).__name__
            moment: object = value.astype(f"{own}[us]").item()  # type: ignore[attr-defined]
            return BAD if isinstance(moment, int) else moment
        case "longdouble":
            return float(value)  # type: ignore[arg-type]
        case "ndarray":
            elements: object = value.tolist()  # type: ignore[attr-defined]
            return elements
        case "bytes_":
            return bytes(value)  # type: ignore[call-overload]
        case "str_":
            return str.__str__(value)
        case _:
            scalar: object = value.item()  # type: ignore[attr-defined]
            return scalar


def _of_text(dtype: DType, text: str, spelling: Spelling) -> Reading:
    """The reading of a text as another type; a blank one says nothing."""
    if text in spelling.nulls or not text.strip():
        return None
    match dtype:
        case DType.INT64 | DType.UINT64:
            whole = whole_of_text(text, spelling)
            return whole if whole is not None and whole in _BOUNDS[dtype] else BAD
        case DType.FLOAT64:
            return _bad_if_none(real_of_text(text, spelling))
        case DType.DECIMAL:
            return _bad_if_none(exact_decimal(text, spelling))
        case DType.BOOLEAN:
            truth = _TRUTHS.get(text.strip().lower())
            return _truth(real_of_text(text, spelling)) if truth is None else truth
        case DType.TIMESTAMP:
            return _instant_of_text(text, spelling)
        case DType.TIME:
            since = read_time_of_day(text)
            return BAD if since is None else since // _MICROSECOND
        case DType.DURATION:
            length = whole_of_text(text, spelling)
            return length if length is not None and length in _MICROS else BAD
        case DType.BYTES:
            return _bytes_of_text(text)
        case _ if dtype.is_list:
            return _elements_of_text(dtype, text, spelling)
        case _:
            return BAD


def _text(text: str, spelling: Spelling) -> Reading:
    if text in spelling.nulls:
        return None
    return text if is_unicode(text) else BAD


def _digits(plain: object) -> Reading:
    match plain:
        case bool():
            return "true" if plain else "false"
        case int() | float() | Decimal():
            return render_real(plain)
        case UUID():
            return str(plain)
        case datetime():
            return _own_datetime(plain).isoformat()
        case date() | time():
            return plain.isoformat()
        case _:
            return BAD


def _truth(plain: object) -> Reading:
    if isinstance(plain, bool):
        return plain
    return bool(plain) if _is_number(plain) and plain in (0, 1) else BAD


def _whole(dtype: DType, plain: object) -> Reading:
    whole = whole_of(plain) if _is_number(plain) else None
    return whole if whole is not None and whole in _BOUNDS[dtype] else BAD


def _real(plain: object) -> Reading:
    match plain:
        case int() if not isinstance(plain, bool) and abs(plain) <= _LARGEST_FLOAT:
            return float(plain)
        case Decimal():
            nearest = float(plain)
            return nearest if math.isfinite(nearest) else BAD
        case Fraction() if abs(plain) <= _LARGEST_FLOAT:
            return float(plain) if Fraction(float(plain)) == plain else BAD
        case _:
            return BAD


def _is_number(plain: object) -> TypeGuard[int | float | Decimal | Fraction]:
    return isinstance(plain, _NUMBERS) and not isinstance(plain, bool)


def _instant(plain: object, spelling: Spelling) -> Reading:
    match plain:
        case datetime():
            return _within_calendar(_own_datetime(plain), spelling)
        case date():
            midnight = datetime(plain.year, plain.month, plain.day)  # noqa: DTZ001
            return _within_calendar(midnight, spelling)
        case int() if not isinstance(plain, bool):
            return plain if CALENDAR_RANGE[0] <= plain <= CALENDAR_RANGE[1] else BAD
        case _:
            return BAD


def _own_datetime(plain: datetime) -> datetime:
    """Made anew: pandas' own class of datetimes computes otherwise, in nanoseconds."""
    return datetime(
        plain.year,
        plain.month,
        plain.day,
        plain.hour,
        plain.minute,
        plain.second,
        plain.microsecond,
        plain.tzinfo,
        fold=plain.fold,
    )


def _instant_of_text(text: str, spelling: Spelling) -> Reading:
    moment = read_iso(text)
    if spelling.format:
        try:
            moment = datetime.strptime(text.strip(), spelling.format)  # noqa: DTZ007
        except ValueError:
            # Programs may go on sending what cannot be misread.
            moment = moment if moment is not None and moment.tzinfo is not None else None
    return BAD if moment is None else _within_calendar(moment, spelling)


def _within_calendar(moment: datetime, spelling: Spelling) -> Reading:
    """The instant of a date and time, if the calendar has it.

    A local time that its zone's clocks skip names no instant; of one that they show twice it is the
    first.
    """
    if moment.tzinfo is None:
        zone = _zone(spelling.zone)
        moment = moment.replace(tzinfo=zone, fold=0)
        if zone is not UTC and _is_skipped(moment, zone):
            return BAD
    try:
        micros = to_micros(moment)
    except OverflowError:
        return BAD
    return micros if CALENDAR_RANGE[0] <= micros <= CALENDAR_RANGE[1] else BAD


def _is_skipped(moment: datetime, zone: tzinfo) -> bool:
    try:
        back = moment.astimezone(UTC).astimezone(zone)
    except OverflowError:
        return False
    return back.replace(tzinfo=None) != moment.replace(tzinfo=None)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name else UTC


def _length(plain: object) -> Reading:
    match plain:
        case timedelta():
            micros = (
                timedelta(days=plain.days, seconds=plain.seconds, microseconds=plain.microseconds)
                // _MICROSECOND
            )
            return micros if micros in _MICROS else BAD
        case int() if not isinstance(plain, bool):
            return plain if plain in _MICROS else BAD
        case _:
            return BAD


def _time_of_day(plain: object) -> Reading:
    match plain:
        case time(tzinfo=None):
            whole = timedelta(
                hours=plain.hour,
                minutes=plain.minute,
                seconds=plain.second,
                microseconds=plain.microsecond,
            )
            return whole // _MICROSECOND
        case int() if not isinstance(plain, bool):
            return plain if 0 <= plain < DAY else BAD
        case _:
            return BAD


def _bytes_of_text(text: str) -> Reading:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return BAD


def _elements(element: DType, values: Sequence[object], spelling: Spelling) -> Reading:
    """A list of values that are all there."""
    read: list[StoredValue] = []
    for value in values:
        reading = read_value(element, value, spelling)
        if reading is None or isinstance(reading, BadValue):
            return BAD
        read.append(reading)
    return read


def _elements_of_text(dtype: DType, text: str, spelling: Spelling) -> Reading:
    try:
        values = msgspec.json.decode(text, type=list[object])
    except (msgspec.DecodeError, RecursionError):
        return BAD
    return _elements(dtype.element, values, spelling)


def _bad_if_none(value: StoredValue | None) -> Reading:
    return BAD if value is None else value
