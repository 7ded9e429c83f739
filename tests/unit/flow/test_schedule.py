"""Schedules fire at UTC boundaries, once, and never pile up."""

from mainspring.elements.time import DAY, HOUR, MINUTE
from mainspring.flow.schedule import ScheduleWindow, due_window, next_due


def test_the_first_window_is_the_newest_complete_one() -> None:
    found = due_window("daily", last=None, now=10 * DAY + HOUR)
    assert found is not None
    assert found == (ScheduleWindow(9 * DAY, 10 * DAY), ())


def test_nothing_is_due_twice() -> None:
    assert due_window("daily", last=ScheduleWindow(9 * DAY, 10 * DAY), now=11 * DAY - 1) is None


def test_a_window_is_due_at_the_instant_it_is_complete() -> None:
    found = due_window("hourly", last=ScheduleWindow(0, HOUR), now=2 * HOUR)
    assert found is not None
    assert found.window == ScheduleWindow(HOUR, 2 * HOUR)


def test_after_a_pause_only_the_newest_window_is_due_and_the_others_are_named() -> None:
    found = due_window("daily", last=ScheduleWindow(0, DAY), now=4 * DAY + MINUTE)
    assert found is not None
    assert (found.window, found.skipped) == (
        ScheduleWindow(3 * DAY, 4 * DAY),
        (ScheduleWindow(DAY, 2 * DAY), ScheduleWindow(2 * DAY, 3 * DAY)),
    )


def test_the_next_boundary_is_after_now() -> None:
    assert [next_due("hourly", now) for now in (0, HOUR - 1, HOUR)] == [HOUR, HOUR, 2 * HOUR]
