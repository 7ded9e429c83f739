"""The output of the demo: for each step a headline, why it matters, the commands with their output,
and what they show.
"""

import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mainspring.app.cli.paint import Paint, clip, columns, format_seconds
from mainspring.app.demo.errors import ClaimNotShown

__all__ = ["DemoOutput", "Figure"]

_PROSE = 100
_MARGIN = "  "


@dataclass(frozen=True)
class Figure:
    """A measurement, for the table at the end."""

    name: str
    value: str


class DemoOutput:
    """Prints the demo, measures its steps, and raises for a claim that does not hold.

    Args:
        write: prints one line.
        folder: the folder of the projects, for messages.
        width: columns of the terminal, or the longest line if there is none.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        paint: Paint,
        *,
        folder: Path,
        width: int = 160,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._paint, self._folder, self._width, self._now = (
            write,
            paint,
            folder,
            width,
            now,
        )
        self._began_at = self._act_began_at = now()
        self._act = ""
        self._acts: list[tuple[str, float]] = []
        self._figures: list[Figure] = []

    def open_act(self, title: str, why: str) -> None:
        """Start a step: print its headline, and why it matters."""
        self._close_act()
        self._act, self._act_began_at = title, self._now()
        number = len(self._acts)
        clock = _clock(self._act_began_at - self._began_at)
        head = f"━━ {number}  {title} "
        self._write("")
        self._write(
            self._paint.title(f"{head}{'━' * max(_PROSE - len(head) - len(clock), 2)} {clock}")
        )
        self.say(why)

    def say(self, text: str) -> None:
        """Print a paragraph."""
        self._write("")
        for line in textwrap.wrap(text, _PROSE, break_long_words=False, break_on_hyphens=False):
            self._write(f"{_MARGIN}{line}")

    def command(self, text: str) -> None:
        """Print a command that a user would type; it may have several lines."""
        self._write("")
        first, *more = text.split("\n")
        self._write(f"{_MARGIN}{self._paint.quiet('$')} {self._paint.name(first)}")
        for line in more:
            self._write(f"{_MARGIN}  {self._paint.name(line)}")

    def line(self, text: str) -> None:
        """Print one line of a command's output."""
        self._write(
            f"{_MARGIN}{self._paint.quiet('│')} {clip(text.rstrip(), max(self._width - 4, 40))}"
        )

    def passage(self, text: str) -> None:
        """Print a long line of output, wrapped between words and not shortened."""
        for line in textwrap.wrap(
            text.strip(), _PROSE, break_long_words=False, break_on_hyphens=False
        ):
            self.line(line)

    def lines(self, texts: Iterable[str]) -> None:
        """Print some lines of a command's output."""
        for text in texts:
            self.line(text)

    def claim(self, holds: bool, text: str) -> None:
        """Print what was shown if it holds.  Raises: ClaimNotShown FLO-901 otherwise."""
        if not holds:
            self.fail(text)
        first, *more = textwrap.wrap(
            text, _PROSE - 2, break_long_words=False, break_on_hyphens=False
        )
        self._write("")
        self._write(f"{_MARGIN}{self._paint.mark(True)} {first}")
        for line in more:
            self._write(f"{_MARGIN}  {line}")

    def fail(self, claim: str) -> NoReturn:
        """End the demo because a claim does not hold.  Raises: ClaimNotShown FLO-901."""
        raise ClaimNotShown(claim=claim, folder=str(self._folder))

    def figure(self, name: str, value: str) -> None:
        """Add a figure to the table at the end."""
        self._figures.append(Figure(name, value))

    def close(self) -> float:
        """Print the table of all figures and of each step's duration; returns the seconds since
        the start.
        """
        self._close_act()
        total_s = self._now() - self._began_at
        self._write("")
        self._write(self._paint.title(f"━━ Measurements {'━' * (_PROSE - 16)}"))
        self._write("")
        for text in columns([[figure.name, figure.value] for figure in self._figures]):
            self._write(text)
        self._write("")
        acts = [
            [f"step {number}", title, format_seconds(took_s)]
            for number, (title, took_s) in enumerate(self._acts)
        ]
        for text in columns([*acts, ["", "total", format_seconds(total_s)]], right=(2,)):
            self._write(text)
        return total_s

    def _close_act(self) -> None:
        if self._act:
            self._acts.append((self._act, self._now() - self._act_began_at))
        self._act = ""


def _clock(elapsed_s: float) -> str:
    """Minutes and seconds since the start."""
    return f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02d}"
