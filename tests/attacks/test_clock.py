"""The machine's clock jumps: forward and back, forward for good, back for good."""

from dataclasses import dataclass

import pytest

from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND, Micros
from mainspring.engines.local.clock import SystemClock

NOON: Micros = 1_700_000_000_000_000


@dataclass
class Machine:
    """A machine whose clocks are moved by hand."""

    wall: Micros = NOON
    steady: Micros = 77

    def passes(self, length: Micros) -> None:
        self.wall += length
        self.steady += length

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.steady)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SystemClock:
    return machine.clock()


@pytest.mark.parametrize("by", [365 * DAY, HOUR, -HOUR, -365 * DAY])
def test_a_blip_leaves_no_trace_and_time_goes_on(
    by: Micros, machine: Machine, clock: SystemClock
) -> None:
    assert clock.now() == NOON
    machine.wall += by
    seen = []
    for _ in range(30):
        machine.passes(SECOND)
        seen.append(clock.now())
    assert seen == [NOON + n * SECOND for n in range(1, 31)]
    assert "is not followed yet" in str(clock.step)
    machine.wall -= by
    machine.passes(SECOND)
    assert clock.now() == NOON + 31 * SECOND
    assert clock.step is None


@pytest.mark.parametrize("by", [365 * DAY, -HOUR])
def test_a_clock_that_was_set_for_good_is_followed_after_a_minute(
    by: Micros, machine: Machine, clock: SystemClock
) -> None:
    machine.wall += by
    assert clock.now() == NOON
    machine.passes(MINUTE)
    assert clock.now() == NOON + MINUTE + by
    step = clock.step
    assert step is not None
    assert step.followed
    assert step.by == by
    machine.passes(SECOND)
    assert clock.now() == machine.wall
    machine.passes(2 * HOUR)
    assert clock.step is None


def test_a_second_jump_begins_a_minute_of_its_own(machine: Machine, clock: SystemClock) -> None:
    machine.wall += HOUR
    clock.now()
    machine.passes(50 * SECOND)
    machine.wall += HOUR
    clock.now()
    machine.passes(50 * SECOND)
    assert clock.now() == NOON + 100 * SECOND
    machine.passes(10 * SECOND)
    assert clock.now() == machine.wall


def test_small_corrections_are_followed_and_never_lead_back(
    machine: Machine, clock: SystemClock
) -> None:
    machine.wall += 3 * SECOND
    assert clock.now() == NOON + 3 * SECOND
    machine.wall -= 2 * SECOND
    assert clock.now() == NOON + 3 * SECOND
    machine.passes(4 * SECOND)
    assert clock.now() == NOON + 5 * SECOND
    assert clock.step is None


def test_a_blip_is_told_once_when_it_comes_and_once_when_it_goes(
    machine: Machine, clock: SystemClock, caplog: pytest.LogCaptureFixture
) -> None:
    machine.wall += HOUR
    for _ in range(9):
        machine.passes(SECOND)
        clock.now()
    machine.wall -= HOUR
    clock.now()
    clock.now()
    assert [record.message.partition(" at ")[0] for record in caplog.records] == [
        "the machine's clock went 3,600 s forward",
        "the machine's clock is right again; the step was not followed",
    ]
