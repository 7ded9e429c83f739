"""The machine's clock jumps: forward and back, forward for good, back for good; the clock of the
data is set before the newest fact.
"""

from dataclasses import dataclass, replace

import pytest

import mainspring as ms
from mainspring.app.data_plane import stream_ports
from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND, Micros
from mainspring.engines.local.clock import FrozenClock, SystemClock
from mainspring.features.stream.open import materialize_to_head

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


HOURS = 40 * 24
SALES = ms.Source(
    "sales",
    id="n",
    event_time="at",
    contract=ms.Contract(n=ms.Int64(), at=ms.Timestamp(), shop=ms.String()),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1d"],
    features={"n": ms.count()},
)


def test_a_clock_of_the_data_before_the_newest_fact_folds_once_and_then_nothing() -> None:
    late = ms.Workspace.in_memory([TAKINGS], clock=FrozenClock(NOON + 40 * DAY))
    rows = [{"n": n, "at": NOON + n * HOUR, "shop": "a"} for n in range(HOURS)]
    late.ingest("sales", rows, history=True)
    late.apply()
    runtime = replace(late.runtime, data_clock=FrozenClock(NOON + 5 * DAY))
    early = ms.Workspace(late._files, runtime, environment="dev", folder=None)
    [view] = late.streams.kept.read()
    folded = [
        materialize_to_head(view, stream_ports(each.runtime))
        for each in (late, early, early, late, early)
    ]
    assert folded == [0, HOURS, 0, 0, 0]
    for workspace in (early, late):
        answer = workspace.get_online_features("takings", keys=[{"shop": "a"}])
        assert answer.columns == {"shop__n__24h": [24]}
