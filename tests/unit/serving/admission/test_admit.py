"""A queue takes what it has room for, urgent requests first; callers ask as often as they may."""

import tracemalloc

import pytest

from mainspring.elements.events import Actor
from mainspring.ports.http import Call
from mainspring.serving.admission import (
    AdmissionControl,
    AdmissionLimits,
    CallerRate,
    ModelQueueFull,
    RateExceeded,
    UnknownPriority,
)

QUEUE = 8


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def control(clock: Clock) -> AdmissionControl:
    callers = {"service:slow": CallerRate(2.0, 3)}
    return AdmissionControl(AdmissionLimits(QUEUE, callers=callers), now=clock)


def a_call(model: str = "late", priority: str = "", caller: str = "service:app") -> Call:
    headers = {"mainspring-priority": priority} if priority else {}
    path = {"name": model}
    return Call("POST", "/v2/models/{name}/infer", path, headers=headers, actor=Actor(caller))


def let_in(control: AdmissionControl, count: int, priority: str = "") -> int:
    """How many of so many are let in."""
    found = 0
    for _ in range(count):
        try:
            control.admit(a_call(priority=priority))
        except ModelQueueFull:
            continue
        found += 1
    return found


def test_live_requests_fill_a_queue_and_others_a_part_of_it(control: AdmissionControl) -> None:
    assert let_in(control, 100, "batch") == QUEUE // 4
    assert let_in(control, 100, "shadow") == QUEUE // 2 - QUEUE // 4
    assert let_in(control, 100) == QUEUE // 2
    assert control.under_way("late") == QUEUE


def test_who_leaves_makes_room_for_one(control: AdmissionControl) -> None:
    leave = control.admit(a_call())
    assert let_in(control, 100) == QUEUE - 1
    leave()
    assert let_in(control, 100) == 1


def test_names_that_callers_make_up_are_forgotten(control: AdmissionControl) -> None:
    control.admit(a_call("first"))()
    tracemalloc.start()
    try:
        for number in range(20_000):
            control.admit(a_call(f"made-up-{number}"))()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Kept, they would take 2.5 MB; what other threads allocate meanwhile is far less than one.
    assert held < 1_000_000


def test_a_full_queue_is_that_of_one_model(control: AdmissionControl) -> None:
    let_in(control, 100)
    control.admit(a_call("another"))
    with pytest.raises(ModelQueueFull, match="8 requests wait for late, and 4 shadow ones may"):
        control.admit(a_call(priority="shadow"))


def test_readiness_is_off_for_a_second_after_a_live_request_was_refused(
    control: AdmissionControl, clock: Clock
) -> None:
    let_in(control, QUEUE)
    let_in(control, 1, "batch")
    control.require_room()
    let_in(control, 1)
    with pytest.raises(ModelQueueFull):
        control.require_room()
    clock.seconds += 1.5
    control.require_room()


def test_a_caller_is_refused_beyond_its_rate_and_told_for_how_long(
    control: AdmissionControl, clock: Clock
) -> None:
    for _ in range(3):
        control.admit(a_call(caller="service:slow"))
    with pytest.raises(RateExceeded) as refused:
        control.admit(a_call(caller="service:slow"))
    assert refused.value.wait_s == pytest.approx(0.5)
    control.admit(a_call())
    clock.seconds += 0.5
    control.admit(a_call(caller="service:slow"))


def test_a_request_that_finds_no_room_costs_its_caller_nothing(
    control: AdmissionControl, clock: Clock
) -> None:
    let_in(control, QUEUE)
    for _ in range(10):
        with pytest.raises(ModelQueueFull):
            control.admit(a_call(caller="service:slow"))
    for _ in range(3):
        control.admit(a_call("another", caller="service:slow"))


def test_a_priority_that_there_is_not_is_refused(control: AdmissionControl) -> None:
    with pytest.raises(UnknownPriority, match="'soon'; there are: live, shadow, batch"):
        control.admit(a_call(priority="soon"))


def test_calls_of_other_routes_are_let_in_without_being_counted(control: AdmissionControl) -> None:
    admit = control.guarding(["/v1/endpoints/{name}/predict"])
    for _ in range(2 * QUEUE):
        admit(a_call())
    assert control.under_way("late") == 0
