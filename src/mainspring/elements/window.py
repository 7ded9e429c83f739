"""Windows: how long they are, which edges belong to them, and how a declaration writes them."""

from typing import Literal as OneOf

from mainspring.elements.time import Micros, format_duration, parse_duration

__all__ = ["UNBOUNDED", "Closed", "WindowLength", "format_window", "interval", "parse_window"]

Closed = OneOf["left", "right", "both"]

WindowLength = Micros | None
"""The length of a window in microseconds; None: from the beginning of time."""

UNBOUNDED = "unbounded"


def parse_window(text: str) -> WindowLength:
    """The window that a declaration writes as a length of time or as `unbounded`.

    >>> parse_window("1h"), parse_window("unbounded")
    (3600000000, None)
    """
    return None if str(text).strip() == UNBOUNDED else parse_duration(text)


def format_window(window: WindowLength) -> str:
    """The window as it stands in the names of columns; `parse_window` reads it back.

    >>> format_window(86_400_000_000), format_window(None)
    ('24h', 'unbounded')
    """
    return UNBOUNDED if window is None else format_duration(window)


def interval(window: WindowLength, closed: Closed) -> str:
    """The window as an interval of event time.

    >>> interval(3_600_000_000, "left"), interval(None, "right")
    ('[q - 1h, q)', '(-∞, q]')
    """
    left = (
        "(-∞"
        if window is None
        else f"{'(' if closed == 'right' else '['}q - {format_window(window)}"
    )
    return f"{left}, q{')' if closed == 'left' else ']'}"
