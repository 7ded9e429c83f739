"""What a user asks of a timestamp and of a text: `col("at").dt.hour()`,
`col("carrier").str.len_chars()`.
"""

from collections.abc import Callable
from operator import index
from typing import Generic, TypeVar

from mainspring.elements.expression.operations.dates import DatePart, LocalTime
from mainspring.elements.expression.operations.text import (
    WHITE_SPACE,
    TextCase,
    TextLength,
    TextMatch,
    TextSlice,
    TextStrip,
)
from mainspring.elements.expression.tree import Node

__all__ = ["DateTime", "Text"]

E = TypeVar("E")


class DateTime(Generic[E]):
    """The parts of a timestamp: `col("at").dt.hour()`."""

    def __init__(self, node: Node, expression: Callable[[Node], E]) -> None:
        self._node, self._expression = node, expression

    def convert_time_zone(self, zone: str) -> E:
        """The same instant on the clock of an IANA time zone; one instant has one local time, also
        in the hour that the clock shows twice.
        """
        return self._expression(LocalTime(self._node, zone))

    def year(self) -> E:
        """The year."""
        return self._expression(DatePart(self._node, "year"))

    def quarter(self) -> E:
        """The quarter of the year, 1–4."""
        return self._expression(DatePart(self._node, "quarter"))

    def month(self) -> E:
        """The month, 1–12."""
        return self._expression(DatePart(self._node, "month"))

    def week(self) -> E:
        """The week of ISO 8601, 1–53: the first is that of the year's first Thursday."""
        return self._expression(DatePart(self._node, "week"))

    def day(self) -> E:
        """The day of the month, 1–31."""
        return self._expression(DatePart(self._node, "day"))

    def hour(self) -> E:
        """The hour, 0–23."""
        return self._expression(DatePart(self._node, "hour"))

    def minute(self) -> E:
        """The minute, 0–59."""
        return self._expression(DatePart(self._node, "minute"))

    def second(self) -> E:
        """The second, 0–59."""
        return self._expression(DatePart(self._node, "second"))

    def weekday(self) -> E:
        """The day of the week, 1 on Monday."""
        return self._expression(DatePart(self._node, "weekday"))

    def ordinal_day(self) -> E:
        """The day of the year, 1 on the first of January."""
        return self._expression(DatePart(self._node, "ordinal_day"))


class Text(Generic[E]):
    """What a text holds: `col("carrier").str.starts_with("A")`.  A character is a Unicode code
    point; case and accents count.
    """

    def __init__(self, node: Node, expression: Callable[[Node], E]) -> None:
        self._node, self._expression = node, expression

    def to_lowercase(self) -> E:
        """The text in small letters, by Unicode's full mapping."""
        return self._expression(TextCase(self._node, "lower"))

    def to_uppercase(self) -> E:
        """The text in capital letters, by Unicode's full mapping: `ß` becomes `SS`."""
        return self._expression(TextCase(self._node, "upper"))

    def len_chars(self) -> E:
        """How many characters the text has."""
        return self._expression(TextLength(self._node))

    def contains(self, text: str) -> E:
        """Whether the text contains another, letter by letter: a dot is a dot, since regular
        expressions differ between engines.
        """
        return self._expression(TextMatch(self._node, "contains", _constant(text)))

    def starts_with(self, prefix: str) -> E:
        """Whether the text begins so."""
        return self._expression(TextMatch(self._node, "starts_with", _constant(prefix)))

    def ends_with(self, suffix: str) -> E:
        """Whether the text ends so."""
        return self._expression(TextMatch(self._node, "ends_with", _constant(suffix)))

    def slice(self, offset: int, length: int | None = None) -> E:
        """At most `length` characters from an offset on, which counts from 0, or from the end if it
        is negative.
        """
        return self._expression(
            TextSlice(self._node, index(offset), None if length is None else index(length))
        )

    def strip_chars(self, characters: str = WHITE_SPACE) -> E:
        """The text without any of these characters at either end; white space if none are given."""
        return self._expression(TextStrip(self._node, _constant(characters), "both"))

    def strip_chars_start(self, characters: str = WHITE_SPACE) -> E:
        """The text without any of these characters at its beginning."""
        return self._expression(TextStrip(self._node, _constant(characters), "start"))

    def strip_chars_end(self, characters: str = WHITE_SPACE) -> E:
        """The text without any of these characters at its end."""
        return self._expression(TextStrip(self._node, _constant(characters), "end"))


def _constant(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a constant text is wanted, not {type(text).__name__}")
    return text
