"""How text looks on a terminal: colours, aligned columns, readable figures.

Colour never carries information that the text does not have too, so a pipe, a file and `NO_COLOR`
lose nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

__all__ = [
    "Paint",
    "bar",
    "clip",
    "columns",
    "counted",
    "format_age",
    "format_seconds",
    "format_size",
    "paint_for",
    "sparks",
    "visible_width",
    "wants_colour",
]

_CODES = {"title": "1", "quiet": "2", "good": "32", "bad": "31", "warn": "33", "name": "36"}
_SPARKS = "▁▂▃▄▅▆▇█"
_DAY = 86_400
_ZERO_UNIT = re.compile(r" 0 (s|min|h)$")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Paint:
    """Colours, or none."""

    colour: bool

    def title(self, text: str) -> str:
        """The heading of a block."""
        return self._coloured("title", text)

    def quiet(self, text: str) -> str:
        """Less important text."""
        return self._coloured("quiet", text)

    def good(self, text: str) -> str:
        """A success."""
        return self._coloured("good", text)

    def bad(self, text: str) -> str:
        """A failure."""
        return self._coloured("bad", text)

    def warn(self, text: str) -> str:
        """A warning."""
        return self._coloured("warn", text)

    def name(self, text: str) -> str:
        """A name that the user chose."""
        return self._coloured("name", text)

    def mark(self, passed: bool) -> str:
        """✓ or ✗."""
        return self.good("✓") if passed else self.bad("✗")

    def _coloured(self, kind: str, text: str) -> str:
        return f"\x1b[{_CODES[kind]}m{text}\x1b[0m" if self.colour and text else text


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether output to the stream may be coloured: it is a terminal that is not dumb, and
    `NO_COLOR` is not set.
    """
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def paint_for(stream: TextIO, environment: Mapping[str, str]) -> Paint:
    """The colours for output to a stream."""
    return Paint(wants_colour(stream, environment))


def visible_width(text: str) -> int:
    """How many columns a text takes, without its colour codes."""
    return len(_ESCAPE.sub("", text))


def columns(
    rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: int = 2
) -> list[str]:
    """The rows as lines with aligned cells.

    Args:
        right: the columns that are aligned to the right, as figures should be.

    >>> columns([["late-arrival", "v3"], ["eta", "v12"]], right=[1])
    ['  late-arrival   v3', '  eta           v12']
    """
    widths = [max(map(visible_width, column)) for column in zip(*rows, strict=True)]
    return [
        " " * indent
        + "  ".join(_cell(text, widths[i], i in right) for i, text in enumerate(row)).rstrip()
        for row in rows
    ]


def _cell(text: str, width: int, is_right: bool) -> str:
    padding = " " * (width - visible_width(text))
    return padding + text if is_right else text + padding


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "row"), counted(2040, "row")
    ('1 row', '2,040 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def bar(done: int, total: int, *, width: int = 20) -> str:
    """How much is done; nothing where nobody knows how much there is.

    >>> bar(1, 4, width=8)
    '██░░░░░░'
    """
    if total <= 0:
        return ""
    full = width * min(done, total) // total
    return "█" * full + "░" * (width - full)


def sparks(counts: Sequence[int]) -> str:
    """How many fall into each part, as one block each; a part that holds nothing is blank.

    >>> sparks([0, 1, 4, 8])
    ' ▁▄█'
    """
    most = max(counts, default=0)
    return "".join(
        " " if count == 0 else _SPARKS[-(-count * len(_SPARKS) // most) - 1] for count in counts
    )


def clip(text: str, width: int) -> str:
    """An uncoloured text, shortened to so many columns.

    >>> clip("departure_delays", 10)
    'departure…'
    """
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def format_seconds(length_s: float) -> str:
    """A duration for people.

    >>> format_seconds(0.0042), format_seconds(3.21), format_seconds(75), format_seconds(4000)
    ('4 ms', '3.2 s', '1 min 15 s', '1 h 6 min')
    """
    if length_s < 1:
        return f"{length_s * 1000:.0f} ms"
    if length_s < 60:
        return f"{length_s:.1f} s"
    whole = round(length_s)
    return (
        f"{whole // 60} min {whole % 60} s"
        if whole < 3600
        else f"{whole // 3600} h {whole % 3600 // 60} min"
    )


def format_age(age_us: int) -> str:
    """How long ago something was, in its largest two units.

    >>> format_age(0), format_age(3_200_000), format_age(93_784_000_000), format_age(-7_200_000_000)
    ('now', '3.2 s ago', '1 d 2 h ago', 'in 2 h')
    """
    length_s = abs(age_us) / 1_000_000
    days, hours = divmod(round(length_s / 3600), 24)
    age = _ZERO_UNIT.sub(
        "", format_seconds(length_s) if length_s < _DAY else f"{days:,} d {hours} h"
    )
    if not age_us:
        return "now"
    return f"{age} ago" if age_us > 0 else f"in {age}"


def format_size(size_bytes: int) -> str:
    """A size for people.

    >>> format_size(900), format_size(15_300), format_size(2_500_000_000)
    ('900 bytes', '15.3 kB', '2.5 GB')
    """
    if size_bytes < 1_000:
        return counted(size_bytes, "byte")
    power = min((len(str(size_bytes)) - 1) // 3, 4)
    return f"{size_bytes / 1_000**power:.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
