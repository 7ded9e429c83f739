"""What a server cannot answer any more makes it unready: no room on the disk, records that nobody
folds, proofs that have run out, a clock that jumped.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

import mainspring as ms
from mainspring.app.cli.faults import EXIT_OK
from mainspring.elements.errors import MainspringError
from mainspring.elements.time import DAY, MINUTE, SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.monitoring.operations import OPERATIONS_MONITOR
from mainspring.monitoring.record import iter_open_incidents
from mainspring.ports.log import LogReader
from mainspring.ports.state import Change
from mainspring.registry.read import find_version
from mainspring.serving.state.lag import LagMeter
from tests.attacks.shop import Desk, copied, desk_of, make_project, opened
from tests.journeys.lateness import call


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`other`, which is protected, holds the second version, and held the first before."""
    project = make_project(tmp_path_factory.mktemp("projects") / "shop")
    for version in ("lateness@v1", "lateness@v2"):
        dev = ms.Workspace.open(project)
        dev.point_at(version)
        dev.promote("other")
    return project


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    return copied(promoted, tmp_path)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(time.time_ns() // 1000)


@pytest.fixture
def desk(project: Path, clock: FrozenClock) -> Iterator[Desk]:
    desk = desk_of(project, "other", clock=clock)
    assert desk.ready()[0] == 200
    return desk


def configure(project: Path, setting: str) -> None:
    file = project / "project.toml"
    file.write_text(
        file.read_text().replace("[environments.dev]", f"[environments.dev]\n{setting}")
    )


def version_of(desk: Desk) -> str:
    model = desk.server.host.served.endpoints["late"].current
    return model.label if model else ""


def incidents(workspace: ms.Workspace) -> dict[str, str]:
    """The open incidents of operations: kind and sentence."""
    found = iter_open_incidents(workspace.runtime.state, workspace.environment, OPERATIONS_MONITOR)
    return {incident.kind: incident.sentence for incident in found}


def test_a_disk_below_the_floor_takes_nothing_in(project: Path) -> None:
    configure(project, "disk_floor_mb = 1000000")
    desk = desk_of(project)
    status, reason = desk.ready()
    assert (status, "is full" in reason) == (503, True)
    assert desk.push("next")[0] == desk.predict()[0] == 503


def test_a_floor_that_is_no_number_is_refused(project: Path) -> None:
    configure(project, 'disk_floor_mb = 0\nlag_limit = "soon"')
    answer = call(project, ["status"])
    assert "disk_floor_mb" in answer.err
    assert "lag_limit" in answer.err


def looked(desk: Desk) -> str:
    """The code of what the background work finds."""
    try:
        desk.server.readiness.check()
    except MainspringError as error:
        return error.code
    return ""


def test_records_that_nobody_folds_make_it_unready_until_somebody_does(project: Path) -> None:
    configure(project, 'lag_limit = "1ms"')
    desk = desk_of(project)
    assert looked(desk) == ""
    assert desk.push("next")[0] == 200
    looked(desk)
    assert looked(desk) == "SRV-050"
    assert desk.ready()[0] == 503
    assert desk.predict()[0] == desk.push("another")[0] == 200
    desk.workspace.materialize()
    assert looked(desk) == ""
    assert desk.ready()[0] == 200


def test_lag_is_that_of_the_oldest_record_that_waits(project: Path) -> None:
    desk, now = desk_of(project), [0.0]
    runtime = desk.workspace.runtime
    meter = LagMeter(runtime.log, runtime.online, limit=30 * SECOND, steady=lambda: now[0])
    views = desk.workspace.streams.kept.read()

    def lagging() -> bool:
        return any(True for _ in meter.iter_faults(views))

    for name in ("one", "two", "three"):
        assert not lagging()
        desk.push(name)
        now[0] += 10
    assert not lagging()
    now[0] += 21
    assert lagging()
    desk.workspace.materialize()
    assert not lagging()


class GrowingLog:
    """A log with one record more whenever somebody asks where it ends."""

    def __init__(self) -> None:
        self.records = 100

    def head(self, _: str) -> int:
        self.records += 1
        return self.records


def test_a_consumer_that_never_comes_back_costs_no_memory(project: Path) -> None:
    """A look a second was kept for as long as it was behind."""
    desk, now = desk_of(project), [0.0]
    runtime = desk.workspace.runtime
    log = cast("LogReader", GrowingLog())
    meter = LagMeter(log, runtime.online, limit=SECOND, steady=lambda: now[0])
    views = desk.workspace.streams.kept.read()
    told = list[int]()
    for _ in range(5_000):
        now[0] += 1
        told = [fault.waited_s for fault in meter.iter_faults(views)]
    assert set(told) == {4_999}
    assert max(map(len, meter._heads.values())) <= 1_001


def test_proofs_that_end_within_fourteen_days_are_an_incident(
    desk: Desk, clock: FrozenClock
) -> None:
    assert desk.workspace.operations.run_due()
    assert incidents(desk.workspace) == {}
    clock.advance(77 * DAY)
    assert desk.workspace.operations.run_due()
    assert "lateness v2 is proven for other until" in incidents(desk.workspace)["proof_expiry"]
    assert not desk.workspace.operations.run_due()
    findings = desk.workspace.doctor.examine().findings
    assert "GAT-040" in {finding.code for finding in findings}


def test_at_expiry_a_running_server_answers_503_and_a_renewal_mends_it(
    desk: Desk, clock: FrozenClock
) -> None:
    clock.advance(90 * DAY - MINUTE)
    desk.server.host.refresh()
    assert desk.predict()[0] == 200
    clock.advance(10 * MINUTE)
    assert desk.server.host.refresh()
    status, told = desk.predict()
    assert (status, told["code"]) == (503, "SRV-003")
    status, reason = desk.ready()
    assert (status, "expired" in reason) == (503, True)
    assert desk.workspace.renew_gates().is_proven
    clock.advance(MINUTE)
    desk.server.host.refresh()
    assert desk.ready()[0] == desk.predict()[0] == 200


def test_what_is_refused_is_journaled_once(desk: Desk, clock: FrozenClock) -> None:
    clock.advance(91 * DAY)
    for _ in range(5):
        desk.server.host.refresh()
        clock.advance(2 * MINUTE)
    refused = list(desk.workspace.runtime.state.iter_events(kind="model.refused"))
    assert len(refused) == 1


def test_at_expiry_the_newest_map_that_is_proven_answers(desk: Desk, clock: FrozenClock) -> None:
    assert version_of(desk) == "lateness v2"
    clock.advance(50 * DAY)
    desk.workspace.renew_gates(all_retained=True)
    state = desk.workspace.runtime.state
    digest = find_version(state, "lateness@v2").digest
    forgotten = [
        Change("attestation", document.key, None)
        for document in state.iter_documents("attestation")
        if document.key.startswith("other/") and digest in document.key
    ]
    assert forgotten
    state.commit(forgotten, [])
    clock.advance(39 * DAY)
    desk.server.host.refresh()
    clock.advance(2 * DAY)
    desk.server.host.refresh()
    assert version_of(desk) == "lateness v1"
    assert desk.ready()[0] == desk.predict()[0] == 200


def test_a_scheduled_renewal_does_nothing_until_something_is_due(
    project: Path, clock: FrozenClock
) -> None:
    words = ["gates", "renew", "--env", "other", "--within", "14d"]
    answer = call(project, words)
    assert answer.code == EXIT_OK
    assert "holds no model to judge" in answer.out
    clock.advance(80 * DAY)
    later = opened(project, "other", clock=clock)
    assert len(later.renew_gates(within="14d").models) == 1
    assert later.renew_gates(within="14d").models == ()


class SteppedClock(FrozenClock):
    """A clock whose machine was set."""

    step = "the machine's clock went 3,600 s forward at noon, which is not followed yet"


def test_a_clock_that_jumped_is_said_and_stops_nothing(project: Path) -> None:
    desk = desk_of(project, clock=SteppedClock(time.time_ns() // 1000))
    status, told = desk.ask("/v2/health/ready")
    assert (status, told["ready"], told["notes"]) == (200, True, [SteppedClock.step])
    assert desk.workspace.operations.run_due()
    assert "3,600 s forward" in incidents(desk.workspace)["clock"]
    assert "ENG-045" in {each.code for each in desk.workspace.doctor.examine().findings}


def test_a_clock_behind_the_journal_is_found(project: Path, clock: FrozenClock) -> None:
    workspace = opened(project, clock=FrozenClock(clock.now() - DAY))
    assert "ENG-045" in {each.code for each in workspace.doctor.examine().findings}
    assert call(project, ["doctor"]).code == EXIT_OK
