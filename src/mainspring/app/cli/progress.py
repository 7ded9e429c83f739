"""What is being done, while it is being done.

On a terminal one line changes in place and is replaced by its result; on a pipe each stage leaves
one line when it is finished.  Everything goes to standard error, so that the answer on standard
output stays one document.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from mainspring.app.cli.paint import Paint, bar, clip, counted, format_seconds
from mainspring.elements.events import EventValue
from mainspring.flow.step import Step, StepOutcome

__all__ = ["BackfillBar", "DayProgress", "LiveLine", "StageProgress"]

_PERIOD_S = 0.1
_PATIENCE_S = 2.0
_ASSET_WIDTH = 32
_KIND_WIDTH = len("build training set")

_TOLD: Mapping[str, tuple[str, ...]] = {
    "import_source": ("accepted", "duplicates", "quarantined", "reasons"),
    "build_view": ("features",),
    "build_training_set": ("fitted", "tested", "features"),
    "train_model": ("version", "roc_auc", "log_loss"),
    "build_baseline": ("columns",),
    "move_environment": ("version",),
}
"""The facts of a stage that people want to see, by its kind; the others are digests, or are shown
elsewhere.
"""


class LiveLine:
    """The last line of the terminal, rewritten in place; on anything but a terminal only finished
    lines are written.

    Args:
        width: columns of the terminal; 0 where there is none.
        now: seconds of a clock that only goes forward.
    """

    def __init__(
        self, stream: TextIO, *, width: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._width, self._now = stream, width, now
        self._drawn_at = float("-inf")
        self._is_drawn = False

    def show(self, text: str, *, at_once: bool = False) -> None:
        """Put a text in place, at most ten times in a second."""
        if not self._width or (not at_once and self._now() - self._drawn_at < _PERIOD_S):
            return
        self._drawn_at, self._is_drawn = self._now(), True
        self._write(f"\r\x1b[2K{clip(text, self._width - 1)}")

    def leave(self, text: str) -> None:
        """Write a line that stays."""
        self.clear()
        self._write(f"{text}\n")

    def clear(self) -> None:
        """Take away what was in place."""
        if self._is_drawn:
            self._write("\r\x1b[2K")
        self._is_drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class StageProgress:
    """Follows the steps of a run.

    Args:
        total: how many there are; 0 when nobody knows.
    """

    def __init__(
        self,
        line: LiveLine,
        paint: Paint,
        *,
        total: int = 0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line, self._paint, self._total, self._now = line, paint, total, now
        self._finished = 0
        self._kind, self._started_at = "", 0.0

    def on_started(self, step: Step) -> None:
        """A step begins."""
        self._kind, self._started_at = step.kind, self._now()
        self._line.show(self._head("…", step.subject, step.kind), at_once=True)

    def on_progress(self, asset: str, done: int, total: int) -> None:
        """So many rows of so many are done; a total of 0 is not known."""
        parts = (
            [f"{done:,} rows"]
            if total <= 0
            else [bar(done, total), f"{done:,} of {total:,} rows", self._left(done, total)]
        )
        self._line.show("  ".join([self._head("…", asset, self._kind), *filter(None, parts)]))

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        """A step is done, now or long ago."""
        self._finished += 1
        head = self._head("·" if reused else "✓", step.subject, step.kind)
        took = "reused" if reused else f"{format_seconds(self._now() - self._started_at):>7}"
        line = f"{head}  {took}  {_say(step.kind, outcome.facts)}".rstrip()
        self._line.leave(
            self._paint.quiet(line) if reused else line.replace("✓", self._paint.good("✓"), 1)
        )

    def _head(self, sign: str, asset: str, kind: str) -> str:
        count = (
            f"{self._finished + (sign == '…'):>{len(str(self._total))}}/{self._total} "
            if self._total
            else ""
        )
        return f"  {count}{sign} {kind.replace('_', ' '):<{_KIND_WIDTH}}  {asset:<{_ASSET_WIDTH}}"

    def _left(self, done: int, total: int) -> str:
        """How long it may still take, once there is something to judge it by."""
        passed_s = self._now() - self._started_at
        return (
            f"{format_seconds(passed_s * (total - done) / done)} left"
            if done and passed_s >= _PATIENCE_S
            else ""
        )


def _say(kind: str, facts: Mapping[str, EventValue]) -> str:
    if kind == "judge_gates":
        return f"{counted(len(facts), 'gate')} passed"
    return ", ".join(
        _say_fact(name, facts[name]) for name in _TOLD.get(kind, ()) if facts.get(name)
    )


def _say_fact(name: str, value: EventValue) -> str:
    match value:
        case str() if name == "reasons":
            return f"because of {value}"
        case str():
            return value
        case float():
            return f"{name} {value:.4f}"
        case int() if name == "version":
            return f"version {value}"
        case int():
            return (
                counted(value, name.removesuffix("s"))
                if name.endswith("s")
                else f"{value:,} {name}"
            )
        case _:
            return f"{name} {value}"


class BackfillBar:
    """Follows the views of a backfill through its rows.

    Args:
        views: their names, in the order in which each piece of rows is answered.
    """

    def __init__(
        self, line: LiveLine, *, views: Sequence[str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._line, self._views, self._now = line, list(views), now
        self._started_at = now()

    def on_rows(self, view: str, done: int, total: int) -> None:
        """A view has answered so many rows of so many."""
        place = self._views.index(view) + 1
        passed_s = self._now() - self._started_at
        left = (
            f"  {format_seconds(passed_s * (total - done) / done)} left"
            if 0 < done < total and passed_s >= _PATIENCE_S
            else ""
        )
        which = f"  {view}, view {place} of {len(self._views)}"
        self._line.show(
            f"  {bar(done, total)}  {done:,} of {total:,} rows{which}{left}", at_once=done == total
        )

    def end(self) -> None:
        """Nothing more comes."""
        self._line.clear()


class DayProgress:
    """Follows the days of a simulation."""

    def __init__(self, line: LiveLine, *, days: int) -> None:
        self._line, self._days, self._done = line, days, 0

    def on_day(self, said: str) -> None:
        """A day is over."""
        self._done += 1
        self._line.show(
            f"  {bar(self._done, self._days)}  day {self._done} of {self._days}  {said}",
            at_once=self._done == self._days,
        )

    def end(self) -> None:
        """Nothing more comes."""
        self._line.clear()
