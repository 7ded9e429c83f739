"""A thread that repeats one act while requests go on."""

import logging
import threading

from mainspring.flow.periodic import PeriodicTask
from mainspring.ports.errors import StaleWrite


class Acts:
    """Counts its calls, tells when there were enough, and fails as told."""

    def __init__(self, failure=None, enough=4):
        self._failure, self._enough, self._calls = failure, enough, 0
        self.done = threading.Event()

    def __call__(self):
        self._calls += 1
        if self._calls >= self._enough:
            self.done.set()
        if self._failure is not None:
            raise self._failure


def told(caplog):
    return [record.levelname for record in caplog.records if record.name == "mainspring.server"]


def test_a_task_repeats_its_act_until_it_is_closed(caplog):
    act = Acts()
    with PeriodicTask(act, name="act").running():
        assert act.done.wait(10)
    assert told(caplog) == []


def test_an_act_that_fails_is_logged_once_by_its_name_and_tried_again(caplog):
    failing = Acts(StaleWrite(what="shard", expected="1", found="2"))
    with caplog.at_level(logging.WARNING), PeriodicTask(failing, name="tables").running():
        assert failing.done.wait(10)
    assert told(caplog) == ["WARNING"]
    assert "mainspring-tables: " in caplog.text


def test_an_act_that_takes_its_time_does_not_hold_up_another():
    release, quick = threading.Event(), Acts()
    slow = PeriodicTask(lambda: release.wait(60), name="slow")
    with slow.running(), PeriodicTask(quick, name="quick").running():
        assert quick.done.wait(10)
        assert not release.is_set()
        release.set()


def test_a_thread_is_called_by_its_act():
    names, seen = list[str](), threading.Event()

    def act():
        names.append(threading.current_thread().name)
        seen.set()

    with PeriodicTask(act, name="refresh").running():
        assert seen.wait(10)
    assert set(names) == {"mainspring-refresh"}


def test_a_bug_of_ours_does_not_end_the_thread(caplog):
    failing = Acts(ZeroDivisionError("ours"))
    with caplog.at_level(logging.WARNING), PeriodicTask(failing, name="failing").running():
        assert failing.done.wait(10)
    assert told(caplog) == ["WARNING"]
    assert "ZeroDivisionError" in caplog.text
