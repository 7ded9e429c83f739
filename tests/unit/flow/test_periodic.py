"""The thread that follows the map and folds the log while requests go on."""

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


def test_a_follower_repeats_its_acts_until_it_is_closed(caplog):
    act = Acts()
    with PeriodicTask(act).running():
        assert act.done.wait(10)
    assert told(caplog) == []


def test_an_act_that_fails_is_told_once_and_does_not_stop_the_others(caplog):
    failing, act = Acts(StaleWrite(what="shard", expected="1", found="2")), Acts()
    with caplog.at_level(logging.WARNING), PeriodicTask(failing, act).running():
        assert failing.done.wait(10)
        assert act.done.wait(10)
    assert told(caplog) == ["WARNING"]


def test_a_bug_of_ours_does_not_end_the_following(caplog):
    failing = Acts(ZeroDivisionError("ours"))
    with caplog.at_level(logging.WARNING), PeriodicTask(failing).running():
        assert failing.done.wait(10)
    assert told(caplog) == ["WARNING"]
    assert "ZeroDivisionError" in caplog.text
