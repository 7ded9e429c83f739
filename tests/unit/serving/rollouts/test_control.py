"""Several processes, one roll-out."""

from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.announcement import served_lines
from mainspring.app.data_plane import open_controller
from mainspring.app.http.address import ServerAddress
from mainspring.elements.time import MINUTE, SECOND, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.project.loader.load import load_definitions
from mainspring.serving.errors import NoRollout

CANARY = ms.Canary(steps=[30, 100], hold="10m")
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(),
        shop=ms.String(),
        at=ms.Timestamp(),
        amount=ms.Float64(),
        bags=ms.Float64(),
    ),
)
LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop", "bags"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[ms.OnDemandFeatureView("double", features={"double": col("bags") * 2})],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(LATE)
def first(train, run):
    return LogisticRegression().fit(train.X, train.y)


@ms.model(LATE)
def second(train, run):
    return LogisticRegression(C=0.5).fit(train.X, train.y)


@ms.model(LATE)
def contrary(train, run):
    return LogisticRegression().fit(train.X, 1 - train.y)


def edited(opened, model, rollout, *others):
    """The workspace with an endpoint of this model, and others, applied."""
    declared = [SALES, LATE, first, second, contrary]
    declared += [ms.Endpoint("late", model=model, rollout=rollout), *others]
    project = load_definitions(declared)
    workspace = ms.Workspace(project, opened.runtime, environment="dev", folder=None)
    workspace.apply()
    return workspace


@pytest.fixture
def clock():
    return FrozenClock(parse_instant("2024-06-01T00:00:00Z"))


@pytest.fixture
def workspace(clock):
    declared = [SALES, LATE, first, second, contrary, ms.Endpoint("late", model=first)]
    opened = ms.Workspace.in_memory(declared, clock=clock)
    rows = [
        {
            "sale": f"{hour}",
            "shop": "aab"[hour % 3],
            "at": f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z",
            "bags": float(hour % 3 == 1),
            "amount": 2.0 * (hour % 3 == 1 or hour % 5 == 0),
        }
        for hour in range(96)
    ]
    opened.ingest("sales", rows, history=True)
    opened.apply()
    return opened


def server(workspace):
    """A host that takes part, as that of a server process."""
    host = workspace.host()
    host.take_part(open_controller(workspace.runtime, "dev", host))
    host.refresh()
    return host


def share(host):
    endpoint = host.endpoint("late")
    return endpoint.current.label, endpoint.share


def kinds(workspace):
    events = workspace.runtime.state.iter_events(kind="rollout.")
    return [recorded.event.kind for recorded in events]


def test_one_process_takes_what_has_no_rollout_at_once(workspace):
    host = server(workspace)
    edited(workspace, second, None)
    host.refresh()
    assert share(host) == ("second v1", 100)
    assert kinds(workspace) == []


def test_nothing_moves_before_every_process_has_the_revision(workspace, clock):
    early, late = server(workspace), server(workspace)
    edited(workspace, second, CANARY)
    clock.advance(SECOND)
    early.refresh()
    assert share(early) == ("second v1", 0)
    late.refresh()
    early.refresh()
    assert share(early) == share(late) == ("second v1", 30)
    assert kinds(workspace) == ["rollout.started"]


def test_a_process_that_is_silent_is_not_waited_for(workspace, clock):
    host, _ = server(workspace), server(workspace)
    edited(workspace, second, None)
    host.refresh()
    assert share(host) == ("second v1", 0)
    clock.advance(MINUTE)
    host.refresh()
    assert share(host) == ("second v1", 100)


def test_a_process_that_left_is_not_waited_for(workspace):
    host, other = server(workspace), server(workspace)
    other.leave()
    edited(workspace, second, None)
    host.refresh()
    assert share(host) == ("second v1", 100)


def test_a_server_that_starts_again_goes_on_where_the_last_one_was(workspace, clock):
    host = server(workspace)
    edited(workspace, second, CANARY)
    host.refresh()
    clock.advance(MINUTE)
    again = server(workspace)
    assert share(again) == ("second v1", 30)
    clock.advance(10 * MINUTE)
    again.refresh()
    assert share(again) == ("second v1", 100)
    assert kinds(workspace) == ["rollout.started", "rollout.promoted"]


def test_two_processes_take_one_decision_once(workspace, clock):
    hosts = server(workspace), server(workspace)
    edited(workspace, second, CANARY)
    for _ in range(30):
        clock.advance(MINUTE)
        for host in hosts:
            host.refresh()
    assert kinds(workspace) == ["rollout.started", "rollout.promoted"]
    assert [share(host) for host in hosts] == [("second v1", 100)] * 2


