"""Progress: in place on a terminal, one line for each finished stage on a pipe."""

import io
from collections.abc import Iterator

import pytest

from mainspring.app.cli.paint import Paint
from mainspring.app.cli.progress import BackfillBar, DayProgress, LiveLine, StageProgress
from mainspring.flow.step import Step, StepOutcome

STEP = Step(identity="i", kind="import_source", subject="source.orders")


@pytest.fixture
def ticks() -> Iterator[float]:
    """Seconds, one more with every look at the clock."""
    return iter(range(1000))


def progress(
    stream: io.StringIO, ticks: Iterator[float], *, width: int = 0, total: int = 0
) -> StageProgress:
    now = lambda: float(next(ticks))  # noqa: E731
    return StageProgress(
        LiveLine(stream, width=width, now=now), Paint(colour=False), total=total, now=now
    )


def test_a_pipe_gets_one_line_for_each_finished_stage(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    follow = progress(stream, ticks)
    follow.on_started(STEP)
    follow.on_progress("source.orders", 5, 10)
    follow.on_finished(
        STEP,
        StepOutcome(facts={"accepted": 10, "quarantined": 1, "reasons": "null:at 1"}),
        reused=False,
    )
    assert stream.getvalue() == (
        "  ✓ import source       source.orders                       2.0 s  10 "
        "accepted, 1 quarantined, reasons: null:at 1\n"
    )


def test_a_terminal_line_is_replaced_by_its_result(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    follow = progress(stream, ticks, width=100)
    follow.on_started(STEP)
    follow.on_progress("source.orders", 5, 10)
    follow.on_finished(STEP, StepOutcome(), reused=False)
    *drawn, left = stream.getvalue().split("\r\x1b[2K")
    assert "5 of 10 rows" in drawn[-1]
    assert left.startswith("  ✓ import source")


def test_what_is_left_is_told_once_it_can_be_judged() -> None:
    stream, moments = io.StringIO(), iter([0.0, 10.0, 10.0, 10.0])
    follow = StageProgress(
        LiveLine(stream, width=200, now=iter(range(100)).__next__),
        Paint(colour=False),
        now=moments.__next__,
    )
    follow.on_started(STEP)
    follow.on_progress("source.orders", 25, 100)
    assert stream.getvalue().endswith("25 of 100 rows  30.0 s left")


def test_a_line_in_place_never_wraps(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    progress(stream, ticks, width=30).on_progress("source.orders", 5, 10)
    assert len(stream.getvalue().removeprefix("\r\x1b[2K")) == 29


def test_a_reused_stage_says_so_and_stages_are_numbered(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    progress(stream, ticks, total=12).on_finished(STEP, StepOutcome(), reused=True)
    assert stream.getvalue().split() == ["1/12", "·", "import", "source", "source.orders", "reused"]


def test_only_facts_for_people_are_told(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    outcome = StepOutcome(
        facts={"card": "sha256:abc", "fitted": 2040, "tested": 1200, "features": 1}
    )
    progress(stream, ticks).on_finished(
        Step(identity="i", kind="build_training_set", subject="training_set.flights"),
        outcome,
        reused=False,
    )
    assert stream.getvalue().endswith("2,040 fitted, 1,200 tested, 1 feature\n")


def test_a_simulation_leaves_no_line_behind() -> None:
    stream = io.StringIO()
    days = DayProgress(LiveLine(stream, width=100, now=iter(range(100)).__next__), days=2)
    days.on_day("2013-10-01")
    days.on_day("2013-10-02")
    days.end()
    assert "day 2 of 2  2013-10-02" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_backfill_shows_the_view_at_work_and_how_long_it_may_take(ticks: Iterator[float]) -> None:
    stream = io.StringIO()
    now = lambda: float(next(ticks))  # noqa: E731
    follow = BackfillBar(LiveLine(stream, width=100, now=now), now=now)
    follow.on_rows("pace", 250, 1_000)
    follow.on_rows("demand", 1_000, 1_000)
    follow.end()
    shown = stream.getvalue().split("\r\x1b[2K")
    assert shown[1:] == [
        "  █████░░░░░░░░░░░░░░░  250 of 1,000 rows  pace",
        "  ████████████████████  1,000 of 1,000 rows  demand",
        "",
    ]
