"""What a server does while it answers: nothing waits behind a monitor."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import polars as pl

from mainspring.app.http.metrics import ServerMetrics
from mainspring.app.serve import background_tasks
from mainspring.app.workspace import Workspace
from mainspring.elements.time import HOUR
from mainspring.engines.local.clock import FrozenClock
from mainspring.monitoring.record import read_position
from mainspring.serving.host import EndpointHost
from tests.unit.monitoring.monitored import CountingLog
from tests.unit.monitoring.shop import INFERENCE, MONITOR, NOON, ask, open_shop, retrained

PATIENCE_S = 60


@dataclass
class BlockedLog(CountingLog):
    """A log in which the monitor's thread waits before it reads predictions.

    Args:
        order: what happened, in order.
    """

    began: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    order: list[str] = field(default_factory=list)

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """As the log says, late."""
        waits = (topic, threading.current_thread().name) == (INFERENCE, "mainspring-monitors")
        if waits:
            self.order.append("the monitor's batch begins")
            self.began.set()
            assert self.release.wait(PATIENCE_S)
        yield from super().read(topic, start=start, stop=stop)
        if waits:
            self.order.append("the monitor's batch ends")
            self.ended.set()


def wait_for_answer_of(host: EndpointHost, version: str) -> None:
    """Ask until that version answers."""
    until = time.monotonic() + PATIENCE_S
    while host.predict("late", [{"shop": "a", "sale": "№ 1"}], actor="me")[0].version != version:
        assert time.monotonic() < until


def due_shop(log: BlockedLog) -> tuple[Workspace, str]:
    """A shop that can be rolled back, with a window that its monitor has to evaluate, and the
    version that a rollback restores.
    """
    clock = FrozenClock(NOON)
    first = open_shop(clock, log)
    [answer] = first.predict("late", {"shop": "a", "sale": "№ 1"})
    shop = retrained(first)
    shop.monitors.run_due()
    ask(shop, *range(60))
    clock.advance(HOUR)
    return shop, answer.version


def test_a_rollback_is_served_before_the_batch_of_a_monitor_ends() -> None:
    log = BlockedLog()
    shop, restored = due_shop(log)
    host = shop.host()
    with ExitStack() as running:
        for task in background_tasks(shop, host, ServerMetrics(), require_stores=lambda: None):
            running.enter_context(task.running())
        running.callback(log.release.set)
        assert log.began.wait(PATIENCE_S)
        shop.rollback()
        wait_for_answer_of(host, restored)
        log.order.append("the rollback is served")
        log.release.set()
        assert log.ended.wait(PATIENCE_S)
    assert log.order == [
        "the monitor's batch begins",
        "the rollback is served",
        "the monitor's batch ends",
    ]
    stored = read_position(shop.runtime.state, "dev", MONITOR)
    assert stored is not None
    assert stored.position.window.end == NOON + HOUR


def test_each_act_of_a_server_has_a_thread_of_its_own_name() -> None:
    log = BlockedLog()
    log.release.set()
    shop, _ = due_shop(log)
    with ExitStack() as running:
        for task in background_tasks(
            shop, shop.host(), ServerMetrics(), require_stores=lambda: None
        ):
            running.enter_context(task.running())
        names = {thread.name for thread in threading.enumerate()}
    acts = {"refresh", "tables", "monitors", "parity"}
    assert {f"mainspring-{act}" for act in acts} <= names