def test_a_rollback_of_the_environment_is_served_at_once(workspace):
    host = server(workspace)
    changed = edited(workspace, second, CANARY)
    host.refresh()
    changed.rollback()
    host.refresh()
    assert share(host) == ("first v1", 100)
    assert kinds(workspace) == ["rollout.started", "rollout.aborted"]


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_rollback_of_something_else_leaves_a_roll_out_where_it_is(workspace, is_taken_back):
    host = server(workspace)
    changed = edited(workspace, second, CANARY)
    host.refresh()
    if is_taken_back:
        changed.rollouts.abort("late")
    edited(workspace, second, CANARY, ms.Endpoint("other", model=first))
    host.refresh()
    changed.rollback()
    host.refresh()
    # Commands and notebooks follow as the servers do.
    assert share(host) == share(changed.host()) == ("second v1", 0 if is_taken_back else 30)


def test_a_person_pauses_resumes_and_promotes(workspace, clock):
    host = server(workspace)
    changed = edited(workspace, second, CANARY)
    host.refresh()
    assert changed.rollouts.pause("late").phase == "paused"
    clock.advance(60 * MINUTE)
    host.refresh()
    assert share(host) == ("second v1", 30)
    assert changed.rollouts.resume("late").phase == "running"
    changed.rollouts.promote("late")
    host.refresh()
    assert share(host) == ("second v1", 100)


def test_a_person_takes_a_candidate_back_and_changes_their_mind(workspace):
    host = server(workspace)
    changed = edited(workspace, second, CANARY)
    host.refresh()
    [running] = changed.status().endpoints
    assert running.rollout == "Canary running, 30 %; first v1 answers the rest"
    report = changed.rollouts.abort("late")
    assert (report.phase, report.stable_model) == ("aborted", "first v1")
    assert report.candidate_model == "second v1"
    [taken_back] = changed.status().endpoints
    assert taken_back.model == "second v1"
    assert taken_back.rollout == "roll-out aborted; first v1 answers"
    host.refresh()
    assert share(host) == ("second v1", 0)
    said = [*served_lines(host.served, ServerAddress("http://here"), Path("token"))]
    assert "  late: first v1; second v1 was taken back" in said
    changed.rollouts.promote("late")
    assert not changed.status().endpoints[0].rollout
    host.refresh()
    assert share(host) == ("second v1", 100)


def test_where_nothing_takes_over_there_is_nothing_to_abort(workspace):
    server(workspace)
    with pytest.raises(NoRollout, match="no revision is taking over"):
        workspace.rollouts.abort("late")


def test_decisions_are_on_record_with_what_they_were_taken_from(workspace, clock):
    host = server(workspace)
    edited(workspace, second, CANARY)
    host.refresh()
    host.predict("late", [{"shop": "a", "bags": 1.0}], actor="me", revision="candidate")
    for _ in range(40):
        host.tallies.failed("late", host.endpoint("late").revision_name)
        host.predict("late", [{"shop": "a", "bags": 1.0}], actor="me", revision="stable")
    clock.advance(2 * SECOND)
    host.refresh()
    [*_, last] = workspace.runtime.state.iter_events(kind="rollout.aborted")
    assert "errors: 40 of 41 calls beside 0 of 40 calls" in last.event.facts["reason"]
    assert workspace.rollouts.reports()[0].phase == "aborted"


def test_labels_that_arrive_take_a_worse_candidate_back(workspace, clock):
    host = server(workspace)
    rules = ms.RolloutRules(quality=0.0)
    rollout = ms.Canary(steps=[50, 100], hold="10d", rules=rules)
    changed = edited(workspace, contrary, rollout)
    host.refresh()
    asked = [{"sale": f"s{number}", "shop": "a", "bags": number % 2} for number in range(200)]
    host.predict("late", asked[:100], actor="me", revision="stable")
    host.predict("late", asked[100:], actor="me", revision="candidate")
    clock.advance(MINUTE)
    truth = [
        {"sale": row["sale"], "shop": "a", "bags": 0.0, "amount": 2.0 * row["bags"]}
        for row in asked
    ]
    at = "2024-06-01T00:00:30Z"
    changed.ingest("sales", [{**row, "at": at} for row in truth])
    host.refresh()
    report = changed.rollouts.reports()[0]
    assert report.phase == "aborted"
    assert "loss on labels" in report.reason
