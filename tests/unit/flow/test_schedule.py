"""Schedules fire at UTC boundaries, once, and never pile up."""

from mainspring.elements.time import DAY, HOUR, MINUTE
from mainspring.flow.schedule import Window, due, next_due


def test_the_first_window_is_the_newest_complete_one() -> None:
    found = due("daily", last=None, now=10 * DAY + HOUR)
    assert found is not None
    assert found == (Window(9 * DAY, 10 * DAY), ())


def test_nothing_is_due_twice() -> None:
    assert due("daily", last=Window(9 * DAY, 10 * DAY), now=11 * DAY - 1) is None


def test_a_window_is_due_at_the_instant_it_is_complete() -> None:
    found = due("hourly", last=Window(0, HOUR), now=2 * HOUR)
    assert found is not None
    assert found.window == Window(HOUR, 2 * HOUR)


def test_after_a_pause_only_the_newest_window_is_due_and_the_others_are_named() -> None:
    found = due("daily", last=Window(0, DAY), now=4 * DAY + MINUTE)
    assert found is not None
    assert (found.window, found.skipped) == (
        Window(3 * DAY, 4 * DAY),
        (Window(DAY, 2 * DAY), Window(2 * DAY, 3 * DAY)),
    )


def test_the_next_boundary_is_after_now() -> None:
    assert [next_due("hourly", now) for now in (0, HOUR - 1, HOUR)] == [HOUR, HOUR, 2 * HOUR]
