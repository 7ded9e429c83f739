"""Progress of running work.

On a terminal one line changes in place and is replaced by its result; on a pipe each stage prints
one line when it is finished.  Everything goes to standard error, so that standard output has only
the result.
"""

import time
from collections.abc import Callable, Mapping
from typing import TextIO

from mainspring.app.cli.paint import Paint, bar, clip, counted, format_seconds
from mainspring.elements.events import EventValue
from mainspring.flow.step import Step, StepOutcome

__all__ = ["BackfillBar", "DayProgress", "LiveLine", "StageProgress"]

_PERIOD_S = 0.1
_PATIENCE_S = 2.0
_ASSET_WIDTH = 32
_KIND_WIDTH = len("build training set")

_SHOWN_FACTS: Mapping[str, tuple[str, ...]] = {
    "read_files": ("accepted", "revised", "deleted", "duplicates", "quarantined", "reasons"),
    "import_source": ("accepted", "duplicates", "quarantined", "reasons"),
    "build_view": ("features",),
    "build_feature_set": ("features",),
    "build_training_set": ("fitted", "tested", "features", "negative by absence"),
    "train_model": ("version", "roc_auc", "log_loss", "mae", "rmse"),
    "build_baseline": ("columns",),
    "move_environment": ("version",),
}
"""The facts of a stage that are printed, by its kind; the others are digests, or are printed
elsewhere.
"""


class LiveLine:
    """The last line of the terminal, rewritten in place; without a terminal only finished lines are
    written.

    Args:
        width: columns of the terminal; 0 if there is none.
        now: seconds of a monotonic clock.
    """

    def __init__(
        self, stream: TextIO, *, width: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._width, self._now = stream, width, now
        self._drawn_at = float("-inf")
        self._is_drawn = False

    def show(self, text: str, *, at_once: bool = False) -> None:
        """Show a text in place, at most ten times a second."""
        if not self._width or (not at_once and self._now() - self._drawn_at < _PERIOD_S):
            return
        self._drawn_at, self._is_drawn = self._now(), True
        self._write(f"\r\x1b[2K{clip(text, self._width - 1)}")

    def leave(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        self._write(f"{text}\n")

    def clear(self) -> None:
        """Erase the text that is shown in place."""
        if self._is_drawn:
            self._write("\r\x1b[2K")
        self._is_drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class StageProgress:
    """Shows the steps of a run.

    Args:
        total: how many there are; 0 if unknown.
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
        """A step starts."""
        self._kind, self._started_at = step.kind, self._now()
        self._line.show(self._head("…", step.subject, step.kind), at_once=True)

    def on_progress(self, asset: str, done: int, total: int) -> None:
        """`done` rows of `total` are processed; a total of 0 is unknown."""
        parts = (
            [f"{done:,} rows"]
            if total <= 0
            else [bar(done, total), f"{done:,} of {total:,} rows", self._left(done, total)]
        )
        self._line.show("  ".join([self._head("…", asset, self._kind), *filter(None, parts)]))

    def on_finished(self, step: Step, outcome: StepOutcome, reused: bool) -> None:
        """A step is finished, now or by an earlier run."""
        self._finished += 1
        head = self._head("·" if reused else "✓", step.subject, step.kind)
        took = "reused" if reused else f"{format_seconds(self._now() - self._started_at):>7}"
        line = f"{head}  {took}  {_render_facts(step.kind, outcome.facts)}".rstrip()
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
        """The time it may still take, once there is enough progress to estimate it."""
        passed_s = self._now() - self._started_at
        return (
            f"{format_seconds(passed_s * (total - done) / done)} left"
            if done and passed_s >= _PATIENCE_S
            else ""
        )


def _render_facts(kind: str, facts: Mapping[str, EventValue]) -> str:
    if kind == "judge_gates":
        return f"{counted(len(facts), 'gate')} passed"
    return ", ".join(
        _render_fact(name, facts[name]) for name in _SHOWN_FACTS.get(kind, ()) if facts.get(name)
    )


def _render_fact(name: str, value: EventValue) -> str:
    match value:
        case str() if name == "reasons":
            return f"reasons: {value}"
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
    """Shows the progress of a backfill."""

    def __init__(self, line: LiveLine, *, now: Callable[[], float] = time.monotonic) -> None:
        self._line, self._now = line, now
        self._started_at = now()

    def on_rows(self, view: str, done: int, total: int) -> None:
        """A view is computed for `done` rows of `total`."""
        passed_s = self._now() - self._started_at
        left = (
            f"  {format_seconds(passed_s * (total - done) / done)} left"
            if 0 < done < total and passed_s >= _PATIENCE_S
            else ""
        )
        self._line.show(
            f"  {bar(done, total)}  {done:,} of {total:,} rows  {view}{left}", at_once=done == total
        )

    def end(self) -> None:
        """Clear the line."""
        self._line.clear()


class DayProgress:
    """Shows the days of a simulation."""

    def __init__(self, line: LiveLine, *, days: int) -> None:
        self._line, self._days, self._done = line, days, 0

    def on_day(self, text: str) -> None:
        """A day is finished."""
        self._done += 1
        self._line.show(
            f"  {bar(self._done, self._days)}  day {self._done} of {self._days}  {text}",
            at_once=self._done == self._days,
        )

    def end(self) -> None:
        """Clear the line."""
        self._line.clear()
