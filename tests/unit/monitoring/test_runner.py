"""The monitors of an environment: what they read, and what stays of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl
import pytest

from mainspring.app.ports import monitor_ports
from mainspring.app.workspace import Workspace
from mainspring.elements.identity import canonical_json
from mainspring.elements.time import DAY, HOUR, SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.monitoring.record import read_position
from mainspring.monitoring.runner import MonitorRunner
from mainspring.ports.state import Change
from mainspring.registry.errors import UnknownAsset
from tests.topics import facts_topic, refused_topic
from tests.unit.monitoring.monitored import CountingLog
from tests.unit.monitoring.shop import (
    INFERENCE,
    MONITOR,
    NOON,
    SALES,
    ask,
    open_shop,
    sale,
)


@pytest.fixture
def clock():
    return FrozenClock(NOON)


@pytest.fixture
def log():
    return CountingLog()


@pytest.fixture
def workspace(clock, log):
    return open_shop(clock, log)


def process_of(workspace) -> MonitorRunner:
    """A process that has run no monitor yet."""
    return MonitorRunner(monitor_ports(workspace.runtime), "dev")


@pytest.fixture
def hour(workspace, clock, log) -> Callable[..., list[int]]:
    """An hour in which these sales are asked about, and what was found of it by a process: how many
    predictions each report has.
    """

    def hour(*sales: int, by: MonitorRunner | None = None) -> list[int]:
        ask(workspace, *sales)
        clock.advance(HOUR)
        log.read_records.clear()
        reports = (by or process_of(workspace)).run_due()
        return [report.predictions for report in reports]

    return hour


def test_a_monitor_begins_with_the_window_in_which_it_was_first_seen(hour):
    assert [hour(1, 2), hour(3, 4, 5), hour()] == [[], [3], [0]]


def test_a_process_that_begins_reads_what_is_new_and_nothing_again(workspace, hour, log):
    hour()
    assert hour(*range(70)) == [70]
    workspace.ingest("sales", [sale(97, "2024-05-05T13:30:00Z", 2.0)])
    assert hour(1, 2, 3) == [3]
    assert log.read_records[INFERENCE] == 3
    # Once for the label that it carries, once to count what came in.
    assert log.read_records[facts_topic(workspace, "sales")] == 2


def test_what_was_made_between_a_window_and_its_evaluation_is_read_twice(
    workspace, hour, log, clock
):
    hour()
    hour(*range(70))
    ask(workspace, 1, 2)
    clock.advance(HOUR)
    ask(workspace, 3)
    assert [report.predictions for report in process_of(workspace).run_due()] == [2]
    assert hour(4) == [2]
    assert log.read_records[INFERENCE] == 2


def test_a_process_that_goes_on_reads_no_object_again(workspace, hour):
    runner = process_of(workspace)
    hour(by=runner)
    assert hour(*range(60), by=runner) == [60]
    for chunk in read_position(workspace.runtime.state, "dev", MONITOR).position.chunks:
        workspace.runtime.objects.remove(chunk.digest)
    assert hour(7, by=runner) == [1]


def test_where_a_chunk_is_gone_the_log_is_read_from_its_start(workspace, hour, log):
    hour()
    hour(*range(70))
    [chunk] = read_position(workspace.runtime.state, "dev", MONITOR).position.chunks
    workspace.runtime.objects.remove(chunk.digest)
    assert hour(1, 2) == [2]
    assert log.read_records[INFERENCE] == 72


def test_labels_of_earlier_windows_are_joined_after_a_restart(workspace, hour, clock):
    hour()
    hour(*range(200, 260))
    workspace.ingest("sales", [sale(n, "2024-05-05T13:30:00Z", 2.0) for n in range(200, 260)])
    clock.advance(HOUR)
    [report] = process_of(workspace).run_due()
    assert (report.predictions, report.latest_labelled.rows) == (0, 60)


def test_the_position_that_release_0_1_wrote_is_gone_on_from(workspace, hour):
    state, window = workspace.runtime.state, (NOON - HOUR, NOON)
    state.commit([Change("watched", f"dev/{MONITOR}", canonical_json(window))], [])
    assert hour(1, 2) == [2]
    assert state.get("watched", f"dev/{MONITOR}") is None
    assert read_position(state, "dev", MONITOR).position.window == (NOON, NOON + HOUR)


def test_an_evaluation_on_demand_moves_no_position(workspace, hour, clock):
    hour()
    ask(workspace, *range(5))
    clock.advance(SECOND)
    before = read_position(workspace.runtime.state, "dev", MONITOR)
    assert process_of(workspace).run(MONITOR).predictions == 5
    assert read_position(workspace.runtime.state, "dev", MONITOR) == before
    assert hour() == [5]


def test_a_monitor_that_the_environment_does_not_hold_is_unknown(workspace):
    with pytest.raises(UnknownAsset, match=f"(?s)sales-monitor.*{MONITOR}"):
        process_of(workspace).run("sales-monitor")


@dataclass
class RacedLog(CountingLog):
    """A log that lets another process go first, once somebody reads predictions."""

    overtake: Callable[[], object] | None = None

    def read(self, topic: str, *, start: int = 0, stop: int | None = None):
        """As the log says."""
        if topic == INFERENCE and self.overtake:
            overtake, self.overtake = self.overtake, None
            overtake()
        return self.log.read(topic, start=start, stop=stop)


def test_of_two_processes_one_records_the_window(workspace, hour, log, clock):
    hour()
    ask(workspace, *range(60))
    clock.advance(HOUR)
    faster, found = process_of(workspace), []
    raced = RacedLog(log, overtake=lambda: found.extend(faster.run_due()))
    ports = replace(monitor_ports(workspace.runtime), log=raced)
    assert MonitorRunner(ports, "dev").run_due() == []
    assert [report.predictions for report in found] == [60]


def test_findings_open_incidents_in_the_state_and_the_journal(workspace, hour, log):
    hour()
    broken = {"_id": [f"{n}" for n in range(60)], "reason": ["between:amount"] * 60}
    envelope = {
        "_content": pl.lit(b"0" * 16),
        "_op": pl.lit("insert"),
        "_history": pl.lit(False),
        **{
            name: pl.lit(NOON + HOUR, dtype=pl.Int64)
            for name in ("_event_time", "_known_at", "_appended_at", "_visible_at")
        },
    }
    log.append(
        {refused_topic(workspace, "sales"): pl.DataFrame(broken).with_columns(**envelope)},
        expected={},
    )
    hour()
    [incident] = workspace.status().incidents
    assert (incident.kind, incident.monitor) == ("data_quality", MONITOR)
    events = workspace.runtime.state.iter_events(kind="incident.")
    assert [recorded.event.kind for recorded in events] == ["incident.opened"]


def test_what_a_window_could_not_judge_is_told_by_status(workspace, hour):
    hour()
    assert workspace.status().monitors[0].summary is None
    hour(*range(12))
    [monitor] = workspace.status().monitors
    assert (monitor.name, monitor.until) == (MONITOR, NOON + 2 * HOUR)
    assert "score_drift of score: 12 rows, 20 needed" in [
        each.words for each in monitor.summary.unjudged
    ]


def test_a_subject_that_joins_an_incident_is_journalled_and_told(workspace, hour, log):
    def refuse(reason: str, at: int) -> None:
        broken = pl.DataFrame({"_id": [f"{reason}{n}" for n in range(60)], "reason": [reason] * 60})
        times = ("_event_time", "_known_at", "_appended_at", "_visible_at")
        envelope = {name: pl.lit(at, dtype=pl.Int64) for name in times}
        envelope |= {"_content": pl.lit(b"0" * 16), "_op": pl.lit("insert")}
        frame = broken.with_columns(**envelope, _history=pl.lit(False))
        log.append({refused_topic(workspace, "sales"): frame}, expected={})

    hour()
    refuse("between:amount", NOON + HOUR)
    hour()
    refuse("type:shop", NOON + 2 * HOUR)
    hour()
    [incident] = workspace.status().incidents
    assert [each.name for each in incident.present] == ["sales between:amount", "sales type:shop"]
    events = [e.event for e in workspace.runtime.state.iter_events(kind="incident.")]
    assert [event.kind for event in events] == ["incident.opened", "incident.updated"]
    assert events[1].facts["joined"] == ["sales type:shop"]


def test_a_monitor_runs_as_the_environment_holds_it_and_not_as_it_is_declared(workspace, clock):
    undeclared = Workspace.in_memory([SALES], clock=clock).project
    other = Workspace(undeclared, workspace.runtime, environment="dev", folder=None)
    other.monitors.run_due()
    clock.advance(DAY)
    assert len(other.monitors.run_due()) == 1
